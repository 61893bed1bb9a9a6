#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "base/hash.h"
#include "base/lru_cache.h"
#include "model/encoder.h"

namespace sightline::cache {

// The vectors of queries that were asked before. A call is kept whole, as its inputs were encoded
// together: what comes back is bit for bit what the encoder gave. Any thread.
class EmbeddingCache {
 public:
  EmbeddingCache(int64_t max_bytes, const SecretKey& secret)
      : secret_(secret), vectors_(max_bytes) {}

  // As Encoder::Encode; one that is kept takes no time of the encoder's. It hangs on the tenant and
  // adapter of `call`, on the encoder's fingerprint, on `dimension`, and on every byte of the
  // inputs: texts, and the pixels of pictures with their sizes. Calls that come together for the
  // same inputs each run: a deadline or a cancelled call must not decide for others.
  absl::StatusOr<std::vector<std::vector<float>>> Encode(model::Encoder& encoder,
                                                         std::span<const model::EncodeInput> inputs,
                                                         int dimension,
                                                         const model::CallOptions& call);

  void Clear() { vectors_.Clear(); }

  CacheStats stats() const { return vectors_.stats(); }

 private:
  const SecretKey secret_;
  LruCache<std::vector<std::vector<float>>> vectors_;
};

}  // namespace sightline::cache
