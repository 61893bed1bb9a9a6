#include "model/write_adapter.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "model/safetensors_writer.h"

namespace sightline::model {

namespace fs = std::filesystem;

absl::Status WriteAdapter(const std::string& folder, const std::string& base,
                          const std::vector<AdapterLayer>& layers, bool bfloat16) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat("cannot create ", folder, ": ", error.message()));
  }
  std::vector<TensorView> layout;
  std::vector<at::Tensor> tensors;
  int64_t most = 1;
  nlohmann::json ranks = nlohmann::json::object(), targets = nlohmann::json::array();
  for (const AdapterLayer& layer : layers) most = std::max(most, layer.a.size(0));
  for (const AdapterLayer& layer : layers) {
    targets.push_back(layer.name);
    if (layer.a.size(0) != most) ranks[layer.name] = layer.a.size(0);
    const std::string root = "base_model.model." + layer.name;
    for (const auto& [suffix, tensor] :
         {std::pair(".lora_A.weight", layer.a), std::pair(".lora_B.weight", layer.b)}) {
      layout.push_back(
          {root + suffix, bfloat16 ? DType::kBF16 : DType::kF32, tensor.sizes().vec(), {}});
      tensors.push_back(tensor.to(at::kCPU, bfloat16 ? at::kBFloat16 : at::kFloat).contiguous());
    }
  }
  SL_ASSIGN_OR_RETURN(const auto writer,
                      SafetensorsWriter::Create(folder + "/adapter_model.safetensors", layout));
  for (const at::Tensor& tensor : tensors) {
    SL_RETURN_IF_ERROR(
        writer->Append({static_cast<const char*>(tensor.data_ptr()), tensor.nbytes()}));
  }
  SL_RETURN_IF_ERROR(writer->Finish());
  // alpha = rank everywhere, so that nothing is scaled.
  const nlohmann::json config = {{"peft_type", "LORA"},
                                 {"task_type", "CAUSAL_LM"},
                                 {"base_model_name_or_path", fs::path(base).filename().string()},
                                 {"r", most},
                                 {"lora_alpha", most},
                                 {"rank_pattern", ranks},
                                 {"alpha_pattern", ranks},
                                 {"target_modules", targets},
                                 {"modules_to_save", nullptr},
                                 {"use_rslora", false},
                                 {"use_dora", false},
                                 {"fan_in_fan_out", false},
                                 {"bias", "none"},
                                 {"lora_dropout", 0.0},
                                 {"layers_to_transform", nullptr},
                                 {"inference_mode", true}};
  return WriteFileAtomic(folder + "/adapter_config.json", config.dump(1));
}

}  // namespace sightline::model
