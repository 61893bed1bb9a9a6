#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/lru_cache.h"
#include "model/encoder.h"
#include "model/engine_load.h"
#include "model/generator.h"
#include "model/reranker.h"
#include "model/weight_account.h"

namespace sightline::model {

struct LoadOptions {
  std::string device = "auto";  // "auto" = cuda:0 where there is one, else cpu
  // What matrices stored as floats are held in: "float32", "bfloat16", "float16"; "auto" = as
  // stored, but float32 on the CPU for a network under 50 million parameters. Quantised ones stay
  // as they are. On the CPU all is computed in float32.
  std::string dtype = "auto";
  int threads = 0;  // of the network on the CPU; 0 = all cores, or one for a network under 50
                    // million parameters
  // PEFT adapter folders loaded beside the weights, by the name a call chooses them by.
  std::map<std::string, std::string> adapters;
  std::vector<std::string> merged_adapters;  // folders of those added to the weights for good
  int64_t vision_cache_bytes = int64_t{256} << 20;  // of pictures' features, per vision tower
  int queue_capacity = 256;  // calls per part that wait or run; one more gets kResourceExhausted
};

// The parts a model folder offers; a missing one is null.
struct LoadedModel {
  std::string folder;  // where it was loaded from; empty in tests
  std::unique_ptr<Encoder> encoder;
  std::unique_ptr<Reranker> reranker;
  std::unique_ptr<Generator> generator;
  // What the weights take: of "encoder", "reranker", "generator" as they are there, and "total".
  std::map<std::string, WeightAccount> accounts;
  // Reads what each network has in hand, by the parts it serves, e.g. "encoder+generator". Any
  // thread; keeps the network.
  std::map<std::string, std::function<EngineLoad()>> loads;
  // Of the pictures' features that are kept, all vision towers together. Any thread, for
  // good. Null in tests.
  std::function<CacheStats()> vision_cache;
  // Forgets those features. Any thread, for good. Null in tests.
  std::function<void()> forget_pictures;
};

// Loads `folder`: a bundle with sightline.json that names sub-folders ("encoder", "reranker",
// "generator", each with an adapter of its own where it says so, and "adapters" to choose from),
// may say "untrained": true and "answers": "quoted", and may bound pictures with
// "max_image_pixels"; or one Hugging Face checkpoint, whose folder name decides what it serves as:
// with "reranker" in it as reranker, with "embedding" as encoder, else as encoder and generator
// (see bundle.h). Parts of one folder share one network; of different folders, equal tensors, and
// what the vision tower made of a picture where the towers are equal. Every byte of the weights is
// read once for the fingerprint. kNotFound, kFailedPrecondition: names the file, the tensor or the
// config field; kInvalidArgument: an unknown device or dtype.
absl::StatusOr<LoadedModel> Load(const std::string& folder, const LoadOptions& options);

}  // namespace sightline::model
