#include "model/kv_cache.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "model/attention_kernel.h"

namespace sightline::model {
namespace {

static_assert(KvCache::kPageTokens == kKeyBlock);

// Elements of one head's part of a page.
int64_t HeadElements(const KvLayout& layout) {
  const int64_t values = layout.panels ? PaddedValues(layout.head_dim) : layout.head_dim;
  return KvCache::kPageTokens * (layout.head_dim + values);
}

void Convert(float from, float& to) { to = from; }
void Convert(float from, Bf16Bits& to) {
  to.bits = c10::detail::round_to_nearest_even(from);  // NaN stays NaN
}

// Places inside one page that a run of new tokens fills.
struct Run {
  int64_t page, begin, count;
};

Run NextRun(int64_t place, int64_t left) {
  const int64_t begin = place % KvCache::kPageTokens;
  return {place / KvCache::kPageTokens, begin, std::min(left, KvCache::kPageTokens - begin)};
}

}  // namespace

int64_t KvLayout::page_bytes() const {
  return layers * kv_heads * HeadElements(*this) * static_cast<int64_t>(at::elementSize(type));
}

int64_t KvLayout::token_bytes() const { return page_bytes() / KvCache::kPageTokens; }

const void* KvCache::At(int64_t layer, int64_t head, int64_t page) const {
  const int64_t element = (layer * layout_.kv_heads + head) * HeadElements(layout_);
  return static_cast<const char*>(pages_[page].data_ptr()) +
         element * static_cast<int64_t>(at::elementSize(layout_.type));
}

void KvCache::Append(int64_t layer, const at::Tensor& keys, const at::Tensor& values) {
  const int64_t needed = PagesOf(tokens_ + keys.size(0));
  while (static_cast<int64_t>(pages_.size()) < needed) {
    pages_.push_back(at::empty({layout_.layers, layout_.kv_heads, HeadElements(layout_)},
                               at::TensorOptions().dtype(layout_.type).device(layout_.device)));
  }
  if (!layout_.panels) {
    AppendRows(layer, keys, values);
  } else if (layout_.type == at::kFloat) {
    AppendPanels<float>(layer, keys.to(at::kFloat), values.to(at::kFloat));
  } else {
    AppendPanels<Bf16Bits>(layer, keys.to(at::kFloat), values.to(at::kFloat));
  }
}

template <typename Element>
void KvCache::AppendPanels(int64_t layer, const at::Tensor& keys, const at::Tensor& values) {
  const int64_t d = layout_.head_dim, added = keys.size(0);
  const at::Tensor k = keys.stride(2) == 1 ? keys : keys.contiguous();
  const at::Tensor v = values.stride(2) == 1 ? values : values.contiguous();
  const auto append_head = [&](int64_t head) {
    const float* const k_first = k.data_ptr<float>() + head * k.stride(1);
    const float* const v_first = v.data_ptr<float>() + head * v.stride(1);
    for (int64_t done = 0; done < added;) {
      const Run run = NextRun(tokens_ + done, added - done);
      auto* const panels = const_cast<Element*>(KeyPanels<Element>(layer, head, run.page));
      auto* const rows = const_cast<Element*>(ValueRows<Element>(layer, head, run.page));
      for (int64_t j = 0; j < run.count; ++j) {
        const float* const from = v_first + (done + j) * v.stride(0);
        Element* const to = rows + (run.begin + j) * PaddedValues(d);
        for (int64_t i = 0; i < d; ++i) Convert(from[i], to[i]);
      }
      for (int64_t j = 0; j < run.count;) {  // panel by panel, so that neighbours are written
        const int64_t place = run.begin + j;
        const int64_t here = std::min(run.count - j, kKeyPanel - place % kKeyPanel);
        const float* const from = k_first + (done + j) * k.stride(0);
        Element* const to = panels + place / kKeyPanel * kKeyPanel * d + place % kKeyPanel;
        for (int64_t i = 0; i < d; ++i) {
          for (int64_t t = 0; t < here; ++t) {
            Convert(from[t * k.stride(0) + i], to[i * kKeyPanel + t]);
          }
        }
        j += here;
      }
      done += run.count;
    }
  };
  const int64_t grain = std::max<int64_t>(1, (int64_t{1} << 15) / std::max<int64_t>(1, added * d));
  at::parallel_for(0, layout_.kv_heads, grain, [&](int64_t begin, int64_t end) {
    for (int64_t head = begin; head < end; ++head) append_head(head);
  });
}

KvCache::Rows KvCache::PageRows(int64_t layer, int64_t page) const {
  const at::Tensor both =
      pages_[page].select(0, layer).view({layout_.kv_heads, 2, kPageTokens, layout_.head_dim});
  return {both.select(1, 0), both.select(1, 1)};
}

void KvCache::AppendRows(int64_t layer, const at::Tensor& keys, const at::Tensor& values) {
  const int64_t added = keys.size(0);
  for (int64_t done = 0; done < added;) {
    const Run run = NextRun(tokens_ + done, added - done);
    const Rows rows = PageRows(layer, run.page);
    rows.keys.narrow(1, run.begin, run.count)
        .copy_(keys.narrow(0, done, run.count).transpose(0, 1));
    rows.values.narrow(1, run.begin, run.count)
        .copy_(values.narrow(0, done, run.count).transpose(0, 1));
    done += run.count;
  }
}

KvCache::Rows KvCache::CopyRows(int64_t layer, int64_t begin, int64_t end) const {
  std::vector<at::Tensor> keys, values;
  for (int64_t at = begin; at < end;) {
    const Run run = NextRun(at, end - at);
    const Rows rows = PageRows(layer, run.page);
    keys.push_back(rows.keys.narrow(1, run.begin, run.count));
    values.push_back(rows.values.narrow(1, run.begin, run.count));
    at += run.count;
  }
  return {at::cat(keys, 1).to(at::kFloat), at::cat(values, 1).to(at::kFloat)};
}

}  // namespace sightline::model
