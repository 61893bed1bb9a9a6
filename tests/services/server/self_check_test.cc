#include "services/self_check.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/support/fake_model.h"
#include "tests/support/status_matchers.h"

namespace sightline::services {
namespace {

using ::sightline::testing::FakeEncoder;
using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;

// Spoils the vectors of a good encoder, each call anew.
class SpoiltEncoder : public FakeEncoder {
 public:
  explicit SpoiltEncoder(std::function<void(int, std::vector<float>&)> spoil)
      : spoil_(std::move(spoil)) {}
  absl::StatusOr<std::vector<std::vector<float>>> Encode(std::span<const model::EncodeInput> inputs,
                                                         int dimension,
                                                         const model::CallOptions& call) override {
    auto vectors = FakeEncoder::Encode(inputs, dimension, call);
    spoil_(calls_++, (*vectors)[0]);
    return vectors;
  }

 private:
  const std::function<void(int, std::vector<float>&)> spoil_;
  int calls_ = 0;
};

TEST(CheckEncoderTest, AGoodEncoderPasses) {
  FakeEncoder encoder;
  EXPECT_THAT(CheckEncoder(encoder), IsOk());
}

TEST(CheckEncoderTest, FaultsAreNamed) {
  SpoiltEncoder not_finite(
      [](int, std::vector<float>& v) { v[3] = std::numeric_limits<float>::quiet_NaN(); });
  EXPECT_THAT(CheckEncoder(not_finite),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("value 3")));
  SpoiltEncoder too_long([](int, std::vector<float>& v) {
    for (float& x : v) x *= 2;
  });
  EXPECT_THAT(CheckEncoder(too_long), StatusIs(absl::StatusCode::kInternal, HasSubstr("length")));
  SpoiltEncoder unsteady([](int call, std::vector<float>& v) {
    if (call == 1) std::swap(v[0], v[1]);
  });
  EXPECT_THAT(CheckEncoder(unsteady), StatusIs(absl::StatusCode::kInternal, HasSubstr("differ")));
  SpoiltEncoder deaf([](int, std::vector<float>& v) {
    std::fill(v.begin(), v.end(), 0.0f);
    v[0] = 1;
  });
  EXPECT_THAT(CheckEncoder(deaf),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("two different texts")));
  SpoiltEncoder too_short([](int, std::vector<float>& v) { v.pop_back(); });
  EXPECT_THAT(CheckEncoder(too_short), StatusIs(absl::StatusCode::kInternal, HasSubstr("64")));
}

}  // namespace
}  // namespace sightline::services
