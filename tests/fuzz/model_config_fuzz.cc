// The readers of config.json, generation_config.json and the two preprocessor files. The first byte
// chooses among them; what is accepted keeps the bounds that the network relies on.

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "model/model_config.h"
#include "tests/fuzz/require.h"

namespace sightline::model {
namespace {

void CheckModel(absl::string_view text) {
  const auto config = ParseModelConfig(text);
  if (!config.ok()) return;
  const TextConfig& network = config->text;
  FUZZ_REQUIRE(network.num_layers >= 1 && network.num_layers <= 1024);
  FUZZ_REQUIRE(network.vocab_size >= 1 && network.hidden_size >= 1);
  FUZZ_REQUIRE(network.num_kv_heads >= 1 && network.num_heads % network.num_kv_heads == 0);
  FUZZ_REQUIRE(network.head_dim >= 2 && network.head_dim % 2 == 0);
  FUZZ_REQUIRE(network.num_experts_per_tok <= network.num_experts || network.num_experts == 0);
  FUZZ_REQUIRE(std::isfinite(network.rms_norm_eps) && std::isfinite(network.rope_theta));
  for (int layer = 0; layer < network.num_layers; ++layer) (void)network.IsMoeLayer(layer);
  const VisionConfig& vision = config->vision;
  FUZZ_REQUIRE(vision.depth >= 1 && vision.depth <= 1024);
  FUZZ_REQUIRE(vision.hidden_size % vision.num_heads == 0);
  FUZZ_REQUIRE(vision.out_hidden_size == network.hidden_size);
  for (const int block : vision.deepstack_indexes) {
    FUZZ_REQUIRE(block >= 0 && block < vision.depth);
  }
}

void CheckImage(const PreprocessorConfig& config) {
  FUZZ_REQUIRE(config.min_pixels >= 1 && config.min_pixels <= config.max_pixels);
  FUZZ_REQUIRE(config.patch_size >= 1 && config.merge_size >= 1);
  for (const float deviation : config.image_std) FUZZ_REQUIRE(deviation > 0);
}

}  // namespace
}  // namespace sightline::model

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sightline::model;
  if (size == 0) return 0;
  const absl::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0: CheckModel(text); break;
    case 1:
      if (const auto config = ParseGenerationConfig(text); config.ok()) {
        FUZZ_REQUIRE(config->top_p > 0 && config->top_p <= 1 && config->temperature >= 0);
      }
      break;
    case 2:
      if (const auto config = ParsePreprocessorConfig(text); config.ok()) CheckImage(*config);
      break;
    default:
      if (const auto config = ParseVideoPreprocessorConfig(text); config.ok()) {
        CheckImage(*config);
        FUZZ_REQUIRE(config->min_frames >= 1 && config->min_frames <= config->max_frames);
      }
  }
  return 0;
}
