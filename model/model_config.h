#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/quantization.h"

namespace sightline::model {

// Stretches the decoder's rotation over more positions than it was trained on: YaRN, as
// _compute_yarn_parameters in transformers, modeling_rope_utils.py. The published models name it
// for contexts of more than 262 144 tokens.
struct YarnConfig {
  double factor = 1;                             // new length over trained length, >= 1
  int64_t original_max_position_embeddings = 0;  // trained length, tokens
  double beta_fast = 32;        // rotations over the trained length from which a frequency is kept
  double beta_slow = 1;         // and up to which it is divided by factor; <= beta_fast
  bool truncate = true;         // the range between them goes out to whole frequencies
  double attention_factor = 1;  // of cos and sin, > 0
};

// text_config of config.json.
struct TextConfig {
  int64_t vocab_size = 0;  // rows of the embedding table; more than the tokenizer's tokens
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int num_layers = 0;
  int num_heads = 0;
  int num_kv_heads = 0;  // divides num_heads
  int64_t head_dim = 0;  // even; its own number, not hidden_size / num_heads
  double rms_norm_eps = 1e-6;
  double rope_theta = 5e6;
  std::array<int, 3> mrope_section = {24, 20, 20};  // t, h, w
  std::optional<YarnConfig> yarn;                   // absent: rotation as it was trained
  bool attention_bias = false;
  int64_t max_position_embeddings = 0;  // context, tokens

  // Mixture of experts; num_experts 0 = dense.
  int num_experts = 0;
  int num_experts_per_tok = 0;
  int64_t moe_intermediate_size = 0;
  int decoder_sparse_step = 1;
  std::vector<int> mlp_only_layers;

  bool IsMoeLayer(int layer) const;
};

// vision_config of config.json.
struct VisionConfig {
  int depth = 0;
  int64_t hidden_size = 0;
  int num_heads = 0;  // divides hidden_size; hidden_size / num_heads is a multiple of 4
  int64_t intermediate_size = 0;
  int in_channels = 3;
  int patch_size = 16;
  int temporal_patch_size = 2;
  int spatial_merge_size = 2;
  int64_t num_position_embeddings = 0;  // a square
  int64_t out_hidden_size = 0;          // equals the text hidden_size
  std::vector<int> deepstack_indexes;   // blocks that are tapped, each in [0, depth)

  // Floats of one flattened patch: 1536 for the published models.
  int64_t patch_floats() const {
    return int64_t{in_channels} * temporal_patch_size * patch_size * patch_size;
  }
};

struct ModelConfig {
  std::string
      architecture;  // "Qwen3VLForConditionalGeneration", "Qwen3VLMoeForConditionalGeneration", …
  std::string model_type;  // "qwen3_vl" or "qwen3_vl_moe"
  std::string dtype;       // "float32", "bfloat16", "float16"; empty when not said
  bool tie_word_embeddings = false;
  int32_t image_token_id = 0;
  int32_t video_token_id = 0;
  int32_t vision_start_token_id = 0;
  int32_t vision_end_token_id = 0;
  QuantizationConfig quantization;
  TextConfig text;
  VisionConfig vision;
};

// generation_config.json; what it does not say keeps these values.
struct GenerationConfig {
  bool do_sample = true;
  float temperature = 1;
  float top_p = 1;
  int top_k = 0;  // 0 = off
  float repetition_penalty = 1;
  float presence_penalty = 0;
  std::vector<int32_t> eos_token_ids;
  int32_t pad_token_id = -1;  // -1 = not said
};

// preprocessor_config.json: what pictures are turned into.
struct PreprocessorConfig {
  int64_t min_pixels = 65536;     // area after resizing, >= 1
  int64_t max_pixels = 16777216;  // >= min_pixels
  int64_t embed_max_pixels = 0;   // lowers the limit the embedding front end has of its own; 0 =
                                  // does not. Not of the file: a bundle's choice
  int patch_size = 16;
  int temporal_patch_size = 2;
  int merge_size = 2;
  std::array<float, 3> image_mean = {0.5f, 0.5f, 0.5f};
  std::array<float, 3> image_std = {0.5f, 0.5f, 0.5f};
};

// video_preprocessor_config.json. The pixel limits are of frames times height times width.
struct VideoPreprocessorConfig : PreprocessorConfig {
  VideoPreprocessorConfig() {
    min_pixels = 4096;
    max_pixels = 25165824;
  }
  double fps = 2;
  int min_frames = 4;
  int max_frames = 768;
};

// Each parses the JSON text of its file. kFailedPrecondition names the field, what it holds, and
// what was expected: absent, of a wrong type, absurd (a billion layers), or at odds with another
// field.
absl::StatusOr<ModelConfig> ParseModelConfig(absl::string_view json);
absl::StatusOr<GenerationConfig> ParseGenerationConfig(absl::string_view json);
absl::StatusOr<PreprocessorConfig> ParsePreprocessorConfig(absl::string_view json);
absl::StatusOr<VideoPreprocessorConfig> ParseVideoPreprocessorConfig(absl::string_view json);

// All configuration of a checkpoint folder.
struct CheckpointConfig {
  ModelConfig model;
  GenerationConfig generation;  // eos falls back to text_config's eos_token_id
  PreprocessorConfig image;     // patch sizes fall back to vision_config's
  VideoPreprocessorConfig video;
  bool thinking = false;  // the chat template opens a reasoning block for the model to write in
};

// Reads config.json and, where present, the other three and the chat template. kNotFound: no
// config.json; otherwise as above, with the path, and kFailedPrecondition when a preprocessor's
// patch sizes disagree with vision_config.
absl::StatusOr<CheckpointConfig> LoadCheckpointConfig(const std::string& folder);

}  // namespace sightline::model
