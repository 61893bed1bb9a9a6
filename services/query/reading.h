#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "base/lru_cache.h"
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

inline constexpr int64_t kReadingCacheBytes = 4 << 20;
inline constexpr int kReadingTokens = 1024;  // of one picture; what holds more is not read

// Has a generator read pictures out, greedily, each once: what was read last is kept. The generator
// outlives it. Any thread.
class PictureReadings {
 public:
  PictureReadings(model::Generator& generator, PassagePicture picture,
                  int64_t cache_bytes = kReadingCacheBytes)
      : generator_(generator), picture_(std::move(picture)), kept_(cache_bytes) {}

  // As PictureWords. Errors of the picture and of Generator::Generate.
  absl::StatusOr<std::string> Read(const index::Passage& picture, bool chinese,
                                   const edge::CallLimits& limits);
  // Nothing that was read is kept any more.
  void Forget() { kept_.Clear(); }

 private:
  model::Generator& generator_;
  const PassagePicture picture_;
  LruCache<std::string> kept_;
};

// FactsOf, with the words that `read`, which may be null, finds where the passage IsUnread.
absl::StatusOr<std::string> ReadFactsOf(const index::Passage& passage, const std::string& claim,
                                        const PictureWords& read, const edge::CallLimits& limits);

// JudgeClaim, and where that does not support a claim with a number, a name or a quotation, and
// some of what is cited IsUnread, what CheckClaim says with the words that `read` finds there.
// Other claims may be about what is seen, of which no word tells. `read` may be null; where it
// fails or finds nothing in one of the pictures, it can refuse nothing.
Verdict JudgeByReading(const std::string& claim, std::span<const index::Passage* const> cited,
                       const EntailmentScorer& scorer, const PictureWords& read,
                       const edge::CallLimits& limits);

}  // namespace sightline::query
