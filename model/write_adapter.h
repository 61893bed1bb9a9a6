#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace sightline::model {

// The change B A of one linear layer.
struct AdapterLayer {
  std::string name;  // of the layer, without ".weight"
  at::Tensor a;      // float32, [rank, in]
  at::Tensor b;      // float32, [out, rank]
};

// Writes a LoRA adapter to `folder`, which is made where it is missing, in the layout that
// Adapter::Open reads: each layer with the rank it has, nothing scaled. `base` is the folder of the
// checkpoint it changes; its last part is named in the configuration. kUnavailable, and the errors
// of SafetensorsWriter and WriteFileAtomic.
absl::Status WriteAdapter(const std::string& folder, const std::string& base,
                          const std::vector<AdapterLayer>& layers, bool bfloat16);

}  // namespace sightline::model
