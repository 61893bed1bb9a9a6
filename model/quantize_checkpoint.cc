#include "model/quantize_checkpoint.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status.h"
#include "model/group_quantizer.h"
#include "model/json.h"
#include "model/model_config.h"
#include "model/quantized_weights.h"
#include "model/safetensors.h"
#include "model/safetensors_writer.h"
#include "model/weights.h"

namespace sightline::model {
namespace {

namespace fs = std::filesystem;

// Below the reader's limit of tensors and of header bytes in one file.
constexpr size_t kShardTensors = 8192;

// Bytes of one tensor to be written.
using Payload = std::vector<std::string>;

// Tensors that are written together because they come from one matrix, or one tensor copied.
struct Unit {
  std::vector<TensorView> layout;    // names, dtypes and shapes
  std::function<Payload()> payload;  // of each of them, in order
  absl::string_view source;          // stored bytes it is made from
  int64_t bytes() const {
    int64_t total = 0;
    for (const TensorView& tensor : layout) total += tensor.elements() * DTypeBytes(tensor.dtype);
    return total;
  }
};

bool IsFloat(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kBF16 || dtype == DType::kF16;
}

// The decoder's linear layers, by their published names; a router is called "gate".
bool IsDecoderLinear(absl::string_view name) {
  if (!absl::StrContains(name, "layers.") || absl::StrContains(name, "visual.")) return false;
  if (!absl::ConsumeSuffix(&name, "_proj.weight")) return false;
  constexpr std::array<absl::string_view, 7> kLayers = {".q",    ".k",  ".v",   ".o",
                                                        ".gate", ".up", ".down"};
  return std::any_of(kLayers.begin(), kLayers.end(),
                     [&](absl::string_view layer) { return absl::EndsWith(name, layer); });
}

bool IsFusedExperts(absl::string_view name) {
  return absl::EndsWith(name, "mlp.experts.gate_up_proj") ||
         absl::EndsWith(name, "mlp.experts.down_proj");
}

std::string BytesOf(const at::Tensor& tensor) {
  const at::Tensor whole = tensor.contiguous();
  return {static_cast<const char*>(whole.data_ptr()), whole.nbytes()};
}

// Rows of [rows, columns] numbers of `bits` each to rows of 32-bit words, the first number lowest.
// columns must fill whole words.
std::string PackedRows(const at::Tensor& numbers, int bits) {
  return BytesOf(bits == 4 ? PackNibbles(numbers) : numbers);
}

class Planner {
 public:
  Planner(std::shared_ptr<const CheckpointWeights> files, const ModelConfig& config,
          const QuantizeOptions& options, QuantizeReport& report)
      : files_(std::move(files)), config_(config), options_(options), report_(report) {}

  absl::Status Plan() {
    for (const std::string& name : files_->Names()) {
      const TensorView& stored = *files_->Find(name);
      report_.bytes_before += static_cast<int64_t>(stored.bytes.size());
      if (IsFusedExperts(name)) {
        SL_RETURN_IF_ERROR(PlanExperts(stored));
      } else if (IsDecoderLinear(name)) {
        SL_RETURN_IF_ERROR(PlanLinear(stored));
      } else {
        Copy(stored);
      }
    }
    return absl::OkStatus();
  }

  std::vector<Unit>& units() { return units_; }
  // Layers outside the rule that another reader must not take for narrow ones.
  const std::set<std::string>& ignored() const { return ignored_; }

 private:
  void Copy(const TensorView& stored) {
    units_.push_back({.layout = {{stored.name, stored.dtype, stored.shape, {}}},
                      .payload = [&stored] { return Payload{std::string(stored.bytes)}; },
                      .source = stored.bytes});
    absl::string_view name = stored.name;
    if (stored.shape.size() == 2 && absl::ConsumeSuffix(&name, ".weight") &&
        !absl::EndsWith(name, "embed_tokens") && !absl::EndsWith(name, "pos_embed")) {
      ignored_.insert(std::string(name));
    }
  }

  absl::Status PlanLinear(const TensorView& stored) {
    if (!IsFloat(stored.dtype) || stored.shape.size() != 2) {
      return absl::FailedPreconditionError(absl::StrCat("weights: ", stored.name, " is ",
                                                        DTypeName(stored.dtype),
                                                        ", expected a matrix of F32, BF16 or F16"));
    }
    SL_ASSIGN_OR_RETURN(const at::Tensor matrix, ViewStored(stored, files_));
    Add(std::string(absl::StripSuffix(stored.name, ".weight")), stored, matrix);
    return absl::OkStatus();
  }

  // Stored [experts, in, out], as published, or [experts, out, in]: the config tells which.
  absl::Status PlanExperts(const TensorView& stored) {
    const bool down = absl::EndsWith(stored.name, "down_proj");
    const int64_t hidden = config_.text.hidden_size, inner = config_.text.moe_intermediate_size;
    const int64_t in = down ? inner : hidden, out = down ? hidden : 2 * inner;
    const std::vector<int64_t> input_major = {config_.text.num_experts, in, out};
    const std::vector<int64_t> output_major = {config_.text.num_experts, out, in};
    if (!IsFloat(stored.dtype) || (stored.shape != input_major && stored.shape != output_major)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "weights: ", stored.name, " is not experts of ", out, " x ", in, " in F32, BF16 or F16"));
    }
    SL_ASSIGN_OR_RETURN(at::Tensor all, ViewStored(stored, files_));
    if (stored.shape == input_major) all = all.transpose(1, 2);
    const std::string root(stored.name.substr(0, stored.name.rfind('.') + 1));
    for (int64_t e = 0; e < config_.text.num_experts; ++e) {
      const at::Tensor one = all.select(0, e);  // [out, in]
      const std::string name = absl::StrCat(root, e, ".");
      if (down) {
        Add(name + "down_proj", stored, one);
      } else {
        Add(name + "gate_proj", stored, one.narrow(0, 0, inner));
        Add(name + "up_proj", stored, one.narrow(0, inner, inner));
      }
    }
    return absl::OkStatus();
  }

  // One matrix [out, in], narrow where its shape allows.
  void Add(const std::string& name, const TensorView& stored, const at::Tensor& matrix) {
    const int64_t out = matrix.size(0), in = matrix.size(1);
    if (in % options_.group != 0) {
      report_.kept.push_back(
          {name, absl::StrCat(in, " inputs are not groups of ", options_.group)});
      ignored_.insert(name);
      units_.push_back({.layout = {{name + ".weight", stored.dtype, {out, in}, {}}},
                        .payload = [matrix] { return Payload{BytesOf(matrix)}; },
                        .source = stored.bytes});
      return;
    }
    const int per_word = 32 / options_.bits;
    const int64_t groups = in / options_.group;
    const bool symmetric = options_.symmetric;
    Unit unit;
    unit.layout = {{name + ".weight_shape", DType::kI64, {2}, {}},
                   {name + ".weight_packed", DType::kI32, {out, in / per_word}, {}}};
    if (!symmetric) {
      unit.layout.push_back({name + ".weight_zero_point",
                             DType::kI32,
                             {(out + per_word - 1) / per_word, groups},
                             {}});
    }
    unit.layout.push_back({name + ".weight_scale", stored.dtype, {out, groups}, {}});
    const size_t place = report_.layers.size();
    report_.layers.push_back({name, 0});
    unit.source = stored.bytes;
    unit.payload = [this, matrix, place] {
      const GroupRule rule = {options_.bits, options_.group, options_.symmetric};
      const NarrowMatrix narrow =
          QuantizeMatrix(matrix.to(at::kFloat).contiguous(), rule, matrix.scalar_type());
      report_.layers[place].relative_error =
          std::sqrt(narrow.squared_error / std::max(narrow.squared_weights, 1e-300));
      Payload payload = {BytesOf(at::tensor({matrix.size(0), matrix.size(1)}, at::kLong)),
                         PackedRows(narrow.numbers, options_.bits)};
      if (narrow.zeros.defined()) payload.push_back(PackedZeros(narrow.zeros));
      payload.push_back(BytesOf(narrow.scales));
      return payload;
    };
    units_.push_back(std::move(unit));
  }

  // [out, groups] to words along the outputs, [ceil(out / numbers in a word), groups].
  std::string PackedZeros(const at::Tensor& zeros) const {
    const int bits = options_.bits, per_word = 32 / bits;
    const int64_t words = (zeros.size(0) + per_word - 1) / per_word, groups = zeros.size(1);
    at::Tensor padded = at::zeros({words * per_word, groups}, at::kByte);
    padded.narrow(0, 0, zeros.size(0)).copy_(zeros);
    const at::Tensor along =  // [groups * words, numbers in a word]
        padded.view({words, per_word, groups})
            .permute({2, 0, 1})
            .reshape({groups * words, per_word});
    const at::Tensor bytes = (bits == 4 ? PackNibbles(along) : along).contiguous();
    return BytesOf(bytes.view(at::kInt).view({groups, words}).t());
  }

  const std::shared_ptr<const CheckpointWeights> files_;
  const ModelConfig& config_;
  const QuantizeOptions options_;
  QuantizeReport& report_;
  std::vector<Unit> units_;
  std::set<std::string> ignored_;
};

// Cuts the units into files of bounded size.
std::vector<std::pair<size_t, size_t>> Shards(const std::vector<Unit>& units, int64_t most) {
  std::vector<std::pair<size_t, size_t>> shards;
  size_t begin = 0, tensors = 0;
  int64_t bytes = 0;
  for (size_t i = 0; i < units.size(); ++i) {
    const int64_t more = units[i].bytes();
    if (i > begin && (bytes + more > most || tensors + units[i].layout.size() > kShardTensors)) {
      shards.push_back({begin, i});
      begin = i;
      bytes = 0;
      tensors = 0;
    }
    bytes += more;
    tensors += units[i].layout.size();
  }
  shards.push_back({begin, units.size()});
  return shards;
}

absl::Status WriteShard(const std::string& path, std::span<const Unit> units) {
  std::vector<TensorView> layout;
  for (const Unit& unit : units) {
    layout.insert(layout.end(), unit.layout.begin(), unit.layout.end());
  }
  SL_ASSIGN_OR_RETURN(const auto writer, SafetensorsWriter::Create(path, layout));
  for (const Unit& unit : units) {
    for (const std::string& bytes : unit.payload()) SL_RETURN_IF_ERROR(writer->Append(bytes));
    ReleasePages(unit.source);
  }
  return writer->Finish();
}

absl::Status WriteWeights(const std::string& out, const std::vector<Unit>& units,
                          const QuantizeOptions& options, QuantizeReport& report) {
  const auto shards = Shards(units, options.shard_bytes);
  nlohmann::json weight_map = nlohmann::json::object();
  for (size_t s = 0; s < shards.size(); ++s) {
    const auto [begin, end] = shards[s];
    const std::string file = shards.size() == 1 ? "model.safetensors"
                                                : absl::StrFormat("model-%05d-of-%05d.safetensors",
                                                                  s + 1, shards.size());
    SL_RETURN_IF_ERROR(WriteShard(out + "/" + file, std::span(units).subspan(begin, end - begin)));
    for (size_t i = begin; i < end; ++i) {
      report.bytes_after += units[i].bytes();
      for (const TensorView& tensor : units[i].layout) weight_map[tensor.name] = file;
    }
  }
  report.shards = static_cast<int>(shards.size());
  if (shards.size() == 1) return absl::OkStatus();
  const nlohmann::json index = {{"metadata", {{"total_size", report.bytes_after}}},
                                {"weight_map", weight_map}};
  return WriteFileAtomic(out + "/model.safetensors.index.json", index.dump(2));
}

// config.json with the section that other readers of this layout look for.
absl::StatusOr<std::string> NewConfig(const std::string& text, const QuantizeOptions& options,
                                      const std::set<std::string>& ignored) {
  nlohmann::ordered_json config = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!config.is_object()) return absl::FailedPreconditionError("config.json is not an object");
  const nlohmann::ordered_json weights = {{"num_bits", options.bits},
                                          {"type", "int"},
                                          {"symmetric", options.symmetric},
                                          {"strategy", "group"},
                                          {"group_size", options.group},
                                          {"dynamic", false},
                                          {"actorder", nullptr},
                                          {"block_structure", nullptr},
                                          {"observer", "mse"},
                                          {"observer_kwargs", nlohmann::ordered_json::object()}};
  const nlohmann::ordered_json group = {{"targets", {"Linear"}},
                                        {"weights", weights},
                                        {"input_activations", nullptr},
                                        {"output_activations", nullptr}};
  config["quantization_config"] = {{"quant_method", "compressed-tensors"},
                                   {"format", "pack-quantized"},
                                   {"quantization_status", "compressed"},
                                   {"config_groups", {{"group_0", group}}},
                                   {"ignore", ignored},
                                   {"kv_cache_scheme", nullptr},
                                   {"global_compression_ratio", nullptr}};
  return config.dump(2);
}

bool IsWeightFile(const std::string& name) {
  for (const absl::string_view end :
       {".safetensors", ".safetensors.index.json", ".bin", ".pt", ".pth", ".ckpt", ".pkl"}) {
    if (absl::EndsWith(name, end)) return true;
  }
  return false;
}

absl::Status CopyOtherFiles(const std::string& folder, const std::string& out) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_regular_file() || name == "config.json" || IsWeightFile(name)) continue;
    // It speaks of the weights as they were.
    if (name == "sightline-golden.json") continue;
    fs::copy_file(entry.path(), fs::path(out) / name, error);
    if (error) {
      return absl::UnavailableError(absl::StrCat("cannot copy ", name, ": ", error.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckOptions(const QuantizeOptions& options) {
  if (options.bits != 4 && options.bits != 8) {
    return absl::InvalidArgumentError(absl::StrCat("bits is ", options.bits, ", expected 4 or 8"));
  }
  if (options.group != 32 && options.group != 64 && options.group != 128) {
    return absl::InvalidArgumentError(
        absl::StrCat("group is ", options.group, ", expected 32, 64 or 128"));
  }
  return absl::OkStatus();
}

absl::Status MakeOutput(const std::string& out) {
  std::error_code error;
  if (fs::exists(out, error) && (!fs::is_directory(out, error) || !fs::is_empty(out, error))) {
    return absl::InvalidArgumentError(absl::StrCat(out, " exists and is not an empty folder"));
  }
  fs::create_directories(out, error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot create ", out, ": ", error.message()));
}

absl::Status CheckNotNarrow(const std::string& folder, const ModelConfig& config,
                            const CheckpointWeights& files) {
  const auto refuse = [&](absl::string_view why) {
    return absl::FailedPreconditionError(absl::StrCat(folder, " is quantised already: ", why));
  };
  if (config.quantization.method != QuantizationMethod::kNone) {
    return refuse("config.json has a quantization_config");
  }
  for (const std::string& name : files.Names()) {
    if (files.Find(name)->dtype == DType::kF8E4M3 || absl::EndsWith(name, ".qweight") ||
        absl::EndsWith(name, ".weight_packed")) {
      return refuse(name);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<QuantizeReport> QuantizeCheckpoint(const std::string& folder, const std::string& out,
                                                  const QuantizeOptions& options) {
  SL_RETURN_IF_ERROR(CheckOptions(options));
  if (fs::exists(folder + "/sightline.json")) {
    return absl::FailedPreconditionError(
        absl::StrCat(folder, " is a bundle: quantise the checkpoints in it one by one"));
  }
  SL_ASSIGN_OR_RETURN(const CheckpointConfig config, LoadCheckpointConfig(folder));
  SL_ASSIGN_OR_RETURN(std::unique_ptr<CheckpointWeights> opened, CheckpointWeights::Open(folder));
  const std::shared_ptr<const CheckpointWeights> files = std::move(opened);
  SL_RETURN_IF_ERROR(CheckNotNarrow(folder, config.model, *files));
  SL_RETURN_IF_ERROR(MakeOutput(out));
  return CatchStatus("quantize", [&]() -> absl::StatusOr<QuantizeReport> {
    const c10::InferenceMode inference;
    QuantizeReport report;
    Planner planner(files, config.model, options, report);
    SL_RETURN_IF_ERROR(planner.Plan());
    SL_RETURN_IF_ERROR(CopyOtherFiles(folder, out));
    SL_RETURN_IF_ERROR(WriteWeights(out, planner.units(), options, report));
    // Last: a folder without it is no checkpoint.
    SL_ASSIGN_OR_RETURN(const std::string text, ReadFile(folder + "/config.json"));
    SL_ASSIGN_OR_RETURN(const std::string written, NewConfig(text, options, planner.ignored()));
    SL_RETURN_IF_ERROR(WriteFileAtomic(out + "/config.json", written));
    return report;
  });
}

}  // namespace sightline::model
