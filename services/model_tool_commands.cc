#include "services/model_tool_commands.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/status.h"
#include "model/bundle.h"
#include "model/checkpoint.h"
#include "model/inspect.h"
#include "model/qwen3vl_encoder.h"
#include "model/qwen3vl_generator.h"
#include "model/qwen3vl_reranker.h"
#include "model/safetensors.h"
#include "model/seal.h"
#include "nlohmann/json.hpp"
#include "services/model_tool_input.h"
#include "services/self_check.h"

namespace sightline::services {
namespace {

using model::Checkpoint;
using nlohmann::json;

enum class Role { kAny, kEncoder, kReranker, kGenerator };

void Print(const json& line) {
  std::puts(line.dump(-1, ' ', false, json::error_handler_t::replace).c_str());
  std::fflush(stdout);
}

struct Found {
  model::PartLayout part;
  model::CheckpointOptions options;
};

// The name --adapter's folder is loaded under.
constexpr char kToolAdapter[] = "--adapter";

// The checkpoint of a bundle that has the role. A folder that is one checkpoint is taken for any
// role, whatever its name: the caller knows what he compares. --adapter, a folder or a name of the
// bundle's, takes the place of the part's own.
absl::StatusOr<Found> FindCheckpoint(const ToolOptions& options, Role role) {
  SL_ASSIGN_OR_RETURN(const model::BundleLayout layout, model::ReadBundle(options.model));
  Found out;
  out.options.untrained = layout.untrained;
  out.options.max_image_pixels = layout.max_image_pixels;
  std::optional<model::PartLayout> part = role == Role::kEncoder    ? layout.encoder
                                          : role == Role::kReranker ? layout.reranker
                                                                    : layout.generator;
  if (role == Role::kAny && !part.has_value()) part = layout.encoder;
  if (role == Role::kAny && !part.has_value()) part = layout.reranker;
  if (!std::filesystem::exists(options.model + "/sightline.json")) {
    part = model::PartLayout{options.model, ""};
  }
  if (!part.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat(options.model, ": the bundle has no part for this command"));
  }
  out.part = *part;
  if (!options.adapter.empty()) {
    const auto named = layout.adapters.find(options.adapter);
    out.part.adapter = named == layout.adapters.end() ? options.adapter : named->second;
  }
  if (!out.part.adapter.empty()) out.options.adapters[kToolAdapter] = out.part.adapter;
  return out;
}

struct Opened {
  std::shared_ptr<Checkpoint> checkpoint;
  std::shared_ptr<const model::Adapter> adapter;  // null = none
};

absl::StatusOr<Opened> OpenCheckpoint(const ToolOptions& options, Role role) {
  SL_ASSIGN_OR_RETURN(const Found found, FindCheckpoint(options, role));
  Opened out;
  SL_ASSIGN_OR_RETURN(out.checkpoint,
                      Checkpoint::Open(found.part.folder, options.load, found.options));
  if (!found.part.adapter.empty()) {
    SL_ASSIGN_OR_RETURN(out.adapter, out.checkpoint->FindAdapter(kToolAdapter));
  }
  return out;
}

// What tokenize, render and preprocess need: no weights are read.
struct TextHalf {
  model::CheckpointConfig config;
  std::unique_ptr<const model::Tokenizer> tokenizer;
  std::unique_ptr<const model::ImageProcessor> processor;
  std::optional<model::PromptBuilder> prompts;
};

absl::StatusOr<std::unique_ptr<TextHalf>> OpenTextHalf(const ToolOptions& options) {
  SL_ASSIGN_OR_RETURN(const Found found, FindCheckpoint(options, Role::kAny));
  auto half = std::make_unique<TextHalf>();
  SL_ASSIGN_OR_RETURN(half->config, model::LoadCheckpointConfig(found.part.folder));
  model::PreprocessorConfig& image = half->config.image;
  if (found.options.max_image_pixels.has_value()) {
    image.max_pixels = std::min(image.max_pixels, *found.options.max_image_pixels);
    image.embed_max_pixels = *found.options.max_image_pixels;
  }
  if (options.min_pixels.has_value()) image.min_pixels = *options.min_pixels;
  if (options.max_pixels.has_value()) {
    image.max_pixels = *options.max_pixels;
    image.embed_max_pixels = *options.max_pixels;
  }
  SL_ASSIGN_OR_RETURN(half->tokenizer, model::Tokenizer::Open(found.part.folder));
  half->processor = std::make_unique<model::ImageProcessor>(half->config.image, half->config.video);
  SL_ASSIGN_OR_RETURN(model::PromptBuilder prompts,
                      model::PromptBuilder::Create(*half->tokenizer, half->config.model,
                                                   *half->processor, half->config.thinking));
  half->prompts.emplace(std::move(prompts));
  return half;
}

// Calls `body` with each line's JSON; a fault is given the line's number.
absl::Status ForEachLine(const std::string& path,
                         const std::function<absl::Status(const json&)>& body) {
  SL_ASSIGN_OR_RETURN(const std::vector<InputLine> lines, ReadInputLines(path));
  for (const InputLine& line : lines) {
    const json value = json::parse(line.text, nullptr, /*allow_exceptions=*/false);
    absl::Status status = value.is_object() ? CatchStatus("input", [&] { return body(value); })
                                            : absl::InvalidArgumentError("expected a JSON object");
    if (!status.ok()) return Annotate(status, absl::StrCat(path, " line ", line.number));
  }
  return absl::OkStatus();
}

absl::StatusOr<model::Prompt> ChatPrompt(const json& line, ToolInputs& inputs,
                                         const model::PromptBuilder& prompts, int64_t max_tokens) {
  SL_ASSIGN_OR_RETURN(const std::vector<model::Message> messages, inputs.Messages(line));
  model::ChatOptions chat;
  if (line.contains("add_generation_prompt")) {
    if (!line["add_generation_prompt"].is_boolean()) {
      return absl::InvalidArgumentError("\"add_generation_prompt\" must be true or false");
    }
    chat.add_generation_prompt = line["add_generation_prompt"].get<bool>();
  }
  return prompts.Chat(messages, chat, max_tokens);
}

absl::StatusOr<std::vector<float>> ReadFloats(const model::SafetensorsFile& file,
                                              const char* name) {
  const model::TensorView* view = file.Find(name);
  if (view == nullptr) return std::vector<float>();
  if (view->dtype != model::DType::kF32) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " is ", model::DTypeName(view->dtype), ", expected F32"));
  }
  std::vector<float> out(static_cast<size_t>(view->elements()));
  std::memcpy(out.data(), view->bytes.data(), view->bytes.size());
  return out;
}

// "ID=ADDEND".
absl::StatusOr<std::pair<int32_t, float>> BiasFrom(absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(text, '=');
  std::pair<int32_t, float> out;
  if (!absl::SimpleAtoi(parts.first, &out.first) || !absl::SimpleAtof(parts.second, &out.second)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--logit-bias: \"", text, "\", expected ID=ADDEND"));
  }
  return out;
}

// What the words of `generate` say besides the messages.
absl::StatusOr<model::GenerateInput> GenerateInputFrom(const ToolOptions& options) {
  model::GenerateInput input;
  input.sampling = options.sampling;
  for (const std::string& text : options.logit_bias) {
    SL_ASSIGN_OR_RETURN(const auto bias, BiasFrom(text));
    input.sampling.logit_bias.push_back(bias);
  }
  input.max_tokens = options.max_tokens;
  input.n = options.n;
  input.stop = options.stop;
  if (!options.json_schema.empty()) {
    SL_ASSIGN_OR_RETURN(std::string schema, ReadFile(options.json_schema));
    input.format = model::JsonSchemaFormat{std::move(schema)};
  } else if (!options.regex.empty()) {
    input.format = model::RegexFormat{options.regex};
  }
  return input;
}

// JSON has no infinity: what is forbidden has the log probability null.
json ToJson(const model::TokenLogprob& token) {
  std::vector<int> bytes;
  for (const char c : token.bytes) bytes.push_back(static_cast<uint8_t>(c));
  return {{"id", token.id},
          {"bytes", bytes},
          {"logprob", std::isfinite(token.logprob) ? json(token.logprob) : json()}};
}

json ToJson(const model::GenerateChoice& choice) {
  json out = {
      {"output_ids", choice.token_ids},
      {"text", choice.text},
      {"finish_reason", choice.finish_reason == model::FinishReason::kStop ? "stop" : "length"}};
  if (!choice.reasoning.empty()) out["reasoning"] = choice.reasoning;
  for (const model::TokenLogprobs& place : choice.logprobs) {
    json made = ToJson(place.chosen);
    made["top"] = json::array();
    for (const model::TokenLogprob& token : place.top) made["top"].push_back(ToJson(token));
    out["logprobs"].push_back(std::move(made));
  }
  return out;
}

// The network's input, with preprocessing or with the patches of --pixels in its place.
absl::StatusOr<model::SequenceInput> SequenceOf(const ToolOptions& options, const Opened& opened,
                                                const model::Prompt& prompt) {
  Checkpoint& checkpoint = *opened.checkpoint;
  if (options.pixels.empty()) return checkpoint.Prepare(prompt, opened.adapter);
  SL_ASSIGN_OR_RETURN(const auto file, model::SafetensorsFile::Open(options.pixels));
  model::GivenPatches given;
  SL_ASSIGN_OR_RETURN(given.images, ReadFloats(*file, "pixel_values"));
  SL_ASSIGN_OR_RETURN(given.videos, ReadFloats(*file, "pixel_values_videos"));
  SL_ASSIGN_OR_RETURN(model::SequenceInput sequence,
                      model::SequenceFromPatches(prompt, checkpoint.config().model, given));
  sequence.adapter = opened.adapter;
  return sequence;
}

// Arrays on their way to the file of --out.
class TensorFile {
 public:
  void Add(std::string name, std::vector<int64_t> shape, std::vector<float> values) {
    Append(std::move(name), model::DType::kF32, std::move(shape), Bytes(values));
  }
  void Add(std::string name, std::vector<int64_t> shape, const std::vector<int64_t>& values) {
    Append(std::move(name), model::DType::kI64, std::move(shape), Bytes(values));
  }

  absl::Status Write(const std::string& path) const {
    if (path.empty()) return absl::OkStatus();
    std::vector<model::TensorView> views;
    for (const Entry& entry : entries_) {
      views.push_back({entry.name, entry.dtype, entry.shape, entry.bytes});
    }
    return model::WriteSafetensors(path, views);
  }

 private:
  struct Entry {
    std::string name;
    model::DType dtype;
    std::vector<int64_t> shape;
    std::string bytes;
  };

  template <typename T>
  static std::string Bytes(const std::vector<T>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
  }
  void Append(std::string name, model::DType dtype, std::vector<int64_t> shape, std::string bytes) {
    entries_.push_back({std::move(name), dtype, std::move(shape), std::move(bytes)});
  }

  std::vector<Entry> entries_;
};

double Seconds(const std::function<void()>& body) {
  const auto begin = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// A page-like picture, different for each `seed`.
ImagePtr BenchPicture(int width, int height, int seed) {
  auto image = std::make_shared<Image>(
      Image{width, height, 3, std::vector<uint8_t>(static_cast<size_t>(width) * height * 3)});
  for (size_t i = 0; i < image->pixels.size(); ++i) {
    image->pixels[i] =
        static_cast<uint8_t>((i * 2654435761u >> 13) + static_cast<size_t>(seed) * 31);
  }
  return image;
}

std::string BenchText(const model::Encoder& encoder, int tokens, int seed) {
  std::string text = absl::StrCat("text ", seed);
  while (encoder.CountTokens(text).value_or(tokens) < tokens) text += " of the river and the hill";
  return text;
}

}  // namespace

absl::Status ToolInfo(const ToolOptions& options) {
  SL_ASSIGN_OR_RETURN(const model::LoadedModel loaded, model::Load(options.model, options.load));
  json parts = json::object();
  const auto account = [&](const char* role) {
    const auto found = loaded.accounts.find(role);
    const model::WeightAccount weights =
        found == loaded.accounts.end() ? model::WeightAccount() : found->second;
    return json{{"parameters", weights.parameters},
                {"bytes", weights.mapped_bytes + weights.copied_bytes},
                {"mapped_bytes", weights.mapped_bytes},
                {"copied_bytes", weights.copied_bytes}};
  };
  const auto add = [&](const char* role, const model::ModelInfo& info) {
    parts[role] = {{"name", info.name},
                   {"architecture", info.architecture},
                   {"dtype", info.dtype},
                   {"device", info.device},
                   {"parameters", info.parameters},
                   {"context", info.context},
                   {"fingerprint", info.fingerprint},
                   {"adapters", info.adapters},
                   {"untrained", info.untrained},
                   {"weights", account(role)}};
    const auto weights = loaded.accounts.find(role);
    if (weights == loaded.accounts.end()) return;
    parts[role]["weights"]["shared_bytes"] = weights->second.shared_bytes;
    parts[role]["kv_token_bytes"] = weights->second.kv_token_bytes;
  };
  if (loaded.encoder != nullptr) {
    add("encoder", loaded.encoder->info());
    parts["encoder"]["dimension"] = loaded.encoder->dimension();
  }
  if (loaded.reranker != nullptr) add("reranker", loaded.reranker->info());
  if (loaded.generator != nullptr) add("generator", loaded.generator->info());
  json out = {{"model", options.model}, {"parts", parts}, {"weights", account("total")}};
  out["sealed"] = model::HasSeal(options.model);
  const absl::Status tested = options.skip_self_test ? absl::OkStatus() : SelfTest(loaded);
  if (!options.skip_self_test) {
    out["self_test"] = tested.ok() ? "ok" : std::string(tested.message());
  }
  Print(out);
  return tested;
}

absl::Status ToolTokenize(const ToolOptions& options) {
  SL_ASSIGN_OR_RETURN(const Found found, FindCheckpoint(options, Role::kAny));
  SL_ASSIGN_OR_RETURN(const auto tokenizer, model::Tokenizer::Open(found.part.folder));
  return ForEachLine(options.input, [&](const json& line) -> absl::Status {
    if (!line.contains("text") || !line["text"].is_string()) {
      return absl::InvalidArgumentError("\"text\" must be a string");
    }
    SL_ASSIGN_OR_RETURN(const std::vector<int32_t> ids,
                        tokenizer->Encode(line["text"].get<std::string>()));
    Print({{"ids", ids},
           {"decoded", tokenizer->Decode(ids, false)},
           {"decoded_skip_special", tokenizer->Decode(ids, true)}});
    return absl::OkStatus();
  });
}

absl::Status ToolRender(const ToolOptions& options) {
  SL_ASSIGN_OR_RETURN(const auto half, OpenTextHalf(options));
  ToolInputs inputs(FolderOf(options.input), options.media);
  return ForEachLine(options.input, [&](const json& line) -> absl::Status {
    SL_ASSIGN_OR_RETURN(
        const model::Prompt prompt,
        ChatPrompt(line, inputs, *half->prompts, half->config.model.text.max_position_embeddings));
    Print({{"prompt", prompt.text},
           {"expanded_prompt", prompt.expanded_text},
           {"input_ids", prompt.ids},
           {"rope_delta", prompt.rope_delta}});
    return absl::OkStatus();
  });
}

absl::Status ToolPreprocess(const ToolOptions& options) {
  SL_ASSIGN_OR_RETURN(const auto half, OpenTextHalf(options));
  const auto path = options.path == "embed" ? model::ImageProcessor::Path::kEmbed
                                            : model::ImageProcessor::Path::kChat;
  ToolInputs inputs(".", options.media);
  SL_ASSIGN_OR_RETURN(const ImagePtr picture, inputs.Picture(options.image));
  SL_ASSIGN_OR_RETURN(model::VisionPatches made, half->processor->ProcessImage(*picture, path));
  const int patch = half->config.model.vision.patch_size;
  TensorFile file;
  file.Add("pixel_values", {made.grid.patches(), half->config.model.vision.patch_floats()},
           std::move(made.patches));
  file.Add("image_grid_thw", {1, 3}, std::vector<int64_t>{made.grid.t, made.grid.h, made.grid.w});
  SL_RETURN_IF_ERROR(file.Write(options.out));
  Print({{"resized", {made.grid.h * patch, made.grid.w * patch}},
         {"grid_thw", {made.grid.t, made.grid.h, made.grid.w}}});
  return absl::OkStatus();
}

absl::Status ToolLogits(const ToolOptions& options) {
  SL_ASSIGN_OR_RETURN(const Opened opened, OpenCheckpoint(options, Role::kAny));
  const auto& checkpoint = opened.checkpoint;
  SL_ASSIGN_OR_RETURN(const std::vector<InputLine> lines, ReadInputLines(options.input));
  ToolInputs inputs(FolderOf(options.input), options.media);
  TensorFile file;
  int index = 0;
  SL_RETURN_IF_ERROR(ForEachLine(options.input, [&](const json& line) -> absl::Status {
    SL_ASSIGN_OR_RETURN(const model::Prompt prompt,
                        ChatPrompt(line, inputs, checkpoint->prompts(), checkpoint->context()));
    SL_ASSIGN_OR_RETURN(const model::SequenceInput sequence, SequenceOf(options, opened, prompt));
    SL_ASSIGN_OR_RETURN(std::vector<model::NamedFloats> found,
                        model::InspectSequence(*checkpoint, sequence, options.vision));
    // Names are plain for one input, and carry its number when there are several.
    const std::string prefix = lines.size() == 1 ? "" : absl::StrCat(index++, ".");
    const auto tokens = static_cast<int64_t>(prompt.ids.size());
    const int64_t vocab = found.front().shape.back();
    const std::vector<float>& logits = found.front().values;
    const auto last = logits.end() - vocab;
    Print({{"tokens", tokens},
           {"vocab", vocab},
           {"argmax_last", std::max_element(last, logits.end()) - last},
           {"rope_delta", prompt.rope_delta}});
    for (model::NamedFloats& tensor : found) {
      file.Add(prefix + tensor.name, tensor.shape, std::move(tensor.values));
    }
    file.Add(prefix + "position_ids", {3, tokens},
             std::vector<int64_t>(prompt.position_ids.begin(), prompt.position_ids.end()));
    return absl::OkStatus();
  }));
  return file.Write(options.out);
}

absl::Status ToolGenerate(const ToolOptions& options) {
  SL_ASSIGN_OR_RETURN(const model::GenerateInput input, GenerateInputFrom(options));
  SL_ASSIGN_OR_RETURN(const Opened opened, OpenCheckpoint(options, Role::kGenerator));
  const auto& checkpoint = opened.checkpoint;
  model::Qwen3VlGenerator generator(checkpoint, opened.adapter);
  ToolInputs inputs(FolderOf(options.input), options.media);
  return ForEachLine(options.input, [&](const json& line) -> absl::Status {
    SL_ASSIGN_OR_RETURN(const model::Prompt prompt,
                        ChatPrompt(line, inputs, checkpoint->prompts(), checkpoint->context() - 1));
    SL_ASSIGN_OR_RETURN(const model::GenerateResult result,
                        generator.Continue([&] { return SequenceOf(options, opened, prompt); },
                                           input, {}, nullptr));
    json out = ToJson(result.first());
    out["usage"] = {{"prompt_tokens", result.prompt_tokens},
                    {"image_tokens", result.image_tokens},
                    {"completion_tokens", result.completion_tokens()},
                    {"total_tokens", result.prompt_tokens + result.completion_tokens()}};
    if (result.choices.size() > 1) {
      for (const model::GenerateChoice& choice : result.choices) {
        out["choices"].push_back(ToJson(choice));
      }
    }
    Print(out);
    return absl::OkStatus();
  });
}

absl::Status ToolEmbed(const ToolOptions& options) {
  SL_ASSIGN_OR_RETURN(const Opened opened, OpenCheckpoint(options, Role::kEncoder));
  model::Qwen3VlEncoder encoder(opened.checkpoint, opened.adapter);
  ToolInputs inputs(FolderOf(options.input), options.media);
  std::vector<float> all;
  int64_t rows = 0;
  SL_RETURN_IF_ERROR(ForEachLine(options.input, [&](const json& line) -> absl::Status {
    SL_ASSIGN_OR_RETURN(const model::EncodeInput input, inputs.Encode(line));
    SL_ASSIGN_OR_RETURN(const auto vectors, encoder.Encode({&input, 1}, options.dimension, {}));
    Print({{"embedding", vectors.front()}});
    all.insert(all.end(), vectors.front().begin(), vectors.front().end());
    ++rows;
    return absl::OkStatus();
  }));
  if (rows == 0) return absl::OkStatus();
  TensorFile file;
  const int64_t dimension = static_cast<int64_t>(all.size()) / rows;
  file.Add("embeddings", {rows, dimension}, std::move(all));
  return file.Write(options.out);
}

absl::Status ToolRerank(const ToolOptions& options) {
  SL_ASSIGN_OR_RETURN(const Opened opened, OpenCheckpoint(options, Role::kReranker));
  SL_ASSIGN_OR_RETURN(const auto reranker,
                      model::Qwen3VlReranker::Create(opened.checkpoint, opened.adapter));
  ToolInputs inputs(FolderOf(options.input), options.media);
  return ForEachLine(options.input, [&](const json& line) -> absl::Status {
    if (!line.contains("query") || !line.contains("documents") || !line["documents"].is_array()) {
      return absl::InvalidArgumentError("expected \"query\" and a list of \"documents\"");
    }
    std::string instruction;
    if (line.contains("instruction") && !line["instruction"].is_null()) {
      if (!line["instruction"].is_string()) {
        return absl::InvalidArgumentError("\"instruction\" must be a string");
      }
      instruction = line["instruction"].get<std::string>();
    }
    SL_ASSIGN_OR_RETURN(const model::RerankItem query, inputs.Item(line["query"]));
    std::vector<model::RerankItem> documents;
    for (const json& document : line["documents"]) {
      SL_ASSIGN_OR_RETURN(model::RerankItem item, inputs.Item(document));
      documents.push_back(std::move(item));
    }
    SL_ASSIGN_OR_RETURN(const std::vector<float> logits,
                        reranker->Logits(instruction, query, documents, {}));
    std::vector<float> scores;
    for (const float logit : logits) scores.push_back(model::Sigmoid(logit));
    Print({{"scores", scores}, {"logits", logits}});
    return absl::OkStatus();
  });
}

absl::Status ToolBench(const ToolOptions& options) {
  if (options.context > 0) return ToolContextBench(options);
  SL_ASSIGN_OR_RETURN(const model::LoadedModel loaded, model::Load(options.model, options.load));
  json out = {{"model", options.model}};
  absl::Status status;
  if (loaded.encoder != nullptr) {
    model::Encoder& encoder = *loaded.encoder;
    std::vector<model::EncodeInput> texts(options.count), pictures(options.count);
    for (int i = 0; i < options.count; ++i) {
      texts[i].texts = {BenchText(encoder, options.tokens, i)};
      pictures[i].images = {BenchPicture(options.width, options.height, i)};
    }
    const double text_s = Seconds([&] { status.Update(encoder.Encode(texts, 0, {}).status()); });
    const double one_s = Seconds([&] {
      for (const model::EncodeInput& text : texts) {
        status.Update(encoder.Encode({&text, 1}, 0, {}).status());
      }
    });
    const double picture_s =
        Seconds([&] { status.Update(encoder.Encode(pictures, 0, {}).status()); });
    SL_RETURN_IF_ERROR(status);
    out["texts_per_second"] = options.count / text_s;
    out["texts_one_by_one_per_second"] = options.count / one_s;
    out["pictures_per_second"] = options.count / picture_s;
  }
  if (loaded.generator != nullptr) {
    model::GenerateInput input;
    input.messages = {{"user", {std::string("Tell me about the river.")}}};
    input.max_tokens = options.tokens;
    input.sampling.temperature = 0;
    input.sampling.ignore_eos = true;
    size_t tokens = 0;
    const double seconds = Seconds([&] {
      const auto result = loaded.generator->Generate(input, {}, nullptr);
      status.Update(result.status());
      if (result.ok()) tokens = result->first().token_ids.size();
    });
    SL_RETURN_IF_ERROR(status);
    out["generated_tokens_per_second"] = static_cast<double>(tokens) / seconds;
  }
  if (loaded.reranker != nullptr) {
    const model::RerankItem query{.videos = {}, .images = {}, .texts = {"the river"}};
    const std::vector<model::RerankItem> documents(options.count, query);
    const double seconds =
        Seconds([&] { status.Update(loaded.reranker->Rerank("", query, documents, {}).status()); });
    SL_RETURN_IF_ERROR(status);
    out["reranked_pairs_per_second"] = options.count / seconds;
  }
  Print(out);
  return absl::OkStatus();
}

}  // namespace sightline::services
