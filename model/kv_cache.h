#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace sightline::model {

// Keys (normed and rotated) and values of one sequence in every decoder layer. Grows as needed.
// Belongs to the thread that runs the network.
class KvCache {
 public:
  // `expected_tokens` are reserved with the first Append; more are taken by doubling.
  KvCache(int64_t layers, int64_t expected_tokens);

  struct View {
    at::Tensor keys;    // [kv_heads, tokens, d]
    at::Tensor values;  // [kv_heads, tokens, d]
  };

  // Adds tokens to one layer and returns all of its tokens, the new ones last. Valid until the next
  // call. keys, values: [new, kv_heads, d].
  View Append(int64_t layer, const at::Tensor& keys, const at::Tensor& values);

  // To be called once every layer has had its Append of the same `count` tokens.
  void Advance(int64_t count) { tokens_ += count; }

  // Tokens held in every layer.
  int64_t tokens() const { return tokens_; }

 private:
  struct Layer {
    at::Tensor keys;    // [kv_heads, capacity, d]
    at::Tensor values;  // [kv_heads, capacity, d]
  };

  const int64_t expected_tokens_;
  std::vector<Layer> layers_;
  int64_t tokens_ = 0;
};

}  // namespace sightline::model
