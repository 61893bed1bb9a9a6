#include "model/kv_cache.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <vector>

namespace sightline::model {
namespace {

KvLayout Layout(at::ScalarType type, bool panels) {
  return {.layers = 3, .kv_heads = 2, .head_dim = 32, .type = type, .panels = panels};
}

void Add(KvCache& cache, const at::Tensor& keys, const at::Tensor& values) {
  for (int64_t layer = 0; layer < cache.layout().layers; ++layer) {
    cache.Append(layer, keys + layer, values - layer);
  }
  cache.Advance(keys.size(0));
}

TEST(KvCacheTest, TakesAPageForEach256TokensAndNoMore) {
  const KvLayout layout = Layout(at::kFloat, true);
  EXPECT_EQ(layout.token_bytes(), 3 * 2 * (32 + 32) * 4);
  EXPECT_EQ(Layout(at::kBFloat16, true).token_bytes(), 3 * 2 * (32 + 32) * 2);
  EXPECT_EQ(Layout(at::kBFloat16, false).token_bytes(), 3 * 2 * (32 + 32) * 2);
  KvCache cache(layout);
  EXPECT_EQ(cache.bytes(), 0);
  int64_t tokens = 0;
  for (const int64_t added : {1, 254, 1, 1, 511, 1}) {  // 1, 255, 256, 257, 768, 769
    const at::Tensor some = at::zeros({added, 2, 32});
    Add(cache, some, some);
    tokens += added;
    EXPECT_EQ(cache.tokens(), tokens);
    EXPECT_EQ(cache.bytes(), (tokens + 255) / 256 * 256 * layout.token_bytes()) << tokens;
  }
}

TEST(KvCacheTest, RowsComeBackAcrossPages) {
  at::manual_seed(5);
  KvCache cache(Layout(at::kFloat, false));
  std::vector<at::Tensor> keys, values;
  for (const int64_t added : {255, 1, 1, 300}) {
    keys.push_back(at::randn({added, 2, 32}));
    values.push_back(at::randn({added, 2, 32}));
    Add(cache, keys.back(), values.back());
  }
  const at::Tensor all_keys = at::cat(keys, 0), all_values = at::cat(values, 0);
  for (const int64_t layer : {0, 2}) {
    const KvCache::Rows rows = cache.CopyRows(layer, 250, 540);
    EXPECT_TRUE(at::equal(rows.keys.transpose(0, 1), all_keys.narrow(0, 250, 290) + layer));
    EXPECT_TRUE(at::equal(rows.values.transpose(0, 1), all_values.narrow(0, 250, 290) - layer));
  }
}

TEST(KvCacheTest, PanelsHoldEachKeysNumberBesideItsNeighbours) {
  at::manual_seed(5);
  KvCache cache(Layout(at::kFloat, true));
  const at::Tensor keys = at::randn({300, 2, 32}), values = at::randn({300, 2, 32});
  Add(cache, keys.narrow(0, 0, 70), values.narrow(0, 0, 70));
  Add(cache, keys.narrow(0, 70, 230), values.narrow(0, 70, 230));
  for (const int64_t token : {0, 63, 64, 69, 70, 255, 256, 299}) {
    const int64_t page = token / 256, place = token % 256;
    for (const int64_t i : {0, 31}) {
      EXPECT_EQ(cache.KeyPanels<float>(1, 1, page)[(place / 64 * 32 + i) * 64 + place % 64],
                (keys[token][1][i] + 1).item<float>());
      EXPECT_EQ(cache.ValueRows<float>(1, 1, page)[place * 32 + i],
                (values[token][1][i] - 1).item<float>());
    }
  }
}

}  // namespace
}  // namespace sightline::model
