#include "model/weight_account.h"

#include "absl/container/flat_hash_set.h"

namespace sightline::model {
namespace {

void Add(const HeldTensor& tensor, WeightAccount& account) {
  account.parameters += tensor.parameters;
  (tensor.mapped ? account.mapped_bytes : account.copied_bytes) += tensor.bytes;
}

}  // namespace

std::map<std::string, WeightAccount> AccountWeights(const std::vector<PartHoldings>& parts) {
  std::map<std::string, WeightAccount> out;
  absl::flat_hash_set<const void*> counted;
  for (const PartHoldings& part : parts) {
    WeightAccount& account = out[part.part];
    account.kv_token_bytes = part.kv_token_bytes;
    absl::flat_hash_set<const void*> own;
    for (const HeldTensor& tensor : part.tensors) {
      Add(tensor, account);
      own.insert(tensor.data);
      if (counted.insert(tensor.data).second) Add(tensor, out["total"]);
    }
    for (const PartHoldings& other : parts) {
      if (&other == &part) continue;
      int64_t bytes = 0;
      for (const HeldTensor& tensor : other.tensors) {
        if (own.contains(tensor.data)) bytes += tensor.bytes;
      }
      if (bytes > 0) account.shared_bytes[other.part] = bytes;
    }
  }
  return out;
}

}  // namespace sightline::model
