#include "model/quantization.h"

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "model/json.h"

namespace sightline::model {
namespace {

using nlohmann::json;

absl::Status Bad(absl::string_view field, const json& value, absl::string_view expected) {
  return absl::FailedPreconditionError(
      absl::StrCat("quantization_config.", field, " is ", value.dump(), ", expected ", expected));
}

const json* Find(const json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

// The whole number `name` if there is one; any other value fails.
absl::Status ReadBits(const json& object, const char* name, bool eight_too, int& bits) {
  const json* value = Find(object, name);
  if (value == nullptr) return absl::OkStatus();
  if (*value != 4 && !(eight_too && *value == 8)) {
    return Bad(name, *value, eight_too ? "4 or 8" : "4");
  }
  bits = value->get<int>();
  return absl::OkStatus();
}

// Refuses a value that is there and not `expected`.
absl::Status Require(const json& object, const char* name, const json& expected) {
  const json* value = Find(object, name);
  if (value == nullptr || *value == expected) return absl::OkStatus();
  return Bad(name, *value, expected.dump());
}

absl::Status ReadAwq(const json& object, QuantizationConfig& out) {
  out.method = QuantizationMethod::kAwq;
  SL_RETURN_IF_ERROR(ReadBits(object, "bits", false, out.bits));
  SL_RETURN_IF_ERROR(ReadBits(object, "w_bit", false, out.bits));
  if (const json* version = Find(object, "version")) {
    if (*version != "gemm" && *version != "GEMM") return Bad("version", *version, "\"gemm\"");
  }
  return Require(object, "zero_point", true);
}

absl::Status ReadGptq(const json& object, QuantizationConfig& out) {
  out.method = QuantizationMethod::kGptq;
  SL_RETURN_IF_ERROR(ReadBits(object, "bits", true, out.bits));
  if (const json* format = Find(object, "checkpoint_format")) {
    if (*format != "gptq" && *format != "gptq_v2") {
      return Bad("checkpoint_format", *format, "\"gptq\" or \"gptq_v2\"");
    }
    out.gptq_zeros_less_one = *format == "gptq";
  }
  return absl::OkStatus();
}

absl::Status ReadFp8(const json& object, QuantizationConfig& out) {
  out.method = QuantizationMethod::kFp8;
  SL_RETURN_IF_ERROR(Require(object, "fmt", "e4m3"));
  const json* const size = Find(object, "weight_block_size");
  if (size == nullptr) return absl::OkStatus();
  const auto in_range = [](const json& value) {
    return value.is_number_integer() && value >= 1 && value <= 1 << 16;
  };
  if (!size->is_array() || size->size() != 2 || !in_range((*size)[0]) || !in_range((*size)[1])) {
    return Bad("weight_block_size", *size, "two whole numbers from 1 to 65536");
  }
  out.block_rows = (*size)[0].get<int>();
  out.block_columns = (*size)[1].get<int>();
  return absl::OkStatus();
}

absl::Status ReadCompressedTensors(const json& object, QuantizationConfig& out) {
  out.method = QuantizationMethod::kCompressedTensors;
  if (const json* format = Find(object, "format")) {
    if (*format != "pack-quantized" && *format != "float-quantized") {
      return Bad("format", *format, "\"pack-quantized\" or \"float-quantized\"");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<QuantizationConfig> ParseQuantization(absl::string_view text) {
  QuantizationConfig out;
  if (text.empty()) return out;
  SL_ASSIGN_OR_RETURN(const json object, ParseJson(text));
  if (!object.is_object()) {
    return absl::FailedPreconditionError("quantization_config is not an object");
  }
  const json* const method = Find(object, "quant_method");
  if (method == nullptr) return Bad("quant_method", nullptr, "the name of a method");
  absl::Status status;
  if (*method == "awq") {
    status = ReadAwq(object, out);
  } else if (*method == "gptq") {
    status = ReadGptq(object, out);
  } else if (*method == "fp8") {
    status = ReadFp8(object, out);
  } else if (*method == "compressed-tensors") {
    status = ReadCompressedTensors(object, out);
  } else {
    status = Bad("quant_method", *method, "awq, gptq, compressed-tensors or fp8");
  }
  SL_RETURN_IF_ERROR(status);
  return out;
}

}  // namespace sightline::model
