#include "model/attention_kernel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"

namespace sightline::model {
namespace {

// Rows of queries and one block of keys, with what they must give, computed in double.
struct Case {
  int64_t rows, d, group, count, seen;
  std::vector<float> q;       // [rows, d]
  std::vector<float> keys;    // [count, d]
  std::vector<float> values;  // [count, d]
};

Case Random(int64_t rows, int64_t d, int64_t group, int64_t count, int64_t seen) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  const auto some = [&](int64_t n) {
    std::vector<float> out(n);
    for (float& value : out) value = normal(random);
    return out;
  };
  return {rows, d, group, count, seen, some(rows * d), some(count * d), some(count * d)};
}

std::vector<double> Expected(const Case& c) {
  std::vector<double> out(c.rows * c.d, 0.0);
  for (int64_t r = 0; r < c.rows; ++r) {
    const int64_t sees = std::min(c.count, c.seen + r / c.group);
    std::vector<double> scores(sees, 0.0);
    for (int64_t j = 0; j < sees; ++j) {
      for (int64_t i = 0; i < c.d; ++i) scores[j] += double{c.q[r * c.d + i]} * c.keys[j * c.d + i];
    }
    const double highest = *std::max_element(scores.begin(), scores.end());
    double total = 0;
    for (int64_t j = 0; j < sees; ++j) {
      const double weight = std::exp2(scores[j] - highest);
      total += weight;
      for (int64_t i = 0; i < c.d; ++i) out[r * c.d + i] += weight * c.values[j * c.d + i];
    }
    for (int64_t i = 0; i < c.d; ++i) out[r * c.d + i] /= total;
  }
  return out;
}

Bf16Bits ToBf16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return {static_cast<uint16_t>(bits >> 16)};
}
void Set(float& to, float value) { to = value; }
void Set(Bf16Bits& to, float value) { to = ToBf16(value); }

// Rounds towards zero to 16 bits, as ToBf16 does.
void Round(std::vector<float>& values) {
  for (float& value : values) {
    const uint32_t bits = uint32_t{ToBf16(value).bits} << 16;
    std::memcpy(&value, &bits, sizeof(bits));
  }
}

// The kernel's result. What no key fills is not a number, so that reading it would show.
template <typename Element>
std::vector<double> Attended(void (*attend)(const AttentionRows&, const KeyBlockView<Element>&,
                                            int64_t),
                             const Case& c) {
  const int64_t stride = PaddedValues(c.d);
  Element nothing;
  Set(nothing, std::numeric_limits<float>::quiet_NaN());
  std::vector<Element> keys(kKeyBlock * c.d, nothing), values(kKeyBlock * stride, nothing);
  for (int64_t j = 0; j < c.count; ++j) {
    for (int64_t i = 0; i < c.d; ++i) {
      Set(keys[(j / kKeyPanel * c.d + i) * kKeyPanel + j % kKeyPanel], c.keys[j * c.d + i]);
      Set(values[j * stride + i], c.values[j * c.d + i]);
    }
  }
  std::vector<float> mixed(c.rows * stride, 0.0f), sums(c.rows, 0.0f);
  std::vector<float> highest(c.rows, -std::numeric_limits<float>::infinity());
  attend({c.q.data(), mixed.data(), highest.data(), sums.data(), c.rows, c.d, c.group},
         {keys.data(), values.data(), stride, c.count}, c.seen);
  std::vector<double> out;
  for (int64_t r = 0; r < c.rows; ++r) {
    for (int64_t i = 0; i < c.d; ++i) out.push_back(double{mixed[r * stride + i]} / sums[r]);
  }
  return out;
}

double Difference(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(a[i] - b[i]);
    if (!(difference <= worst)) worst = difference;  // a NaN stays
  }
  return worst;
}

std::vector<const AttentionKernels*> AllKernels() {
  std::vector<const AttentionKernels*> out = {AttentionKernelsBase(), AttentionKernelsAvx2(),
                                              AttentionKernelsAvx512()};
  std::erase(out, nullptr);
  return out;
}

TEST(AttentionKernelTest, EveryInstructionSetGivesTheTextbooksResult) {
  for (const AttentionKernels* kernels : AllKernels()) {
    for (const int64_t d : {2, 20, 72, 128}) {
      for (const int64_t count : {1, 63, 64, 65, 256}) {
        const Case c = Random(13, d, 1, count, count);
        EXPECT_LT(Difference(Attended(kernels->attend_float, c), Expected(c)), 2e-5)
            << kernels->name << " d " << d << " keys " << count;
      }
    }
  }
}

TEST(AttentionKernelTest, EveryNumberOfRowsIsDone) {
  for (const AttentionKernels* kernels : AllKernels()) {
    for (int64_t rows = 1; rows <= 13; ++rows) {
      const Case c = Random(rows, 32, 1, 70, 70);
      EXPECT_LT(Difference(Attended(kernels->attend_float, c), Expected(c)), 2e-5)
          << kernels->name << " rows " << rows;
    }
  }
}

TEST(AttentionKernelTest, ARowSeesNoKeyBehindItsOwn) {
  for (const AttentionKernels* kernels : AllKernels()) {
    for (const int64_t group : {1, 2, 5}) {
      for (const int64_t seen : {1, 60, 199}) {
        const Case c = Random(20, 16, group, 200, seen);
        EXPECT_LT(Difference(Attended(kernels->attend_float, c), Expected(c)), 2e-5)
            << kernels->name << " group " << group << " seen " << seen;
      }
    }
  }
}

TEST(AttentionKernelTest, KeysOf16BitsAreReadAsTheFloatsTheyStandFor) {
  for (const AttentionKernels* kernels : AllKernels()) {
    Case c = Random(9, 72, 3, 130, 100);
    Round(c.keys);
    Round(c.values);
    EXPECT_LT(Difference(Attended(kernels->attend_bf16, c), Expected(c)), 2e-5) << kernels->name;
  }
}

TEST(AttentionKernelTest, ScoresFarApartNeitherOverflowNorVanish) {
  for (const AttentionKernels* kernels : AllKernels()) {
    Case c = Random(6, 16, 1, 100, 100);
    for (float& value : c.q) value *= 100;  // scores of some hundreds: the largest takes it all
    EXPECT_LT(Difference(Attended(kernels->attend_float, c), Expected(c)), 1e-3) << kernels->name;
  }
}

}  // namespace
}  // namespace sightline::model
