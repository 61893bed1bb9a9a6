#include "model/matrix_kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace sightline::model {
namespace {

constexpr NumberFormat kFormats[] = {NumberFormat::kFloat32, NumberFormat::kBFloat16,
                                     NumberFormat::kFloat16, NumberFormat::kFp8,
                                     NumberFormat::kUint8,   NumberFormat::kUint4};

// A matrix of random numbers, finite in every format.
struct Sample {
  Sample(NumberFormat format, int64_t rows, int64_t columns, uint32_t seed) {
    std::mt19937 random(seed);
    numbers.resize(static_cast<size_t>(rows * BytesOf(format, columns)));
    for (uint8_t& byte : numbers) byte = static_cast<uint8_t>(random());
    const auto tame = [&](size_t step, uint8_t high) {  // keeps the exponent near 1
      for (size_t i = step - 1; i < numbers.size(); i += step) {
        numbers[i] = static_cast<uint8_t>((numbers[i] & 0x80) | high);
      }
    };
    if (format == NumberFormat::kFloat32) tame(4, 0x3f);
    if (format == NumberFormat::kBFloat16) tame(2, 0x3f);
    if (format == NumberFormat::kFloat16) tame(2, 0x3b);
    if (format == NumberFormat::kFp8) {
      for (uint8_t& byte : numbers) byte &= 0xbf;
    }
    view = {format, rows, columns, numbers.data()};
    if (format < NumberFormat::kFp8) return;
    view.block_rows = format == NumberFormat::kFp8 ? 3 : 1;
    view.block_columns = 10;
    const int64_t blocks = ((rows + view.block_rows - 1) / view.block_rows) * ((columns + 9) / 10);
    for (int64_t i = 0; i < blocks; ++i) {
      scales.push_back(static_cast<float>(random() % 100) / 100 + 0.01f);
      zeros.push_back(static_cast<int16_t>(random() % 17));
    }
    view.scales = scales.data();
    if (format != NumberFormat::kFp8) view.zeros = zeros.data();
  }

  // One value, the slow way.
  double At(int64_t row, int64_t column) const {
    const uint8_t* const p = numbers.data() + row * BytesOf(view.format, view.columns);
    double number = 0;
    if (view.format == NumberFormat::kFloat32) {
      float value;
      std::memcpy(&value, p + 4 * column, 4);
      return value;
    }
    if (view.format <= NumberFormat::kFloat16) {
      const int bits = p[2 * column] | p[2 * column + 1] << 8;
      const bool brain = view.format == NumberFormat::kBFloat16;
      const int fraction_bits = brain ? 7 : 10, bias = brain ? 127 : 15;
      const int exponent = (bits & 0x7fff) >> fraction_bits;
      const double fraction = std::ldexp(bits & ((1 << fraction_bits) - 1), -fraction_bits);
      number = exponent == 0 ? std::ldexp(fraction, 1 - bias)
                             : std::ldexp(1 + fraction, exponent - bias);
      return bits & 0x8000 ? -number : number;
    }
    if (view.format == NumberFormat::kFp8) {
      const int bits = p[column], exponent = bits >> 3 & 15;
      number =
          exponent == 0 ? std::ldexp(bits & 7, -9) : std::ldexp(1 + (bits & 7) / 8.0, exponent - 7);
      if (bits & 0x80) number = -number;
    } else {
      number = view.format == NumberFormat::kUint8 ? p[column]
                                                   : p[column / 2] >> (column % 2 ? 4 : 0) & 15;
    }
    const int64_t block = row / view.block_rows * ((view.columns + 9) / 10) + column / 10;
    return (number - (view.zeros == nullptr ? 0 : zeros[block])) * scales[block];
  }

  MatrixView view;
  std::vector<uint8_t> numbers;
  std::vector<float> scales;
  std::vector<int16_t> zeros;
};

class KernelCase : public ::testing::TestWithParam<NumberFormat> {};

TEST_P(KernelCase, EverySetOfInstructionsComputesTheSame) {
  int count = 0;
  const MatrixKernels* const kernels = SupportedMatrixKernels(count);
  ASSERT_GE(count, 1);
  // Columns: below a register, odd pieces of one, and over the border of a tile.
  for (const int64_t columns : {2, 30, 66, 1058}) {
    const int64_t rows = 7;
    const Sample sample(GetParam(), rows, columns, static_cast<uint32_t>(columns));
    std::mt19937 random(1);
    for (const int64_t m : {1, 3, 6}) {
      std::vector<float> x(static_cast<size_t>(m * columns)), turned(static_cast<size_t>(m * rows));
      for (float& value : x) value = static_cast<float>(random() % 200) / 100 - 1;
      for (float& value : turned) value = static_cast<float>(random() % 200) / 100 - 1;
      for (int k = 0; k < count; ++k) {
        const std::string what = std::string(kernels[k].name) + " " + std::to_string(columns);
        std::vector<float> out(static_cast<size_t>(m * rows), -1), back(x.size(), -1),
            row(static_cast<size_t>(columns));
        kernels[k].multiply_rows(sample.view, 0, rows, x.data(), m, out.data(), rows);
        kernels[k].multiply_columns(sample.view, 0, columns, turned.data(), m, back.data(),
                                    columns);
        kernels[k].expand(sample.view, 5, 0, columns, row.data());
        for (int64_t i = 0; i < m; ++i) {
          for (int64_t r = 0; r < rows; ++r) {
            double sum = 0, size = 1;
            for (int64_t c = 0; c < columns; ++c) {
              sum += x[i * columns + c] * sample.At(r, c);
              size += std::abs(x[i * columns + c] * sample.At(r, c));
            }
            EXPECT_NEAR(out[i * rows + r], sum, 1e-6 * size) << what;
          }
          for (int64_t c = 0; c < columns; ++c) {
            double sum = 0, size = 1;
            for (int64_t r = 0; r < rows; ++r) {
              sum += turned[i * rows + r] * sample.At(r, c);
              size += std::abs(turned[i * rows + r] * sample.At(r, c));
            }
            EXPECT_NEAR(back[i * columns + c], sum, 1e-6 * size) << what;
          }
        }
        for (int64_t c = 0; c < columns; ++c) {
          EXPECT_NEAR(row[c], sample.At(5, c), 1e-6 * (1 + std::abs(sample.At(5, c)))) << what;
        }
      }
    }
  }
}

TEST_P(KernelCase, PartsOfAMatrixLeaveTheRestAlone) {
  const Sample sample(GetParam(), 6, 40, 3);
  const std::vector<float> x(40, 1), turned(6, 1);
  std::vector<float> out(6, -7), back(40, -7), piece(10, -7);
  const MatrixKernels& best = BestMatrixKernels();
  best.multiply_rows(sample.view, 2, 4, x.data(), 1, out.data(), 6);
  EXPECT_EQ(out[1], -7);
  EXPECT_NE(out[2], -7);
  EXPECT_EQ(out[4], -7);
  best.multiply_columns(sample.view, 20, 30, turned.data(), 1, back.data(), 40);
  EXPECT_EQ(back[19], -7);
  EXPECT_NE(back[20], -7);
  EXPECT_EQ(back[30], -7);
  best.expand(sample.view, 1, 12, 8, piece.data());
  EXPECT_NEAR(piece[0], sample.At(1, 12), 1e-5);
  EXPECT_NEAR(piece[7], sample.At(1, 19), 1e-5);
  EXPECT_EQ(piece[8], -7);
}

INSTANTIATE_TEST_SUITE_P(Formats, KernelCase, ::testing::ValuesIn(kFormats));

}  // namespace
}  // namespace sightline::model
