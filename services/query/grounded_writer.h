#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/image.h"
#include "services/query/claim_check.h"
#include "services/query/hits.h"
#include "services/query/markers.h"
#include "services/query/sentences.h"

namespace sightline::query {

// One citation of an answer.
struct Citation {
  int marker = 0;  // the number inside [n]; passage n of the answer's
  size_t start =
      0;  // bytes [start, end) of the answer: the sentence, without the markers at its end
  size_t end = 0;
  size_t hit = 0;       // index of the passage among the hits
  std::string snippet;  // the words of the passage that the sentence rests on
  Verdict verdict = Verdict::kUnchecked;
  float support = 0;  // [0, 1]: how much of the sentence's wording the passage holds
  // On the passage's page or picture: around the lines of the snippet where they are known, else
  // where the picture shows what the sentence says.
  std::optional<Box> region = {};
};

// Says that `citation` rests on these bytes of `passage`: sets its snippet, at most 300 bytes of
// them, and where the passage's lines are known the region.
void RestOn(const index::Passage& passage, Span words, Citation& citation);
// Likewise on the sentence that shares most with `claim`. Where none shares anything the snippet is
// the head of the passage, and has no region.
void RestOn(const index::Passage& passage, absl::string_view claim, Citation& citation);

// One sentence of an answer.
struct SentenceVerdict {
  size_t start = 0;  // as of a citation
  size_t end = 0;
  std::vector<int> markers;  // none: it cites nothing, which makes it unsupported
  Verdict verdict = Verdict::kUnchecked;
};

// What becomes of a sentence that its citations do not support, or that cites nothing. kRegenerate:
// it is written again, at most kMaxTries times, and left out when no try does better.
enum class VerdictPolicy { kFlag, kDrop, kRegenerate };

inline constexpr int kMaxTries = 2;     // for one sentence
inline constexpr int kMaxRewrites = 8;  // in one answer; later sentences are dropped at once

// Judges a sentence without its markers by the passages it cites, at least one.
using SentenceJudge =
    std::function<Verdict(const std::string& claim, std::span<const index::Passage* const> cited)>;

// Writes `sentence`, which its passages do not support, anew. `before`: the answer up to it.
using SentenceRewriter = std::function<absl::StatusOr<std::string>(
    absl::string_view before, absl::string_view sentence, int attempt)>;

// Where the picture of `passage` shows what `claim` says; nothing where it is not known.
using RegionFinder =
    std::function<std::optional<Box>(const std::string& claim, const index::Passage& passage)>;

struct GroundingOptions {
  VerdictPolicy policy = VerdictPolicy::kFlag;
  SentenceJudge judge;       // null: the exact gates alone
  SentenceRewriter rewrite;  // for kRegenerate; null: as kDrop
  RegionFinder locate = {};  // null: citations have no regions
  // Passage n of the generator is passage numbers[n - 1] of the answer; empty: n of both.
  std::vector<int> numbers = {};
};

struct FieldCitation;  // field_citations.h

// Takes what leaves the server, in order, on the thread that writes the answer. Returning false
// stops it.
struct AnswerSink {
  std::function<bool(absl::string_view)> on_text;
  std::function<bool(const Citation&)> on_citation;
  std::function<bool(const FieldCitation&)> on_field = nullptr;   // of a JSON answer; may be null
  std::function<bool(absl::string_view)> on_reasoning = nullptr;  // before the text; may be null
};

// Turns the raw text of a generator into a grounded answer while it is being written: illegal
// markers are taken out, every finished sentence is checked against the passages it cites, and text
// and citations go to the sink. With kFlag text leaves as it comes and unsupported sentences carry
// their verdict; with kDrop and kRegenerate a sentence leaves when it is whole and supported or
// unchecked, so that what has left stands. Not thread-safe.
class GroundedWriter {
 public:
  // `hits` and `sink` outlive the writer. The generator knows `passages` of the hits. Marker n of
  // the answer names hits[n - 1].
  GroundedWriter(std::span<const Hit> hits, int passages, GroundingOptions options,
                 const AnswerSink& sink);

  // False when the sink wants no more, or when writing a sentence anew failed: see status().
  bool Write(absl::string_view raw);
  bool Finish();

  const std::string& text() const { return text_; }
  const std::vector<Citation>& citations() const { return citations_; }
  const std::vector<SentenceVerdict>& sentences() const { return sentences_; }
  const absl::Status& status() const { return status_; }  // of the rewriter
  int dropped() const { return dropped_; }                // sentences left out
  int rewritten() const { return rewritten_; }            // sentences that another stands for
  int uncited() const { return uncited_; }  // sentences of the answer without a citation

 private:
  bool Take(absl::string_view text);
  bool SettleSentences(bool all);
  // A sentence with its markers, taken apart and judged.
  struct Judged {
    std::string words;
    std::string claim;  // without the markers
    std::vector<int> cited;
    std::vector<const index::Passage*> passages;
    bool states_something = false;
    Verdict verdict = Verdict::kUnchecked;
    bool fails() const { return states_something && Fails(verdict); }
  };
  Judged JudgeSentence(absl::string_view words) const;
  // Writes it anew until it does not fail; false when no try does, or the rewriter failed.
  bool Rewrite(Judged& sentence);
  bool Settle(absl::string_view words, size_t tail);
  bool LeaveWhole(absl::string_view sentence);

  const std::span<const Hit> hits_;
  const GroundingOptions options_;
  const AnswerSink& sink_;
  MarkerFilter filter_;
  std::string text_;       // what has left
  std::string unsettled_;  // the sentences that are not finished; with kFlag the tail of text_
  std::string gap_;        // with kDrop: white space behind the last sentence that left
  std::vector<Citation> citations_;
  std::vector<SentenceVerdict> sentences_;
  absl::Status status_;
  int dropped_ = 0;
  int rewritten_ = 0;
  int rewrites_ = 0;
  int uncited_ = 0;
  bool stopped_ = false;
};

// The sentences of an answer: as SplitSentences, but markers right behind a sentence belong to it.
std::vector<Span> SplitAnswer(absl::string_view text);

}  // namespace sightline::query
