#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/query/claim_check.h"
#include "services/query/hits.h"
#include "services/query/markers.h"
#include "services/query/sentences.h"

namespace sightline::query {

// One citation of an answer.
struct Citation {
  int marker = 0;  // the number inside [n]; passage n of the prompt
  size_t start =
      0;  // bytes [start, end) of the answer: the sentence, without the markers at its end
  size_t end = 0;
  size_t hit = 0;       // index of the passage among the hits
  std::string snippet;  // the words of the passage that the sentence rests on
  Verdict verdict = Verdict::kUnchecked;
  float support = 0;  // [0, 1]: how much of the sentence's wording the passage holds
};

// What becomes of a sentence that its citations do not support, or that cites nothing.
enum class VerdictPolicy { kFlag, kDrop };

// Takes what leaves the server, in order, on the thread that writes the answer. Returning false
// stops it.
struct AnswerSink {
  std::function<bool(absl::string_view)> on_text;
  std::function<bool(const Citation&)> on_citation;
};

// Turns the raw text of a generator into a grounded answer while it is being written: illegal
// markers are taken out, every finished sentence is checked against the passages it cites, and text
// and citations go to the sink. With kFlag text leaves as it comes and unsupported sentences carry
// their verdict; with kDrop a sentence leaves when it is whole and not unsupported. Not
// thread-safe.
class GroundedWriter {
 public:
  // `hits` and `sink` outlive the writer. Marker n names hits[n - 1], for n up to `passages`.
  GroundedWriter(std::span<const Hit> hits, int passages, VerdictPolicy policy,
                 const AnswerSink& sink);

  // False when the sink wants no more.
  bool Write(absl::string_view raw);
  bool Finish();

  const std::string& text() const { return text_; }
  const std::vector<Citation>& citations() const { return citations_; }
  int dropped() const { return dropped_; }  // sentences left out
  int uncited() const { return uncited_; }  // sentences of the answer without a citation

 private:
  bool Take(absl::string_view text);
  bool SettleSentences(bool all);
  bool Settle(Span sentence);
  bool LeaveWhole(absl::string_view sentence);

  const std::span<const Hit> hits_;
  const VerdictPolicy policy_;
  const AnswerSink& sink_;
  MarkerFilter filter_;
  std::string text_;       // what has left
  std::string unsettled_;  // the sentences that are not finished; with kFlag the tail of text_
  std::string gap_;        // with kDrop: white space behind the last sentence that left
  std::vector<Citation> citations_;
  int dropped_ = 0;
  int uncited_ = 0;
  bool stopped_ = false;
};

// The sentences of an answer: as SplitSentences, but markers right behind a sentence belong to it.
std::vector<Span> SplitAnswer(absl::string_view text);

}  // namespace sightline::query
