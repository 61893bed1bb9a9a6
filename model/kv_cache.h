#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace sightline::model {

// What a cache keeps of each token, and how.
struct KvLayout {
  int64_t layers = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  at::ScalarType type = at::kFloat;  // on the CPU float32 or bfloat16
  at::Device device = at::kCPU;
  // Keys as the CPU's kernels read them, in panels of [head_dim, kKeyPanel]; else, and always on a
  // GPU, in rows of [head_dim].
  bool panels = true;

  int64_t page_bytes() const;
  int64_t token_bytes() const;  // a page's share
};

// Keys (normed and rotated) and values of one sequence in every decoder layer, in pages of
// kPageTokens tokens each that are taken as the sequence grows and never moved: the cache takes at
// most one page more than its tokens need, also while it grows. Belongs to the thread that runs the
// network.
class KvCache {
 public:
  static constexpr int64_t kPageTokens = 256;
  // Pages that `tokens` tokens take.
  static constexpr int64_t PagesOf(int64_t tokens) {
    return (tokens + kPageTokens - 1) / kPageTokens;
  }

  explicit KvCache(const KvLayout& layout) : layout_(layout) {}

  // Adds tokens to one layer, behind those it holds. keys, values: [new, kv_heads, head_dim], of
  // any float type.
  void Append(int64_t layer, const at::Tensor& keys, const at::Tensor& values);

  // To be called once every layer has had its Append of the same `count` tokens.
  void Advance(int64_t count) { tokens_ += count; }

  const KvLayout& layout() const { return layout_; }
  int64_t tokens() const { return tokens_; }  // held in every layer
  int64_t bytes() const { return static_cast<int64_t>(pages_.size()) * layout_.page_bytes(); }

  // What the CPU's kernels read of one head's page: see KeyBlockView. Element: float or Bf16Bits.
  template <typename Element>
  const Element* KeyPanels(int64_t layer, int64_t head, int64_t page) const {
    return static_cast<const Element*>(At(layer, head, page));
  }
  template <typename Element>
  const Element* ValueRows(int64_t layer, int64_t head, int64_t page) const {
    return static_cast<const Element*>(At(layer, head, page)) + layout_.head_dim * kPageTokens;
  }

  // Tokens [begin, end) of a layer kept in rows, as float32. Two tensors [kv_heads, end - begin,
  // head_dim]; `end` may include what this step has appended.
  struct Rows {
    at::Tensor keys;
    at::Tensor values;
  };
  Rows CopyRows(int64_t layer, int64_t begin, int64_t end) const;

 private:
  // First element of a head's part of a page: its keys, then its values.
  const void* At(int64_t layer, int64_t head, int64_t page) const;
  // A layer's keys and values of one page, [kv_heads, kPageTokens, head_dim], as views.
  Rows PageRows(int64_t layer, int64_t page) const;
  void AppendRows(int64_t layer, const at::Tensor& keys, const at::Tensor& values);
  template <typename Element>
  void AppendPanels(int64_t layer, const at::Tensor& keys, const at::Tensor& values);

  const KvLayout layout_;
  std::vector<at::Tensor> pages_;  // each [layers, kv_heads, head's part]
  int64_t tokens_ = 0;
};

}  // namespace sightline::model
