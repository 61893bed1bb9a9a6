#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/image.h"
#include "index/corpus.h"
#include "index/types.h"

namespace sightline::query {

// Why a hit stands where it stands; filled where asked for.
struct HitReason {
  index::HitExplanation stages = {};
  float fused_score = 0;
  int fused_rank = 0;                     // from 1
  std::vector<uint64_t> duplicates = {};  // passages that show the same and went for this one
  int group_rank = 0;                     // among its document's hits, from 1; 0 = not grouped
  std::vector<uint64_t> left_out = {};    // at a document's first hit: its others that were found
};

// A passage beside a hit in its document.
struct Neighbour {
  int offset = 0;  // -1 = directly before the hit, 1 = directly behind it
  index::Passage passage;
};

// A passage that a search found. Scores are absent when their stage did not see it.
struct Hit {
  index::Passage passage;
  float score = 0;                    // what the hits are ordered by
  std::optional<float> dense = {};    // cosine
  std::optional<float> lexical = {};  // BM25
  std::optional<float> rerank = {};   // [0, 1]
  std::optional<float> patches = {};  // index/patch_search.h
  std::vector<Neighbour> neighbours = {};
  std::optional<HitReason> reason = {};
  // Of one that a second look found: the words of better hits that led to it (leads.h).
  std::vector<std::string> led_by = {};
};

// Decodes a picture outside this process. kInvalidArgument with a reason payload: not a readable
// picture or a limit is passed. Any thread.
using PictureDecoder =
    std::function<absl::StatusOr<ImagePtr>(absl::string_view bytes, absl::Time deadline)>;

// The decoded picture of a passage, for prompts and reranking. kNotFound: it has none. Any thread.
using PassagePicture =
    std::function<absl::StatusOr<ImagePtr>(const index::Passage& passage, absl::Time deadline)>;

// True for passages that are a picture first: image, page, figure, video segment.
inline bool IsPicture(index::PassageKind kind) {
  return kind != index::PassageKind::kText && kind != index::PassageKind::kTable;
}

// The words of a passage that a claim may rest on: its headings and its text.
inline std::string PassageWords(const index::Passage& passage) {
  return passage.heading.empty() ? passage.text : passage.heading + "\n" + passage.text;
}

// The date that a document's metadata names: its field "date", else "taken"; empty without one, or
// when it does not begin with a digit. As it was given: not yet fit for a prompt.
std::string DateOf(const index::Passage& passage);

// PassageWords, the date and a video's times: what the head of a prompt's passage and its body say.
// Nothing for a picture without words.
std::string FactsOf(const index::Passage& passage);

}  // namespace sightline::query
