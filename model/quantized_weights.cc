#include "model/quantized_weights.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <array>
#include <functional>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "model/weights.h"

namespace sightline::model {
namespace {

absl::Status Bad(absl::string_view tensor, absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat("weights: ", tensor, " ", what));
}

// The tensors that stand for one matrix.
class Parts {
 public:
  Parts(const std::shared_ptr<const CheckpointWeights>& files, const std::string& name,
        const std::function<void(const std::string&)>& used)
      : files_(files), name_(name), used_(used) {}

  bool Has(const char* suffix) const { return files_->Find(name_ + suffix) != nullptr; }
  const TensorView* Find(const char* suffix) const { return files_->Find(name_ + suffix); }
  std::string Name(const char* suffix) const { return name_ + suffix; }

  // As it is stored. `shape` entries below 0 may be anything.
  absl::StatusOr<at::Tensor> Take(const char* suffix, std::vector<int64_t> shape,
                                  std::initializer_list<DType> types) const {
    const TensorView* const view = Find(suffix);
    if (view == nullptr) return Bad(Name(suffix), "is missing");
    bool fits = view->shape.size() == shape.size();
    for (size_t i = 0; fits && i < shape.size(); ++i) {
      fits = shape[i] < 0 || shape[i] == view->shape[i];
    }
    if (!fits) {
      return Bad(view->name, absl::StrCat("is [", absl::StrJoin(view->shape, ", "), "], expected [",
                                          absl::StrJoin(shape, ", "), "]"));
    }
    if (std::find(types.begin(), types.end(), view->dtype) == types.end()) {
      return Bad(view->name,
                 absl::StrCat("is stored as ", DTypeName(view->dtype), ", expected ",
                              absl::StrJoin(types, " or ", [](std::string* out, DType type) {
                                absl::StrAppend(out, DTypeName(type));
                              })));
    }
    used_(view->name);
    return ViewStored(*view, files_);
  }

  // Scales: floats, all of them finite.
  absl::StatusOr<at::Tensor> TakeScales(const char* suffix, std::vector<int64_t> shape) const {
    SL_ASSIGN_OR_RETURN(at::Tensor scales,
                        Take(suffix, std::move(shape), {DType::kF32, DType::kF16, DType::kBF16}));
    if (!at::isfinite(scales).all().item<bool>()) {
      return Bad(Name(suffix), "holds a value that is not finite");
    }
    return scales;
  }

 private:
  const std::shared_ptr<const CheckpointWeights>& files_;
  const std::string& name_;
  const std::function<void(const std::string&)>& used_;
};

NumberFormat FormatOfBits(int64_t bits) {
  return bits == 4 ? NumberFormat::kUint4 : NumberFormat::kUint8;
}

// Numbers of `bits` each that lie in the 32-bit words of [rows, words], lowest first, to int16
// [rows, words * 32 / bits].
at::Tensor UnpackWords(const at::Tensor& words, int bits) {
  const int count = 32 / bits;
  std::vector<at::Tensor> parts;
  for (int i = 0; i < count; ++i) {
    parts.push_back(
        words.bitwise_right_shift(i * bits).bitwise_and((1 << bits) - 1).to(at::kShort));
  }
  return at::stack(parts, -1).flatten(1);
}

// `group` from how many scales an input row has. Groups must cover the inputs evenly, and a nibble
// pair must not straddle two.
absl::StatusOr<int64_t> GroupSize(absl::string_view name, int64_t in, int64_t groups) {
  if (groups < 1 || in % groups != 0 || (groups > 1 && in / groups % 2 != 0)) {
    return Bad(name, absl::StrCat("has ", groups, " groups of scales for ", in, " inputs"));
  }
  return in / groups;
}

// Column j of an AWQ word's eight outputs lies in nibble kAwqNibble[j].
constexpr std::array<int, 8> kAwqNibble = {0, 4, 1, 5, 2, 6, 3, 7};

at::Tensor AwqNumbers(const at::Tensor& words, int64_t out, int64_t in) {
  at::Tensor numbers = at::empty({out, in / 2}, at::kByte);
  const auto* const from = reinterpret_cast<const uint32_t*>(words.data_ptr<int32_t>());
  uint8_t* const to = numbers.data_ptr<uint8_t>();
  const int64_t per_row = out / 8;
  at::parallel_for(0, per_row, 16, [&](int64_t begin, int64_t end) {
    for (int64_t k = 0; k < in; k += 2) {
      for (int64_t c = begin; c < end; ++c) {
        const uint32_t even = from[k * per_row + c], odd = from[(k + 1) * per_row + c];
        for (int j = 0; j < 8; ++j) {
          const int shift = 4 * kAwqNibble[j];
          to[(8 * c + j) * (in / 2) + k / 2] =
              static_cast<uint8_t>((even >> shift & 15) | (odd >> shift & 15) << 4);
        }
      }
    }
  });
  return numbers;
}

absl::StatusOr<StoredMatrix> ReadAwq(const Parts& parts, StoredMatrix matrix) {
  const int64_t out = matrix.out, in = matrix.in;
  if (out % 8 != 0 || in % 2 != 0) return Bad(parts.Name(".qweight"), "has an odd shape for AWQ");
  SL_ASSIGN_OR_RETURN(const at::Tensor words, parts.Take(".qweight", {in, out / 8}, {DType::kI32}));
  SL_ASSIGN_OR_RETURN(const at::Tensor scales, parts.TakeScales(".scales", {-1, out}));
  const int64_t groups = scales.size(0);
  SL_ASSIGN_OR_RETURN(matrix.block_columns, GroupSize(parts.Name(".scales"), in, groups));
  SL_ASSIGN_OR_RETURN(const at::Tensor zero_words,
                      parts.Take(".qzeros", {groups, out / 8}, {DType::kI32}));
  const std::vector<int64_t> order(kAwqNibble.begin(), kAwqNibble.end());
  const at::Tensor zeros = UnpackWords(zero_words, 4)
                               .view({groups, out / 8, 8})
                               .index_select(2, at::tensor(order))
                               .view({groups, out});
  matrix.format = NumberFormat::kUint4;
  matrix.numbers = AwqNumbers(words.contiguous(), out, in);
  matrix.scales = scales.t().contiguous();
  matrix.zeros = zeros.t().contiguous();
  return matrix;
}

// Sorts the columns of a GPTQ matrix by group; `groups_of` is g_idx, [in].
absl::Status SortByGroup(const Parts& parts, const at::Tensor& groups_of, int64_t groups,
                         StoredMatrix& matrix) {
  const at::Tensor natural =
      at::floor_divide(at::arange(matrix.in, at::kLong), matrix.block_columns);
  if (at::equal(groups_of, natural)) return absl::OkStatus();
  const at::Tensor order = at::argsort(groups_of, /*stable=*/true, 0, false);
  if (!at::equal(groups_of.index_select(0, order), natural)) {
    return Bad(parts.Name(".g_idx"),
               absl::StrCat("does not deal the inputs evenly over ", groups, " groups"));
  }
  const bool nibbles = matrix.format == NumberFormat::kUint4;
  const at::Tensor bytes = nibbles ? UnpackNibbles(matrix.numbers) : matrix.numbers;
  const at::Tensor sorted = bytes.index_select(1, order);
  matrix.numbers = nibbles ? PackNibbles(sorted) : sorted;
  matrix.input_order = order;
  return absl::OkStatus();
}

absl::StatusOr<StoredMatrix> ReadGptq(const Parts& parts, const QuantizationConfig& config,
                                      StoredMatrix matrix) {
  const int64_t out = matrix.out, in = matrix.in, count = 32 / config.bits;
  if (in % count != 0 || out % count != 0) {
    return Bad(parts.Name(".qweight"), "has an odd shape for GPTQ");
  }
  SL_ASSIGN_OR_RETURN(const at::Tensor words,
                      parts.Take(".qweight", {in / count, out}, {DType::kI32}));
  SL_ASSIGN_OR_RETURN(const at::Tensor scales, parts.TakeScales(".scales", {-1, out}));
  const int64_t groups = scales.size(0);
  SL_ASSIGN_OR_RETURN(matrix.block_columns, GroupSize(parts.Name(".scales"), in, groups));
  SL_ASSIGN_OR_RETURN(const at::Tensor zero_words,
                      parts.Take(".qzeros", {groups, out / count}, {DType::kI32}));
  matrix.format = FormatOfBits(config.bits);
  // The numbers of a word belong to neighbouring inputs, lowest first: turned round, its bytes are
  // what we want.
  matrix.numbers = words.t().contiguous().view(at::kByte);
  matrix.scales = scales.t().contiguous();
  // One is added to what was masked, without a second mask, so a zero point may be 2^bits.
  matrix.zeros =
      UnpackWords(zero_words, config.bits).add(config.gptq_zeros_less_one ? 1 : 0).t().contiguous();
  if (!parts.Has(".g_idx")) return matrix;
  SL_ASSIGN_OR_RETURN(const at::Tensor groups_of, parts.Take(".g_idx", {in}, {DType::kI32}));
  SL_RETURN_IF_ERROR(SortByGroup(parts, groups_of.to(at::kLong), groups, matrix));
  return matrix;
}

absl::StatusOr<StoredMatrix> ReadPacked(const Parts& parts, StoredMatrix matrix) {
  const int64_t out = matrix.out, in = matrix.in;
  const TensorView& packed = *parts.Find(".weight_packed");
  const int64_t words = packed.shape.size() == 2 ? packed.shape[1] : 0;
  const int64_t bits = words * 32 == in * 4 ? 4 : words * 32 == in * 8 ? 8 : 0;
  if (bits == 0) {
    return Bad(packed.name, absl::StrCat("is [", absl::StrJoin(packed.shape, ", "), "], expected ",
                                         out, " rows of ", in, " numbers of 4 or 8 bits"));
  }
  SL_ASSIGN_OR_RETURN(const at::Tensor numbers,
                      parts.Take(".weight_packed", {out, words}, {DType::kI32}));
  SL_ASSIGN_OR_RETURN(matrix.scales, parts.TakeScales(".weight_scale", {out, -1}));
  const int64_t groups = matrix.scales.size(1);
  SL_ASSIGN_OR_RETURN(matrix.block_columns, GroupSize(parts.Name(".weight_scale"), in, groups));
  matrix.format = FormatOfBits(bits);
  matrix.numbers = numbers.view(at::kByte);
  if (parts.Has(".weight_shape")) {
    SL_ASSIGN_OR_RETURN(const at::Tensor shape,
                        parts.Take(".weight_shape", {2}, {DType::kI64, DType::kI32}));
    const at::Tensor said = shape.to(at::kLong);
    if (said[0].item<int64_t>() != out || said[1].item<int64_t>() != in) {
      return Bad(parts.Name(".weight_shape"),
                 absl::StrCat("disagrees with the config: expected [", out, ", ", in, "]"));
    }
  }
  if (parts.Has(".weight_zero_point")) {
    const int64_t count = 32 / bits;
    SL_ASSIGN_OR_RETURN(
        const at::Tensor zero_words,
        parts.Take(".weight_zero_point", {(out + count - 1) / count, groups}, {DType::kI32}));
    // Packed along the outputs; number and zero point are shifted by the same middle.
    matrix.zeros = UnpackWords(zero_words.t().contiguous(), static_cast<int>(bits))
                       .t()
                       .narrow(0, 0, out)
                       .contiguous();
  }
  if (parts.Has(".weight_g_idx")) {
    SL_ASSIGN_OR_RETURN(const at::Tensor groups_of,
                        parts.Take(".weight_g_idx", {in}, {DType::kI32}));
    // -1 throughout means that there is none.
    if (groups_of.ge(0).any().item<bool>()) {
      SL_RETURN_IF_ERROR(SortByGroup(parts, groups_of.to(at::kLong), groups, matrix));
    }
  }
  return matrix;
}

absl::StatusOr<StoredMatrix> ReadFp8(const Parts& parts, const QuantizationConfig& config,
                                     StoredMatrix matrix) {
  const int64_t out = matrix.out, in = matrix.in;
  SL_ASSIGN_OR_RETURN(matrix.numbers, parts.Take(".weight", {out, in}, {DType::kF8E4M3}));
  matrix.format = NumberFormat::kFp8;
  const char* const suffix = parts.Has(".weight_scale_inv") ? ".weight_scale_inv" : ".weight_scale";
  const TensorView* const stored = parts.Find(suffix);
  if (stored == nullptr) return Bad(parts.Name(".weight"), "is FP8 and has no scale");
  SL_ASSIGN_OR_RETURN(at::Tensor scales,
                      parts.TakeScales(suffix, std::vector<int64_t>(stored->shape.size(), -1)));
  if (scales.numel() == 1) {  // of the whole matrix
    matrix.block_rows = out;
    matrix.block_columns = in;
    matrix.scales = scales.reshape({1, 1}).contiguous();
    return matrix;
  }
  if (scales.numel() == out) {  // of each output
    matrix.block_rows = 1;
    matrix.block_columns = in;
    matrix.scales = scales.reshape({out, 1}).contiguous();
    return matrix;
  }
  matrix.block_rows = config.block_rows > 0 ? config.block_rows : 128;
  matrix.block_columns = config.block_columns > 0 ? config.block_columns : 128;
  const std::vector<int64_t> expected = {(out + matrix.block_rows - 1) / matrix.block_rows,
                                         (in + matrix.block_columns - 1) / matrix.block_columns};
  if (scales.sizes() != at::IntArrayRef(expected)) {
    return Bad(parts.Name(suffix),
               absl::StrCat("is [", absl::StrJoin(scales.sizes(), ", "), "], expected [",
                            absl::StrJoin(expected, ", "), "]"));
  }
  matrix.scales = scales;
  return matrix;
}

bool IsFp8(const CheckpointWeights& files, const std::string& name) {
  const TensorView* const weight = files.Find(name + ".weight");
  return weight != nullptr && weight->dtype == DType::kF8E4M3;
}

}  // namespace

bool IsQuantized(const CheckpointWeights& files, const std::string& name) {
  return files.Find(name + ".qweight") != nullptr ||
         files.Find(name + ".weight_packed") != nullptr || IsFp8(files, name);
}

absl::StatusOr<StoredMatrix> ReadQuantized(const std::shared_ptr<const CheckpointWeights>& files,
                                           const QuantizationConfig& config,
                                           const std::string& name, int64_t out, int64_t in,
                                           const std::function<void(const std::string&)>& used) {
  const Parts parts(files, name, used);
  StoredMatrix matrix;
  matrix.out = out;
  matrix.in = in;
  if (parts.Has(".weight_packed")) return ReadPacked(parts, std::move(matrix));
  if (IsFp8(*files, name)) return ReadFp8(parts, config, std::move(matrix));
  if (config.method == QuantizationMethod::kAwq) return ReadAwq(parts, std::move(matrix));
  if (config.method == QuantizationMethod::kGptq) return ReadGptq(parts, config, std::move(matrix));
  return Bad(parts.Name(".qweight"), "is there, but config.json names neither awq nor gptq");
}

at::Tensor PackNibbles(const at::Tensor& bytes) {
  const at::Tensor pairs = bytes.view({bytes.size(0), bytes.size(1) / 2, 2});
  return pairs.select(2, 0).bitwise_or(pairs.select(2, 1).bitwise_left_shift(4)).contiguous();
}

at::Tensor UnpackNibbles(const at::Tensor& packed) {
  return at::stack({packed.bitwise_and(15), packed.bitwise_right_shift(4)}, -1).flatten(1);
}

}  // namespace sightline::model
