#include "model/weights.h"

#include <ATen/ATen.h>

#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "model/finite.h"
#include "model/quantized_weights.h"

namespace sightline::model {
namespace {

std::optional<at::ScalarType> ScalarTypeOf(DType dtype) {
  switch (dtype) {
    case DType::kF32: return at::kFloat;
    case DType::kBF16: return at::kBFloat16;
    case DType::kF16: return at::kHalf;
    case DType::kI32: return at::kInt;
    case DType::kI64: return at::kLong;
    case DType::kU8:
    case DType::kF8E4M3: return at::kByte;
    default: return std::nullopt;
  }
}

bool IsFloat(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kBF16 || dtype == DType::kF16;
}

bool Aligned(const void* data, int bytes) {
  return reinterpret_cast<uintptr_t>(data) % static_cast<uintptr_t>(bytes) == 0;
}

absl::Status WrongType(const TensorView& view, absl::string_view expected) {
  return absl::FailedPreconditionError(absl::StrCat(
      "weights: ", view.name, " is stored as ", DTypeName(view.dtype), ", expected ", expected));
}

// Slice e of each tensor of `all` as the matrix of one expert.
StoredMatrix Slice(const StoredMatrix& all, int64_t e) {
  StoredMatrix one = all;
  one.numbers = all.numbers.select(0, e);
  if (all.scales.defined()) one.scales = all.scales.select(0, e);
  return one;
}

}  // namespace

WeightLoader::WeightLoader(std::shared_ptr<const CheckpointWeights> files,
                           const QuantizationConfig& quantization, const NetworkTypes& types,
                           const WeightSharing& sharing)
    : files_(std::move(files)), quantization_(quantization), types_(types), sharing_(sharing) {
  if (sharing_.pool != nullptr) sharing_.pool->AddFiles(files_);
}

at::Tensor WeightLoader::Take(absl::string_view name, const std::vector<int64_t>& shape) {
  at::Tensor out;
  if (!status_.ok()) return out;
  status_ = CatchStatus("weights", [&]() -> absl::Status {
    SL_RETURN_IF_ERROR(Load(name, shape, types_.compute, out));
    if (at::isfinite(out).all().item<bool>()) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat("weights: ", name, " holds a value that is not finite"));
  });
  return status_.ok() ? out : at::Tensor();
}

at::Tensor WeightLoader::TakeTable(absl::string_view name, const std::vector<int64_t>& shape) {
  at::Tensor out;
  if (!status_.ok()) return out;
  status_ = CatchStatus("weights", [&] { return Load(name, shape, types_.weights, out); });
  return status_.ok() ? out : at::Tensor();
}

StoredMatrix WeightLoader::TakeMatrix(const std::string& name, int64_t out, int64_t in) {
  if (!status_.ok()) return {};
  absl::StatusOr<StoredMatrix> matrix =
      CatchStatus("weights", [&] { return LoadMatrix(name, out, in); });
  if (!matrix.ok()) {
    status_ = matrix.status();
    return {};
  }
  return *std::move(matrix);
}

std::vector<StoredMatrix> WeightLoader::TakeExperts(const std::string& name, int64_t experts,
                                                    int64_t out, int64_t in) {
  if (!status_.ok()) return {};
  absl::StatusOr<std::vector<StoredMatrix>> matrices =
      CatchStatus("weights", [&] { return LoadExperts(name, experts, out, in); });
  if (!matrices.ok()) {
    status_ = matrices.status();
    return {};
  }
  return *std::move(matrices);
}

bool WeightLoader::HasMatrix(const std::string& name) const {
  return Has(name + ".weight") || IsQuantized(*files_, name);
}

int WeightLoader::AddLinear(const std::string& name, int64_t out, int64_t in) {
  linears_.push_back({name, out, in});
  return static_cast<int>(linears_.size()) - 1;
}

absl::StatusOr<StoredMatrix> WeightLoader::Pooled(
    const std::vector<std::string>& names, absl::string_view form,
    const std::function<absl::StatusOr<StoredMatrix>()>& make) {
  if (sharing_.pool == nullptr || sharing_.survey == nullptr) return make();
  std::string key = absl::StrCat(form, " ", types_.device.str());
  for (const std::string& name : names) {
    absl::StrAppend(&key, " ", sharing_.survey->contents.at(name));
  }
  if (const StoredMatrix* known = sharing_.pool->Find(key)) return *known;
  SL_ASSIGN_OR_RETURN(StoredMatrix made, make());
  sharing_.pool->Add(key, made);
  return made;
}

void WeightLoader::Hold(const StoredMatrix& matrix, int64_t parameters) {
  parameters_ += parameters;
  for (const at::Tensor* part :
       {&matrix.numbers, &matrix.scales, &matrix.zeros, &matrix.input_order}) {
    if (!part->defined() || !held_data_.insert(part->data_ptr()).second) continue;
    const void* const data = part->data_ptr();
    held_.push_back(
        {.data = data,
         .bytes = static_cast<int64_t>(part->nbytes()),
         .parameters = part == &matrix.numbers ? parameters : 0,
         .mapped = files_->Maps(data) || (sharing_.pool != nullptr && sharing_.pool->Maps(data))});
  }
}

absl::Status WeightLoader::Load(absl::string_view name, const std::vector<int64_t>& shape,
                                at::ScalarType type, at::Tensor& out) {
  const absl::StatusOr<const TensorView*> found = files_->Get(name, shape);
  if (!found.ok()) return Annotate(found.status(), "weights");
  const TensorView& stored = **found;
  if (!IsFloat(stored.dtype)) return WrongType(stored, "F32, BF16 or F16");
  // A survey has looked, and a second look would bring the whole file into memory again.
  if (sharing_.survey == nullptr && !AllFinite(stored)) {
    return absl::FailedPreconditionError(
        absl::StrCat("weights: ", stored.name, " holds a value that is not finite"));
  }
  const auto make = [&]() -> absl::StatusOr<StoredMatrix> {
    absl::StatusOr<at::Tensor> view = ViewStored(stored, files_);
    if (!view.ok()) return Annotate(view.status(), "weights");
    StoredMatrix made;
    made.numbers = view->to(at::TensorOptions().device(types_.device).dtype(type));
    if (types_.trainable) made.numbers = made.numbers.clone().set_requires_grad(true);
    return made;
  };
  SL_ASSIGN_OR_RETURN(const StoredMatrix matrix,
                      Pooled({stored.name}, absl::StrCat("tensor ", at::toString(type)), make));
  out = matrix.numbers;
  if (types_.trainable) trainable_.push_back({stored.name, out});
  used_.insert(stored.name);
  Hold(matrix, out.numel());
  return absl::OkStatus();
}

absl::StatusOr<StoredMatrix> WeightLoader::LoadMatrix(const std::string& name, int64_t out,
                                                      int64_t in) {
  if (!IsQuantized(*files_, name)) {
    at::Tensor dense;
    SL_RETURN_IF_ERROR(Load(name + ".weight", {out, in}, types_.weights, dense));
    return StoredMatrix::FromDense(dense);
  }
  std::vector<std::string> names;
  const auto used = [&](const std::string& tensor) {
    names.push_back(tensor);
    used_.insert(tensor);
  };
  SL_ASSIGN_OR_RETURN(StoredMatrix read, ReadQuantized(files_, quantization_, name, out, in, used));
  // How the tensors are to be read is part of what they mean.
  const std::string form = absl::StrCat("matrix ", static_cast<int>(quantization_.method), " ",
                                        quantization_.bits, " ", quantization_.gptq_zeros_less_one,
                                        " ", read.block_rows, " ", read.block_columns);
  const auto make = [&]() -> absl::StatusOr<StoredMatrix> {
    return MovedTo(std::move(read), types_.device);
  };
  SL_ASSIGN_OR_RETURN(StoredMatrix matrix, Pooled(names, form, make));
  Hold(matrix, out * in);
  return matrix;
}

absl::StatusOr<std::vector<StoredMatrix>> WeightLoader::LoadExperts(const std::string& name,
                                                                    int64_t experts, int64_t out,
                                                                    int64_t in) {
  const TensorView* const stored = files_->Find(name);
  const bool output_major =
      stored != nullptr && in != out && stored->shape == std::vector<int64_t>{experts, out, in};
  std::vector<int64_t> shape = {experts, in, out};
  if (output_major) std::swap(shape[1], shape[2]);

  StoredMatrix all;
  all.out = out;
  all.in = in;
  all.input_major = !output_major;
  if (stored != nullptr && stored->dtype == DType::kF8E4M3) {
    const auto found = files_->Get(name, shape);
    if (!found.ok()) return Annotate(found.status(), "weights");
    const auto make = [&]() -> absl::StatusOr<StoredMatrix> {
      StoredMatrix made;
      SL_ASSIGN_OR_RETURN(made.numbers, ViewStored(*stored, files_));
      return MovedTo(std::move(made), types_.device);
    };
    SL_ASSIGN_OR_RETURN(const StoredMatrix numbers, Pooled({stored->name}, "bytes", make));
    all.numbers = numbers.numbers;
    used_.insert(stored->name);
    Hold(numbers, all.numbers.numel());
    all.format = NumberFormat::kFp8;
    all.block_rows = quantization_.block_rows > 0 ? quantization_.block_rows : 128;
    all.block_columns = quantization_.block_columns > 0 ? quantization_.block_columns : 128;
    const auto blocks = [](int64_t n, int64_t block) { return (n + block - 1) / block; };
    at::Tensor scales;
    SL_RETURN_IF_ERROR(
        Load(name + "_scale_inv",
             {experts, blocks(shape[1], all.block_rows), blocks(shape[2], all.block_columns)},
             at::kFloat, scales));
    all.scales = scales;
  } else {
    SL_RETURN_IF_ERROR(Load(name, shape, types_.weights, all.numbers));
    all.format = FormatOf(types_.weights);
  }
  std::vector<StoredMatrix> out_experts;
  for (int64_t e = 0; e < experts; ++e) out_experts.push_back(Slice(all, e));
  return out_experts;
}

std::vector<std::string> WeightLoader::Unused() const {
  std::vector<std::string> out;
  for (const std::string& name : files_->Names()) {
    if (!used_.contains(name)) out.push_back(name);
  }
  return out;
}

absl::StatusOr<at::Tensor> ViewStored(const TensorView& view,
                                      std::shared_ptr<const void> keep_alive) {
  const std::optional<at::ScalarType> type = ScalarTypeOf(view.dtype);
  if (!type.has_value()) return WrongType(view, "F32, BF16, F16, F8_E4M3, U8, I32 or I64");
  const at::TensorOptions options = at::TensorOptions().dtype(*type);
  if (view.elements() == 0 || !Aligned(view.bytes.data(), DTypeBytes(view.dtype))) {
    at::Tensor copy = at::empty(view.shape, options);
    if (view.elements() > 0) std::memcpy(copy.data_ptr(), view.bytes.data(), view.bytes.size());
    return copy;
  }
  // The map is read-only; nothing in this room writes to a weight.
  void* const data = const_cast<char*>(view.bytes.data());
  return at::from_blob(data, view.shape, [keep_alive = std::move(keep_alive)](void*) {}, options);
}

}  // namespace sightline::model
