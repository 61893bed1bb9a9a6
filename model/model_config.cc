#include "model/model_config.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "model/json.h"
#include "model/thinking.h"

namespace sightline::model {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxConfigBytes = 8 << 20;
constexpr int64_t kMaxToken = int64_t{1} << 24;
constexpr int64_t kMaxArea = int64_t{1} << 40;

absl::Status Bad(absl::string_view what) { return absl::FailedPreconditionError(what); }

// Reads the fields of one JSON object and keeps the first fault, so that a reader needs one check
// at its end. Fields that are null count as absent.
class Fields {
 public:
  Fields(const json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object_.is_object()) Fail("", "is not an object");
  }

  const absl::Status& status() const { return status_; }

  const json* Find(const char* name) const {
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(name);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }

  // Whole number in [low, high]. Absent: `fallback`, or a fault without one.
  int64_t Int(const char* name, int64_t low, int64_t high,
              std::optional<int64_t> fallback = std::nullopt) {
    const json* value = Find(name);
    if (value == nullptr) {
      if (!fallback) Fail(name, "is missing");
      return fallback.value_or(low);
    }
    return ToInt(name, *value, low, high);
  }

  // Finite number in [low, high].
  double Number(const char* name, double low, double high, double fallback) {
    const json* value = Find(name);
    if (value == nullptr) return fallback;
    if (!value->is_number()) {
      Fail(name, absl::StrCat("is ", value->dump(), ", expected a number"));
      return fallback;
    }
    const double number = value->get<double>();
    if (!(number >= low && number <= high)) {
      Fail(name, absl::StrCat("is ", number, ", expected ", low, " to ", high));
      return fallback;
    }
    return number;
  }

  bool Bool(const char* name, bool fallback) {
    const json* value = Find(name);
    if (value == nullptr) return fallback;
    if (!value->is_boolean()) {
      Fail(name, absl::StrCat("is ", value->dump(), ", expected true or false"));
      return fallback;
    }
    return value->get<bool>();
  }

  std::string String(const char* name) {
    const json* value = Find(name);
    if (value == nullptr) return "";
    if (!value->is_string()) {
      Fail(name, absl::StrCat("is ", value->dump(), ", expected a string"));
      return "";
    }
    return value->get<std::string>();
  }

  // List of at most `max_size` whole numbers in [low, high]; empty when absent.
  std::vector<int> Ints(const char* name, size_t max_size, int64_t low, int64_t high) {
    const json* value = Find(name);
    std::vector<int> numbers;
    if (value == nullptr) return numbers;
    if (!value->is_array() || value->size() > max_size) {
      Fail(name, absl::StrCat("is not a list of at most ", max_size, " numbers"));
      return numbers;
    }
    for (const json& one : *value) {
      numbers.push_back(static_cast<int>(ToInt(name, one, low, high)));
    }
    return numbers;
  }

  // Refuses a value other than `expected`; absent is fine.
  void Require(const char* name, const json& expected) {
    const json* value = Find(name);
    if (value != nullptr && *value != expected) {
      Fail(name, absl::StrCat("is ", value->dump(), ", only ", expected.dump(), " is supported"));
    }
  }

  void Fail(const char* name, absl::string_view what) {
    if (!status_.ok()) return;
    status_ = Bad(absl::StrCat(where_, *name == '\0' ? "" : ".", name, " ", what));
  }

 private:
  int64_t ToInt(const char* name, const json& value, int64_t low, int64_t high) {
    // Files that passed through JavaScript write 5e6 for 5000000.
    const bool whole = value.is_number_integer() ||
                       (value.is_number_float() && std::abs(value.get<double>()) < 9e15 &&
                        value.get<double>() == std::floor(value.get<double>()));
    const bool huge =
        value.is_number_unsigned() &&
        value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    const int64_t number = whole && !huge ? value.get<int64_t>() : low;
    if (!whole || huge || number < low || number > high) {
      Fail(name,
           absl::StrCat("is ", value.dump(), ", expected a whole number from ", low, " to ", high));
      return low;
    }
    return number;
  }

  const json& object_;
  const std::string where_;
  absl::Status status_;
};

std::string DTypeOf(Fields& fields) {
  std::string dtype = fields.String("dtype");
  if (dtype.empty()) dtype = fields.String("torch_dtype");
  return dtype;
}

// How much longer vectors become when the context is `scale` times as long.
double YarnMagnitude(double scale, double weight) {
  return scale <= 1 ? 1.0 : 0.1 * weight * std::log(scale) + 1.0;
}

YarnConfig ReadYarn(Fields& fields, int64_t max_position_embeddings) {
  YarnConfig yarn;
  const bool has_original = fields.Find("original_max_position_embeddings") != nullptr;
  yarn.original_max_position_embeddings =
      fields.Int("original_max_position_embeddings", 1, 1 << 26, max_position_embeddings);
  const double implied = static_cast<double>(max_position_embeddings) /
                         static_cast<double>(yarn.original_max_position_embeddings);
  if (fields.Find("factor") == nullptr && (!has_original || implied < 1)) {
    fields.Fail("factor", "is missing");
  }
  yarn.factor = fields.Number("factor", 1, 1024, implied);
  yarn.beta_fast = fields.Number("beta_fast", 1e-3, 1e6, yarn.beta_fast);
  yarn.beta_slow = fields.Number("beta_slow", 1e-3, 1e6, yarn.beta_slow);
  if (yarn.beta_fast < yarn.beta_slow) {
    fields.Fail("beta_fast",
                absl::StrCat("is ", yarn.beta_fast, ", less than beta_slow ", yarn.beta_slow));
  }
  yarn.truncate = fields.Bool("truncate", yarn.truncate);
  const double mscale = fields.Number("mscale", 0, 100, 0);
  const double mscale_all_dim = fields.Number("mscale_all_dim", 0, 100, 0);
  const double magnitude =
      mscale > 0 && mscale_all_dim > 0
          ? YarnMagnitude(yarn.factor, mscale) / YarnMagnitude(yarn.factor, mscale_all_dim)
          : YarnMagnitude(yarn.factor, 1);
  yarn.attention_factor = fields.Number("attention_factor", 1e-3, 1e3, magnitude);
  return yarn;
}

// The kind of rotation; "type" is what older files call it, and "mrope" what those call "default".
std::string RopeType(Fields& fields) {
  const char* const name = fields.Find("rope_type") != nullptr ? "rope_type" : "type";
  std::string type = fields.String(name);
  if (type.empty() || type == "mrope") type = "default";
  if (type != "default" && type != "yarn") {
    fields.Fail(name, absl::StrCat("is \"", type, "\", only default and yarn are supported"));
  }
  return type;
}

// rope_theta and rope_scaling, or the one rope_parameters object of newer files.
absl::Status ReadRope(const json& object, const std::string& where, TextConfig* text) {
  Fields fields(object, where);
  text->rope_theta = fields.Number("rope_theta", 1, 1e12, text->rope_theta);
  for (const char* name : {"rope_scaling", "rope_parameters"}) {
    const json* rope = fields.Find(name);
    if (rope == nullptr) continue;
    Fields inner(*rope, absl::StrCat(where, ".", name));
    text->rope_theta = inner.Number("rope_theta", 1, 1e12, text->rope_theta);
    inner.Require("mrope_interleaved", true);
    inner.Require("partial_rotary_factor", 1);
    const std::vector<int> section = inner.Ints("mrope_section", 3, 0, 1 << 16);
    if (section.size() == 3) {
      std::copy(section.begin(), section.end(), text->mrope_section.begin());
    } else if (inner.Find("mrope_section") != nullptr) {
      inner.Fail("mrope_section", "is not three numbers");
    }
    if (RopeType(inner) == "yarn") text->yarn = ReadYarn(inner, text->max_position_embeddings);
    SL_RETURN_IF_ERROR(inner.status());
  }
  if (text->yarn.has_value() && text->rope_theta <= 1) {
    fields.Fail("rope_theta", absl::StrCat("is ", text->rope_theta, ", yarn needs more than 1"));
  }
  return fields.status();
}

absl::StatusOr<TextConfig> ReadText(const json& object) {
  const std::string where = "text_config";
  Fields fields(object, where);
  TextConfig text;
  text.vocab_size = fields.Int("vocab_size", 1, kMaxToken);
  text.hidden_size = fields.Int("hidden_size", 1, 1 << 17);
  text.intermediate_size = fields.Int("intermediate_size", 1, 1 << 20);
  text.num_layers = fields.Int("num_hidden_layers", 1, 1024);
  text.num_heads = fields.Int("num_attention_heads", 1, 1024);
  text.num_kv_heads = fields.Int("num_key_value_heads", 1, 1024, text.num_heads);
  text.head_dim = fields.Int("head_dim", 2, 4096, text.hidden_size / text.num_heads);
  text.rms_norm_eps = fields.Number("rms_norm_eps", 1e-12, 1, text.rms_norm_eps);
  text.attention_bias = fields.Bool("attention_bias", false);
  text.max_position_embeddings = fields.Int("max_position_embeddings", 1, 1 << 26, 32768);
  fields.Require("hidden_act", "silu");
  text.num_experts = fields.Int("num_experts", 0, 4096, 0);
  text.num_experts_per_tok = fields.Int("num_experts_per_tok", 0, 4096, 0);
  text.moe_intermediate_size = fields.Int("moe_intermediate_size", 0, 1 << 20, 0);
  text.decoder_sparse_step = fields.Int("decoder_sparse_step", 1, 1024, 1);
  text.mlp_only_layers = fields.Ints("mlp_only_layers", 1024, 0, text.num_layers - 1);
  if (text.num_heads % text.num_kv_heads != 0) {
    fields.Fail("num_key_value_heads", absl::StrCat("is ", text.num_kv_heads,
                                                    ", which does not divide "
                                                    "num_attention_heads ",
                                                    text.num_heads));
  }
  if (text.head_dim % 2 != 0) {
    fields.Fail("head_dim", absl::StrCat("is ", text.head_dim, ", expected an even number"));
  }
  if (text.num_experts > 0 &&
      (text.num_experts_per_tok < 1 || text.num_experts_per_tok > text.num_experts)) {
    fields.Fail("num_experts_per_tok",
                absl::StrCat("is ", text.num_experts_per_tok, ", expected 1 to num_experts ",
                             text.num_experts));
  }
  if (text.num_experts > 0 && text.moe_intermediate_size < 1) {
    fields.Fail("moe_intermediate_size", "is missing although there are experts");
  }
  SL_RETURN_IF_ERROR(fields.status());
  SL_RETURN_IF_ERROR(ReadRope(object, where, &text));
  for (int axis : {1, 2}) {
    if (text.mrope_section[axis] * 3 > text.head_dim / 2 + 2) {
      return Bad(absl::StrCat(where, ".rope_scaling.mrope_section holds ", text.mrope_section[axis],
                              ", too many for head_dim ", text.head_dim));
    }
  }
  return text;
}

absl::StatusOr<VisionConfig> ReadVision(const json& object) {
  Fields fields(object, "vision_config");
  VisionConfig vision;
  vision.depth = fields.Int("depth", 1, 1024);
  vision.hidden_size = fields.Int("hidden_size", 1, 1 << 16);
  vision.num_heads = fields.Int("num_heads", 1, 1024);
  vision.intermediate_size = fields.Int("intermediate_size", 1, 1 << 20);
  vision.in_channels = fields.Int("in_channels", 3, 3, 3);
  vision.patch_size = fields.Int("patch_size", 1, 256, 16);
  vision.temporal_patch_size = fields.Int("temporal_patch_size", 2, 2, 2);
  vision.spatial_merge_size = fields.Int("spatial_merge_size", 1, 16, 2);
  vision.num_position_embeddings = fields.Int("num_position_embeddings", 1, 1 << 24);
  vision.out_hidden_size = fields.Int("out_hidden_size", 1, 1 << 17);
  fields.Require("hidden_act", "gelu_pytorch_tanh");
  vision.deepstack_indexes =
      fields.Ints("deepstack_visual_indexes", 64, 0, std::max(vision.depth - 1, 0));
  if (vision.hidden_size % vision.num_heads != 0 ||
      vision.hidden_size / vision.num_heads % 4 != 0) {
    fields.Fail("hidden_size", absl::StrCat("is ", vision.hidden_size, ", not num_heads ",
                                            vision.num_heads, " times a multiple of 4"));
  }
  const auto side = static_cast<int64_t>(
      std::llround(std::sqrt(static_cast<double>(vision.num_position_embeddings))));
  if (side * side != vision.num_position_embeddings) {
    fields.Fail("num_position_embeddings",
                absl::StrCat("is ", vision.num_position_embeddings, ", expected a square"));
  }
  SL_RETURN_IF_ERROR(fields.status());
  return vision;
}

absl::Status CheckAgainstEachOther(const ModelConfig& config) {
  if (config.vision.out_hidden_size != config.text.hidden_size) {
    return Bad(absl::StrCat("vision_config.out_hidden_size is ", config.vision.out_hidden_size,
                            ", text_config.hidden_size ", config.text.hidden_size));
  }
  if (static_cast<int>(config.vision.deepstack_indexes.size()) > config.text.num_layers) {
    return Bad(absl::StrCat("vision_config.deepstack_visual_indexes holds ",
                            config.vision.deepstack_indexes.size(), " taps for ",
                            config.text.num_layers, " decoder layers"));
  }
  const std::pair<const char*, int32_t> ids[] = {
      {"image_token_id", config.image_token_id},
      {"video_token_id", config.video_token_id},
      {"vision_start_token_id", config.vision_start_token_id},
      {"vision_end_token_id", config.vision_end_token_id}};
  for (size_t i = 0; i < std::size(ids); ++i) {
    if (ids[i].second >= config.text.vocab_size) {
      return Bad(absl::StrCat(ids[i].first, " is ", ids[i].second, ", text_config.vocab_size ",
                              config.text.vocab_size));
    }
    for (size_t j = 0; j < i; ++j) {
      if (ids[i].second == ids[j].second) {
        return Bad(absl::StrCat(ids[i].first, " and ", ids[j].first, " are both ", ids[i].second));
      }
    }
  }
  return absl::OkStatus();
}

void ReadTriple(Fields& fields, const char* name, double low, double high,
                std::array<float, 3>* out) {
  const json* value = fields.Find(name);
  if (value == nullptr) return;
  const bool fits =
      value->is_array() && value->size() == 3 &&
      std::all_of(value->begin(), value->end(), [&](const json& one) {
        return one.is_number() && one.get<double>() >= low && one.get<double>() <= high;
      });
  if (!fits) {
    return fields.Fail(name, absl::StrCat("is ", value->dump(), ", expected three numbers from ",
                                          low, " to ", high));
  }
  for (int i = 0; i < 3; ++i) (*out)[i] = (*value)[i].get<float>();
}

absl::Status ReadPreprocessor(const json& object, const std::string& where,
                              PreprocessorConfig* config) {
  Fields fields(object, where);
  if (const json* size = fields.Find("size")) {
    Fields inner(*size, where + ".size");
    config->min_pixels = inner.Int("shortest_edge", 1, kMaxArea, config->min_pixels);
    config->max_pixels = inner.Int("longest_edge", 1, kMaxArea, config->max_pixels);
    SL_RETURN_IF_ERROR(inner.status());
  }
  config->min_pixels = fields.Int("min_pixels", 1, kMaxArea, config->min_pixels);
  config->max_pixels = fields.Int("max_pixels", 1, kMaxArea, config->max_pixels);
  config->patch_size = fields.Int("patch_size", 1, 256, config->patch_size);
  config->temporal_patch_size =
      fields.Int("temporal_patch_size", 2, 2, config->temporal_patch_size);
  config->merge_size = fields.Int("merge_size", 1, 16, config->merge_size);
  ReadTriple(fields, "image_mean", -10, 10, &config->image_mean);
  ReadTriple(fields, "image_std", 1e-6, 100, &config->image_std);
  for (const char* on : {"do_resize", "do_rescale", "do_normalize", "do_convert_rgb"}) {
    fields.Require(on, true);
  }
  if (config->min_pixels > config->max_pixels) {
    fields.Fail("size", absl::StrCat("has shortest_edge ", config->min_pixels,
                                     " above longest_edge ", config->max_pixels));
  }
  return fields.status();
}

absl::StatusOr<VideoPreprocessorConfig> ReadVideo(const json& object) {
  const std::string where = "video_preprocessor_config";
  VideoPreprocessorConfig config;
  SL_RETURN_IF_ERROR(ReadPreprocessor(object, where, &config));
  Fields fields(object, where);
  config.fps = fields.Number("fps", 1e-3, 1e3, config.fps);
  config.min_frames = fields.Int("min_frames", 1, 1 << 20, config.min_frames);
  config.max_frames = fields.Int("max_frames", 1, 1 << 20, config.max_frames);
  if (config.min_frames > config.max_frames) {
    fields.Fail("min_frames",
                absl::StrCat("is ", config.min_frames, ", max_frames ", config.max_frames));
  }
  SL_RETURN_IF_ERROR(fields.status());
  return config;
}

absl::StatusOr<GenerationConfig> ReadGeneration(const json& object) {
  Fields fields(object, "generation_config");
  GenerationConfig config;
  config.do_sample = fields.Bool("do_sample", config.do_sample);
  config.temperature = fields.Number("temperature", 0, 100, config.temperature);
  config.top_p = fields.Number("top_p", 1e-6, 1, config.top_p);
  config.top_k = fields.Int("top_k", 0, kMaxToken, config.top_k);
  config.repetition_penalty =
      fields.Number("repetition_penalty", 1e-3, 100, config.repetition_penalty);
  config.presence_penalty = fields.Number("presence_penalty", -100, 100, config.presence_penalty);
  config.pad_token_id = fields.Int("pad_token_id", 0, kMaxToken, -1);
  const json* eos = fields.Find("eos_token_id");
  if (eos != nullptr && eos->is_array()) {
    const std::vector<int> ids = fields.Ints("eos_token_id", 64, 0, kMaxToken);
    config.eos_token_ids.assign(ids.begin(), ids.end());
  } else if (eos != nullptr) {
    config.eos_token_ids = {static_cast<int32_t>(fields.Int("eos_token_id", 0, kMaxToken))};
  }
  SL_RETURN_IF_ERROR(fields.status());
  return config;
}

// The JSON of `folder`/`name`; nothing when there is no such file.
absl::StatusOr<std::optional<std::string>> ReadOptional(const std::string& folder,
                                                        const char* name) {
  auto text = ReadFile(folder + "/" + name, kMaxConfigBytes);
  if (absl::IsNotFound(text.status())) return std::optional<std::string>();
  if (!text.ok()) return text.status();
  return std::optional<std::string>(*std::move(text));
}

absl::Status CheckPatches(const char* file, const PreprocessorConfig& config,
                          const VisionConfig& vision) {
  const std::pair<const char*, std::pair<int, int>> pairs[] = {
      {"patch_size", {config.patch_size, vision.patch_size}},
      {"temporal_patch_size", {config.temporal_patch_size, vision.temporal_patch_size}},
      {"merge_size", {config.merge_size, vision.spatial_merge_size}}};
  for (const auto& [name, values] : pairs) {
    if (values.first != values.second) {
      return Bad(absl::StrCat(file, ".", name, " is ", values.first, ", vision_config says ",
                              values.second));
    }
  }
  return absl::OkStatus();
}

// Parses `text` and reads it; the readers above may meet JSON of any shape, so nothing may escape.
template <typename Reader>
auto ParseWith(absl::string_view text, const char* where, Reader reader)
    -> decltype(reader(std::declval<const json&>())) {
  return CatchStatus(where, [&]() -> decltype(reader(std::declval<const json&>())) {
    auto parsed = ParseJson(text);
    if (!parsed.ok()) return Annotate(parsed.status(), where);
    return reader(*parsed);
  });
}

}  // namespace

bool TextConfig::IsMoeLayer(int layer) const {
  return num_experts > 0 && (layer + 1) % decoder_sparse_step == 0 &&
         std::find(mlp_only_layers.begin(), mlp_only_layers.end(), layer) == mlp_only_layers.end();
}

absl::StatusOr<ModelConfig> ParseModelConfig(absl::string_view text) {
  return ParseWith(text, "config.json", [](const json& root) -> absl::StatusOr<ModelConfig> {
    Fields fields(root, "config.json");
    SL_RETURN_IF_ERROR(fields.status());
    if (fields.Find("auto_map") != nullptr) {
      return Bad("config.json: auto_map asks for code of the checkpoint's own, which is never run");
    }
    ModelConfig config;
    config.model_type = fields.String("model_type");
    if (config.model_type != "qwen3_vl" && config.model_type != "qwen3_vl_moe") {
      return Bad(absl::StrCat("config.json: model_type is \"", config.model_type,
                              "\", expected qwen3_vl or qwen3_vl_moe"));
    }
    if (const json* names = fields.Find("architectures")) {
      if (!names->is_array() || names->empty() || !(*names)[0].is_string()) {
        return Bad("config.json: architectures is not a list of names");
      }
      config.architecture = (*names)[0].get<std::string>();
    }
    config.image_token_id = fields.Int("image_token_id", 0, kMaxToken);
    config.video_token_id = fields.Int("video_token_id", 0, kMaxToken);
    config.vision_start_token_id = fields.Int("vision_start_token_id", 0, kMaxToken);
    config.vision_end_token_id = fields.Int("vision_end_token_id", 0, kMaxToken);
    const json* text_config = fields.Find("text_config");
    const json* vision_config = fields.Find("vision_config");
    if (text_config == nullptr) fields.Fail("text_config", "is missing");
    if (vision_config == nullptr) fields.Fail("vision_config", "is missing");
    SL_RETURN_IF_ERROR(fields.status());
    SL_ASSIGN_OR_RETURN(config.text, ReadText(*text_config));
    SL_ASSIGN_OR_RETURN(config.vision, ReadVision(*vision_config));

    Fields inner(*text_config, "text_config");
    config.tie_word_embeddings =
        fields.Bool("tie_word_embeddings", inner.Bool("tie_word_embeddings", false));
    config.dtype = DTypeOf(fields);
    if (config.dtype.empty()) config.dtype = DTypeOf(inner);
    const json* quantization = fields.Find("quantization_config");
    if (quantization == nullptr) quantization = inner.Find("quantization_config");
    if (quantization != nullptr) {
      SL_ASSIGN_OR_RETURN(config.quantization, ParseQuantization(quantization->dump()));
    }
    SL_RETURN_IF_ERROR(fields.status());
    SL_RETURN_IF_ERROR(inner.status());
    SL_RETURN_IF_ERROR(CheckAgainstEachOther(config));
    return config;
  });
}

absl::StatusOr<GenerationConfig> ParseGenerationConfig(absl::string_view text) {
  return ParseWith(text, "generation_config.json", ReadGeneration);
}

absl::StatusOr<PreprocessorConfig> ParsePreprocessorConfig(absl::string_view text) {
  return ParseWith(text, "preprocessor_config.json",
                   [](const json& root) -> absl::StatusOr<PreprocessorConfig> {
                     PreprocessorConfig config;
                     SL_RETURN_IF_ERROR(ReadPreprocessor(root, "preprocessor_config", &config));
                     return config;
                   });
}

absl::StatusOr<VideoPreprocessorConfig> ParseVideoPreprocessorConfig(absl::string_view text) {
  return ParseWith(text, "video_preprocessor_config.json", ReadVideo);
}

absl::StatusOr<CheckpointConfig> LoadCheckpointConfig(const std::string& folder) {
  CheckpointConfig config;
  SL_ASSIGN_OR_RETURN(const std::string main, ReadFile(folder + "/config.json", kMaxConfigBytes));
  auto model = ParseModelConfig(main);
  if (!model.ok()) return Annotate(model.status(), folder);
  config.model = *std::move(model);

  SL_ASSIGN_OR_RETURN(const auto generation, ReadOptional(folder, "generation_config.json"));
  if (generation) {
    auto parsed = ParseGenerationConfig(*generation);
    if (!parsed.ok()) return Annotate(parsed.status(), folder);
    config.generation = *std::move(parsed);
  }
  if (config.generation.eos_token_ids.empty()) {
    auto eos = ParseWith(main, "config.json", [](const json& root) {
      return ReadGeneration({{"eos_token_id", root["text_config"].value("eos_token_id", json())}});
    });
    if (!eos.ok()) return Annotate(eos.status(), folder);
    config.generation.eos_token_ids = eos->eos_token_ids;
  }

  // Without their files the patch sizes are the network's own.
  const VisionConfig& vision = config.model.vision;
  for (PreprocessorConfig* one : {&config.image, static_cast<PreprocessorConfig*>(&config.video)}) {
    one->patch_size = vision.patch_size;
    one->temporal_patch_size = vision.temporal_patch_size;
    one->merge_size = vision.spatial_merge_size;
  }
  SL_ASSIGN_OR_RETURN(const auto image, ReadOptional(folder, "preprocessor_config.json"));
  if (image) {
    auto parsed = ParsePreprocessorConfig(*image);
    if (!parsed.ok()) return Annotate(parsed.status(), folder);
    config.image = *std::move(parsed);
    SL_RETURN_IF_ERROR(CheckPatches("preprocessor_config", config.image, vision));
  }
  SL_ASSIGN_OR_RETURN(const auto video, ReadOptional(folder, "video_preprocessor_config.json"));
  if (video) {
    auto parsed = ParseVideoPreprocessorConfig(*video);
    if (!parsed.ok()) return Annotate(parsed.status(), folder);
    config.video = *std::move(parsed);
    SL_RETURN_IF_ERROR(CheckPatches("video_preprocessor_config", config.video, vision));
  }
  SL_ASSIGN_OR_RETURN(config.thinking, OpensThinking(folder));
  return config;
}

}  // namespace sightline::model
