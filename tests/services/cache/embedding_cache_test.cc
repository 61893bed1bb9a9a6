#include "services/cache/embedding_cache.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/sealed_box.h"
#include "tests/support/fake_model.h"
#include "tests/support/status_matchers.h"

namespace sightline::cache {
namespace {

using ::sightline::testing::FakeEncoder;
using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;

// Counts its calls; `model` is its fingerprint.
class CountingEncoder : public FakeEncoder {
 public:
  explicit CountingEncoder(std::string model = "a") : info_(FakeEncoder::info()) {
    info_.fingerprint = std::move(model);
  }
  const model::ModelInfo& info() const override { return info_; }
  absl::StatusOr<std::vector<std::vector<float>>> Encode(std::span<const model::EncodeInput> inputs,
                                                         int dimension,
                                                         const model::CallOptions& call) override {
    ++calls;
    return FakeEncoder::Encode(inputs, dimension, call);
  }
  int calls = 0;

 private:
  model::ModelInfo info_;
};

ImagePtr Picture(int width, int height, uint8_t value) {
  return std::make_shared<Image>(
      Image{width, height, 3, std::vector<uint8_t>(3 * width * height, value)});
}

model::EncodeInput Text(const std::string& text, const std::string& instruction = "") {
  return {.instruction = instruction, .videos = {}, .images = {}, .texts = {text}};
}
model::EncodeInput Shown(ImagePtr image) {
  return {.instruction = "", .videos = {}, .images = {std::move(image)}, .texts = {}};
}

class EmbeddingCacheTest : public ::testing::Test {
 protected:
  // Whether the encoder was asked.
  bool Encodes(std::vector<model::EncodeInput> inputs, int dimension = 64,
               const model::CallOptions& call = {}) {
    const int before = encoder_.calls;
    EXPECT_THAT(cache_.Encode(encoder_, inputs, dimension, call), IsOk());
    return encoder_.calls > before;
  }

  CountingEncoder encoder_;
  EmbeddingCache cache_{1 << 20, RandomSecret()};
};

TEST_F(EmbeddingCacheTest, ASecondCallGetsTheSameVectorsWithoutTheEncoder) {
  const std::vector<model::EncodeInput> inputs = {Text("red car"), Shown(Picture(2, 3, 7))};
  ASSERT_OK_AND_ASSIGN(const auto first, cache_.Encode(encoder_, inputs, 64, {}));
  ASSERT_OK_AND_ASSIGN(const auto second, cache_.Encode(encoder_, inputs, 64, {}));
  EXPECT_EQ(encoder_.calls, 1);
  EXPECT_EQ(first, second);
  EXPECT_EQ(cache_.stats().hits, 1);
}

TEST_F(EmbeddingCacheTest, EveryPartOfACallCounts) {
  EXPECT_TRUE(Encodes({Text("red car")}));
  EXPECT_FALSE(Encodes({Text("red car")}));
  EXPECT_TRUE(Encodes({Text("red cab")}));
  EXPECT_TRUE(Encodes({Text("red car", "Find cars")}));
  EXPECT_TRUE(Encodes({Text("red car")}, 32));
  EXPECT_TRUE(Encodes({Text("red car")}, 64, {.cancel = nullptr, .adapter = "shop"}));
  EXPECT_TRUE(Encodes({Text("red "), Text("car")}));
  EXPECT_TRUE(Encodes({Text("red"), Text(" car")}));
  EXPECT_TRUE(Encodes({{.instruction = "", .videos = {}, .images = {}, .texts = {"red ", "car"}}}));
}

TEST_F(EmbeddingCacheTest, PicturesOfEqualBytesAndOtherSizesAreOthers) {
  EXPECT_TRUE(Encodes({Shown(Picture(2, 6, 9))}));
  EXPECT_FALSE(Encodes({Shown(Picture(2, 6, 9))}));
  EXPECT_TRUE(Encodes({Shown(Picture(6, 2, 9))}));
  EXPECT_TRUE(Encodes({Shown(Picture(2, 6, 8))}));
}

TEST_F(EmbeddingCacheTest, AnotherModelAndAnotherTenantAreAskedAnew) {
  EXPECT_TRUE(Encodes({Text("red car")}, 64, {.cancel = nullptr, .tenant = "a"}));
  EXPECT_FALSE(Encodes({Text("red car")}, 64, {.cancel = nullptr, .tenant = "a"}));
  EXPECT_TRUE(Encodes({Text("red car")}, 64, {.cancel = nullptr, .tenant = "b"}));
  CountingEncoder other("b");
  const std::vector<model::EncodeInput> inputs = {Text("red car")};
  EXPECT_THAT(cache_.Encode(other, inputs, 64, {.cancel = nullptr, .tenant = "a"}), IsOk());
  EXPECT_EQ(other.calls, 1);
}

TEST_F(EmbeddingCacheTest, AnErrorIsNotKept) {
  EXPECT_THAT(cache_.Encode(encoder_, std::vector{Text("car")}, 64,
                            {.deadline = absl::InfinitePast(), .cancel = nullptr}),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_TRUE(Encodes({Text("car")}));
}

TEST_F(EmbeddingCacheTest, ManyQueriesStayBelowTheBytes) {
  EmbeddingCache small(20'000, RandomSecret());
  for (int i = 0; i < 500; ++i) {
    EXPECT_THAT(small.Encode(encoder_, std::vector{Text(absl::StrCat("car ", i))}, 64, {}), IsOk());
    ASSERT_LE(small.stats().bytes, 20'000);
  }
  EXPECT_GT(small.stats().evictions, 400);
}

}  // namespace
}  // namespace sightline::cache
