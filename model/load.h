#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "model/encoder.h"
#include "model/generator.h"
#include "model/reranker.h"

namespace sightline::model {

struct LoadOptions {
  std::string device = "auto";  // "auto" = cuda:0 where there is one, else cpu
  std::string dtype = "auto";   // "auto" = as stored; "float32", "bfloat16"
  int threads = 0;              // of the network on the CPU; 0 = all cores
  int queue_capacity = 256;     // waiting requests per part
};

// The parts a model folder offers; a missing one is null.
struct LoadedModel {
  std::unique_ptr<Encoder> encoder;
  std::unique_ptr<Reranker> reranker;
  std::unique_ptr<Generator> generator;
};

// Loads `folder`: a bundle with sightline.json that names sub-folders ("encoder", "reranker",
// "generator") and may say "untrained": true, or one Hugging Face checkpoint, which then serves as encoder
// and, when it has an output matrix or tied embeddings, as generator.
// kNotFound, kFailedPrecondition: names the file, the tensor or the config field.
absl::StatusOr<LoadedModel> Load(const std::string& folder, const LoadOptions& options);

}  // namespace sightline::model
