#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "model/chat_template.h"
#include "model/prompt.h"
#include "tests/support/golden.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using nlohmann::json;
using ::sightline::testing::GoldenClip;
using ::sightline::testing::GoldenJson;
using ::sightline::testing::GoldenPath;
using ::sightline::testing::GoldenPicture;
using ::sightline::testing::GoldenTensors;
using ::sightline::testing::IsOk;
using ::sightline::testing::Values;

constexpr int64_t kContext = 4096;
constexpr int kRowFloats = 1536;

// One tiny checkpoint, ready to build prompts.
struct Checkpoint {
  explicit Checkpoint(const std::string& name)
      : config(*LoadCheckpointConfig(GoldenPath(name))),
        tokenizer(*Tokenizer::Open(GoldenPath(name))),
        processor(config.image, config.video),
        builder(*PromptBuilder::Create(*tokenizer, config.model, processor)) {}

  const CheckpointConfig config;
  const std::unique_ptr<Tokenizer> tokenizer;
  const ImageProcessor processor;
  const PromptBuilder builder;
};

std::vector<std::string> CaseFiles(const std::string& folder, const std::string& prefix) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(GoldenPath(folder))) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() == ".json" && absl::StartsWith(name, prefix)) {
      names.push_back(folder + "/" + name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

// A stand-in where only the layout counts.
ImagePtr AnyPicture() {
  auto image = std::make_shared<Image>();
  image->width = image->height = 32;
  image->pixels.resize(32 * 32 * 3);
  return image;
}

// Messages of the chat form. `media`: read the named files, else put in stand-ins.
std::vector<Message> MessagesOf(const json& messages, bool media) {
  std::vector<Message> out;
  for (const json& one : messages) {
    Message message{one["role"], {}};
    for (const json& call : one.value("tool_calls", json::array())) {
      message.tool_calls.push_back({call["function"]["name"], call["function"]["arguments"]});
    }
    const json& content = one["content"];
    if (content.is_string()) {
      message.parts.emplace_back(content.get<std::string>());
      out.push_back(message);
      continue;
    }
    for (const json& part : content) {
      const std::string type = part.value("type", "");
      if (type == "image" || part.contains("image") || part.contains("image_url")) {
        message.parts.emplace_back(
            media ? GoldenPicture("images/" + part["image"].get<std::string>()) : AnyPicture());
      } else if (type == "video" || part.contains("video")) {
        message.parts.emplace_back(media ? GoldenClip() : VideoFrames{{AnyPicture()}});
      } else if (part.contains("text")) {
        message.parts.emplace_back(part["text"].get<std::string>());
      }
    }
    out.push_back(message);
  }
  return out;
}

// A single value or a list of them.
std::vector<std::string> Strings(const json& object, const char* name) {
  if (!object.contains(name)) return {};
  const json& value = object[name];
  if (value.is_string()) return {value.get<std::string>()};
  return value.get<std::vector<std::string>>();
}

// The content of an embedding input or of one side of a pair.
template <typename Item>
Item ItemOf(const json& object) {
  Item item;
  const auto frames = Strings(object, "video");
  if (!frames.empty()) {
    VideoFrames video;
    for (const std::string& file : frames) video.frames.push_back(GoldenPicture(file));
    item.videos.push_back(video);
  }
  for (const std::string& file : Strings(object, "image")) {
    item.images.push_back(GoldenPicture(file));
  }
  item.texts = Strings(object, "text");
  return item;
}

std::vector<GridThw> GridsOf(const json& grids) {
  std::vector<GridThw> out;
  if (grids.is_null()) return out;
  for (const json& grid : grids) out.push_back({grid[0], grid[1], grid[2]});
  return out;
}

TEST(ChatTemplateGoldenTest, EveryReferenceConversationRendersTheSame) {
  const json renders = GoldenJson("chat/renders.json");
  ASSERT_GT(renders.size(), 40u);
  for (const json& one : renders) {
    SCOPED_TRACE(one["name"].get<std::string>());
    ChatOptions options;
    options.add_generation_prompt = one["add_generation_prompt"];
    options.add_vision_id = one["add_vision_id"];
    auto segments = RenderChat(MessagesOf(one["messages"], /*media=*/false), options);
    ASSERT_THAT(segments, IsOk());
    EXPECT_EQ(Rendered(*segments), one["rendered"].get<std::string>());
  }
}

TEST(ChatTemplateGoldenTest, EveryReferenceConversationWithToolsRendersTheSame) {
  const json renders = GoldenJson("chat/tool_renders.json");
  ASSERT_EQ(renders.size(), 12u);
  for (const json& one : renders) {
    SCOPED_TRACE(one["name"].get<std::string>());
    const auto tools = one["tools"].get<std::vector<std::string>>();
    ChatOptions options;
    options.add_generation_prompt = one["add_generation_prompt"];
    options.tools = tools;
    auto segments = RenderChat(MessagesOf(one["messages"], /*media=*/false), options);
    ASSERT_THAT(segments, IsOk());
    EXPECT_EQ(Rendered(*segments), one["rendered"].get<std::string>());
    // Tokens of the layout's own are control tokens; what was given stays words.
    for (const PromptSegment& segment : *segments) {
      if (segment.kind != PromptSegment::Kind::kText) continue;
      if (segment.text.find("<|im_end|>") == std::string::npos) continue;
      EXPECT_NE(segment.text.find("Weather of a city"), std::string::npos) << segment.text;
    }
  }
}

TEST(PromptGoldenTest, ChatPromptsHaveTheReferenceIdsGridsAndPositions) {
  const Checkpoint dense("tiny-dense");
  int compared = 0;
  for (const std::string& name : CaseFiles("tiny-dense/cases", "")) {
    const json one = GoldenJson(name + ".json");
    if (!one.contains("messages")) continue;
    SCOPED_TRACE(name);
    auto prompt = dense.builder.Chat(MessagesOf(one["messages"], /*media=*/true), {}, kContext);
    ASSERT_THAT(prompt, IsOk());
    EXPECT_EQ(prompt->text, one["prompt"].get<std::string>());
    EXPECT_EQ(prompt->expanded_text, one["expanded_prompt"].get<std::string>());
    EXPECT_EQ(prompt->ids, one["input_ids"].get<std::vector<int32_t>>());
    EXPECT_EQ(prompt->image_grids, GridsOf(one["image_grid_thw"]));
    EXPECT_EQ(prompt->video_grids, GridsOf(one["video_grid_thw"]));
    EXPECT_EQ(prompt->rope_delta, one["rope_delta"].get<int32_t>());
    auto tensors = GoldenTensors(name + ".safetensors");
    const auto positions = Values<int64_t>(*tensors, "position_ids");
    EXPECT_EQ(std::vector<int64_t>(prompt->position_ids.begin(), prompt->position_ids.end()),
              positions);
    ++compared;
  }
  EXPECT_EQ(compared, 7);
}

// The kept rows of the pixels a prompt leads to, against the reference's; the sums of all rows too.
void ExpectPixels(const Checkpoint& checkpoint, const Prompt& prompt,
                  const SafetensorsFile& tensors) {
  std::vector<float> images;
  for (const ImagePtr& image : prompt.images) {
    auto patches = checkpoint.processor.ProcessImage(*image, prompt.path);
    ASSERT_THAT(patches, IsOk());
    images.insert(images.end(), patches->patches.begin(), patches->patches.end());
  }
  std::vector<float> videos;
  for (const Prompt::Video& video : prompt.videos) {
    auto patches = checkpoint.processor.ProcessVideo(video.frames, video.plan, prompt.path);
    ASSERT_THAT(patches, IsOk());
    videos.insert(videos.end(), patches->patches.begin(), patches->patches.end());
  }
  for (const auto& [name, all] :
       {std::pair<std::string, const std::vector<float>*>("pixel_values", &images),
        {"pixel_values_videos", &videos}}) {
    if (tensors.Find(name + ".rows") == nullptr) continue;
    // Pictures are resized by Pillow there, frames once more by torchvision, a level apart at most.
    const float tolerance = name == "pixel_values" ? 1e-6f : 0.0079f;
    const auto rows = Values<int64_t>(tensors, name + ".rows");
    const auto kept = Values<float>(tensors, name + ".kept");
    const auto sums = Values<double>(tensors, name + ".row_sums");
    ASSERT_EQ(all->size(), sums.size() * kRowFloats);
    float largest = 0;
    for (size_t i = 0; i < kept.size(); ++i) {
      const float ours = (*all)[rows[i / kRowFloats] * kRowFloats + i % kRowFloats];
      largest = std::max(largest, std::abs(ours - kept[i]));
    }
    EXPECT_LE(largest, tolerance) << name;
    for (size_t row = 0; row < sums.size(); ++row) {
      double sum = 0;
      for (int i = 0; i < kRowFloats; ++i) sum += (*all)[row * kRowFloats + i];
      ASSERT_NEAR(sum, sums[row], tolerance * kRowFloats) << name << " row " << row;
    }
  }
}

TEST(PromptGoldenTest, EmbeddingPromptsHaveTheReferenceIdsGridsAndPixels) {
  const Checkpoint embedding("tiny-embedding");
  int compared = 0;
  for (const std::string& name : CaseFiles("tiny-embedding/cases", "emb_")) {
    const json one = GoldenJson(name + ".json");
    if (!one.contains("input")) continue;
    SCOPED_TRACE(name);
    EncodeInput input = ItemOf<EncodeInput>(one["input"]);
    input.instruction = one["input"].value("instruction", "");
    auto prompt = embedding.builder.Embedding(input, kMaxEmbeddingTokens);
    ASSERT_THAT(prompt, IsOk());
    EXPECT_EQ(prompt->text, one["prompt"].get<std::string>());
    EXPECT_EQ(prompt->expanded_text, one["expanded_prompt"].get<std::string>());
    EXPECT_EQ(prompt->ids, one["input_ids"].get<std::vector<int32_t>>());
    EXPECT_EQ(prompt->image_grids, GridsOf(one["image_grid_thw"]));
    EXPECT_EQ(prompt->video_grids, GridsOf(one["video_grid_thw"]));
    ExpectPixels(embedding, *prompt, *GoldenTensors(name + ".safetensors"));
    ++compared;
  }
  EXPECT_EQ(compared, 13);
}

TEST(PromptGoldenTest, RerankerPromptsHaveTheReferenceIdsAndPixels) {
  const Checkpoint reranker("tiny-reranker");
  int compared = 0;
  for (const std::string& name : CaseFiles("tiny-reranker/cases", "rank_")) {
    const json set = GoldenJson(name + ".json");
    if (!set.contains("documents")) continue;
    const std::string instruction =
        set["instruction"].is_null() ? "" : set["instruction"].get<std::string>();
    for (size_t i = 0; i < set["documents"].size(); ++i) {
      SCOPED_TRACE(name + " " + std::to_string(i));
      const json& result = set["results"][i];
      auto prompt =
          reranker.builder.Rerank(instruction, ItemOf<RerankItem>(set["query"]),
                                  ItemOf<RerankItem>(set["documents"][i]), kMaxRerankTokens);
      ASSERT_THAT(prompt, IsOk());
      EXPECT_EQ(prompt->text, result["prompt"].get<std::string>());
      EXPECT_EQ(prompt->ids, result["input_ids"].get<std::vector<int32_t>>());
      auto tensors = GoldenTensors(name + "_" + std::to_string(i) + ".safetensors");
      EXPECT_EQ(std::vector<int64_t>(prompt->ids.begin(), prompt->ids.end()),
                Values<int64_t>(*tensors, "input_ids"));
      ExpectPixels(reranker, *prompt, *tensors);
      ++compared;
    }
  }
  EXPECT_EQ(compared, 10);
}

TEST(PromptGoldenTest, MembersOfAPaddedBatchKeepTheirOwnPositions) {
  const Checkpoint dense("tiny-dense");
  for (const char* name : {"tiny-dense/cases/batch_left", "tiny-dense/cases/batch_right"}) {
    SCOPED_TRACE(name);
    const json members = GoldenJson(std::string(name) + ".json")["members"];
    auto tensors = GoldenTensors(std::string(name) + ".safetensors");
    const auto mask = Values<int64_t>(*tensors, "attention_mask");
    const auto padded = Values<int64_t>(*tensors, "position_ids");  // [3, members, length]
    const size_t length = mask.size() / members.size();
    for (size_t member = 0; member < members.size(); ++member) {
      const json one =
          GoldenJson("tiny-dense/cases/" + members[member].get<std::string>() + ".json");
      const auto ids = one["input_ids"].get<std::vector<int32_t>>();
      auto positions =
          ComputePositions(ids, GridsOf(one["image_grid_thw"]), {}, dense.config.model);
      ASSERT_THAT(positions, IsOk());
      std::vector<int32_t> expected;
      for (int axis = 0; axis < 3; ++axis) {
        for (size_t i = 0; i < length; ++i) {
          if (mask[member * length + i] == 0) continue;
          expected.push_back(
              static_cast<int32_t>(padded[(axis * members.size() + member) * length + i]));
        }
      }
      EXPECT_EQ(positions->ids, expected);
    }
  }
}

}  // namespace
}  // namespace sightline::model
