#pragma once

#include <span>
#include <string>
#include <vector>

#include "services/edge/call_scope.h"
#include "services/query/hits.h"
#include "services/query/reading.h"

namespace sightline::query {

// What a draft's sentences and the passages that they cite make of each other. Numbers of passages
// from 1, in order.
struct DraftCheck {
  std::vector<int> cited;
  // Every sentence that cites one of these speaks of names, none of which it has: it is about
  // something else, and the draft took one thing for another.
  std::vector<int> foreign;
  // Pictures of the right thing of which a sentence that cites nothing else says what they do not:
  // they were misread. With the words that are written there.
  struct Misread {
    int number = 0;
    std::string words;
  };
  std::vector<Misread> misread;

  bool HasFaults() const { return !foreign.empty() || !misread.empty(); }
  // Which of two drafts is to be preferred.
  int Standing() const {
    if (cited.empty() || !foreign.empty()) return 0;
    return misread.empty() ? 2 : 1;
  }
};

// Holds `draft` against hits[0], its passage 1, and the next by the exact gates, and pictures
// without words by what `read`, which may be null, finds there. Errors of `read` leave a picture
// unjudged.
DraftCheck CheckDraft(const std::string& draft, std::span<const Hit> hits, const PictureWords& read,
                      const edge::CallLimits& limits);

}  // namespace sightline::query
