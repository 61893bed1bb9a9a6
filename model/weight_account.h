#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace sightline::model {

// One tensor that a network holds.
struct HeldTensor {
  const void* data = nullptr;
  int64_t bytes = 0;
  int64_t parameters = 0;  // weights it stands for; 0 of scales and the like
  bool mapped = false;     // a view of the file, which the system may drop and read again
};

// What one part of a model holds.
struct PartHoldings {
  std::string part;
  std::vector<HeldTensor> tensors;  // none twice
  int64_t kv_token_bytes = 0;       // of its KV cache, a token
};

// The sizes of that.
struct WeightAccount {
  int64_t parameters = 0;
  int64_t mapped_bytes = 0;  // views of the files
  int64_t copied_bytes = 0;  // held in another form than stored, or on a device
  int64_t kv_token_bytes = 0;
  std::map<std::string, int64_t> shared_bytes;  // by part: what it holds too
};

// By part, and as "total" all of them together: what several hold counts once there.
std::map<std::string, WeightAccount> AccountWeights(const std::vector<PartHoldings>& parts);

}  // namespace sightline::model
