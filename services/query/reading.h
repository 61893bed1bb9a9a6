#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/hash.h"
#include "base/lru_cache.h"
#include "base/sealed_box.h"
#include "model/generator.h"
#include "services/edge/call_scope.h"
#include "services/query/entailment.h"
#include "services/query/hits.h"

// Pictures whose words nobody knows give the exact gates nothing to look at: a generator reads them
// out, and the gates compare.
namespace sightline::query {

// A still picture without words.
bool IsUnread(const index::Passage& passage);

// What a generator is asked behind a picture that it is to read out. The demo's model is taught it.
std::string ReadRequest(bool chinese);

// What is written in a picture that IsUnread, a line each; `chinese`: what it is to be compared
// with is. Empty where nothing is written there or nobody can say. Any thread.
using PictureWords = std::function<absl::StatusOr<std::string>(
    const index::Passage& picture, bool chinese, const edge::CallLimits& limits)>;

inline constexpr int kReadingTokens = 1024;  // of one picture; what holds more is not read

// Has a generator read pictures out, greedily. What was read last is kept, for each tenant and
// language. The generator outlives it. Any thread.
class PictureReadings {
 public:
  PictureReadings(model::Generator& generator, PassagePicture picture, int64_t cache_bytes)
      : generator_(generator), picture_(std::move(picture)), kept_(cache_bytes) {}

  // As PictureWords: also empty for a picture that is not there, cannot be decoded or is longer
  // than the generator's context. Other errors of the picture and of Generator::Generate;
  // kCancelled, kDeadlineExceeded.
  absl::StatusOr<std::string> Read(const index::Passage& picture, bool chinese,
                                   const edge::CallLimits& limits);
  // Nothing that was read, or is being read, is kept any more.
  void Forget();

  CacheStats stats() const { return kept_.stats(); }

 private:
  model::Generator& generator_;
  const PassagePicture picture_;
  const SecretKey secret_ = RandomSecret();
  std::atomic<int> forgotten_ = 0;
  LruCache<std::string> kept_;
};

// The passage; one that IsUnread with the words that `read`, which may be null, finds there.
absl::StatusOr<index::Passage> ReadOut(const index::Passage& passage, const std::string& claim,
                                       const PictureWords& read, const edge::CallLimits& limits);

// Whether a text has a digit, a name or a quotation. Claims without may be about what is seen.
bool SaysWhatCanBeWritten(const std::string& text);

// What CheckClaim says with the words of pictures read out, which are all there (`whole`) or not.
// Words without a digit, a name or a quotation that share nothing with the claim refuse nothing: a
// generator may say so that nothing is written there.
Verdict CheckReadClaim(const std::string& claim, const std::vector<std::string>& facts, bool whole);

// JudgeClaim, and where the gates do not support the claim, no reranker refuses it, and some of
// what is cited IsUnread, CheckReadClaim with the words that `read` finds there. A page beside a
// passage of its own words is not read. `read` may be null; where it fails it says nothing.
Verdict JudgeByReading(const std::string& claim, std::span<const index::Passage* const> cited,
                       const EntailmentScorer& scorer, const PictureWords& read,
                       const edge::CallLimits& limits);

}  // namespace sightline::query
