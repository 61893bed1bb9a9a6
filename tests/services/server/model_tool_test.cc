#include "services/model_tool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/utf8.h"
#include "model/safetensors.h"
#include "nlohmann/json.hpp"
#include "tests/model/checkpoint_copy.h"
#include "tests/support/golden.h"
#include "tests/support/status_matchers.h"

namespace sightline::services {
namespace {

using ::nlohmann::json;
using ::sightline::testing::GoldenJson;
using ::sightline::testing::GoldenPath;
using ::sightline::testing::GoldenTensors;
using ::sightline::testing::IsOk;
using ::sightline::testing::Values;
using ::testing::AnyOf;
using ::testing::HasSubstr;

struct Ran {
  int code = 0;
  std::vector<json> lines;
  std::string errors;
};

Ran RunTool(const std::vector<std::string>& args) {
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Ran out;
  out.code = RunModelTool(args);
  out.errors = ::testing::internal::GetCapturedStderr();
  const std::string text = ::testing::internal::GetCapturedStdout();
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    out.lines.push_back(json::parse(line.begin(), line.end(), nullptr, false));
  }
  return out;
}

class ModelToolTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TempDir::Create();
    ASSERT_THAT(folder, IsOk());
    folder_ = *std::move(folder);
  }
  std::string File(const std::string& name, const std::string& text) {
    const std::string path = folder_->path() + "/" + name;
    EXPECT_THAT(WriteFileAtomic(path, text), IsOk());
    return path;
  }
  std::string Out() const { return folder_->path() + "/out.safetensors"; }

  std::vector<std::string> With(const std::string& command, const std::string& model,
                                const std::vector<std::string>& more) const {
    std::vector<std::string> args = {command, "--model", GoldenPath(model), "--media",
                                     SIGHTLINE_BIN_DIR "/sightline-media"};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }

  // The messages of a chat case, one line, with picture paths that hold anywhere.
  std::string CaseFile(const std::string& name) {
    json golden = GoldenJson("tiny-dense/cases/" + name + ".json");
    for (json& message : golden["messages"]) {
      if (!message["content"].is_array()) continue;
      for (json& part : message["content"]) {
        if (part["type"] == "image") {
          part["image"] = GoldenPath("images/" + part["image"].get<std::string>());
        }
      }
    }
    return File(name + ".jsonl", json{{"messages", golden["messages"]}}.dump());
  }

  std::unique_ptr<TempDir> folder_;
};

TEST_F(ModelToolTest, TokenizesEachLine) {
  const json cases = GoldenJson("tokenizer/tiny_dense.json");
  std::string lines;
  for (size_t i = 0; i < 5; ++i) lines += json{{"text", cases[i]["text"]}}.dump() + "\n";
  const Ran ran = RunTool(With("tokenize", "tiny-dense", {"--input", File("t.jsonl", lines)}));
  ASSERT_EQ(ran.code, 0) << ran.errors;
  ASSERT_EQ(ran.lines.size(), 5u);
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(ran.lines[i]["ids"], cases[i]["ids"]);
    EXPECT_EQ(ran.lines[i]["decoded"], cases[i]["decoded"]);
    EXPECT_EQ(ran.lines[i]["decoded_skip_special"], cases[i]["decoded_skip_special"]);
  }
}

TEST_F(ModelToolTest, RendersMessagesWithAPicture) {
  const json golden = GoldenJson("tiny-dense/cases/image.json");
  const Ran ran = RunTool(With("render", "tiny-dense", {"--json", "--input", CaseFile("image")}));
  ASSERT_EQ(ran.code, 0) << ran.errors;
  ASSERT_EQ(ran.lines.size(), 1u);
  for (const char* key : {"prompt", "expanded_prompt", "input_ids", "rope_delta"}) {
    EXPECT_EQ(ran.lines[0][key], golden[key]) << key;
  }
}

TEST_F(ModelToolTest, PreprocessesAPicture) {
  const Ran ran = RunTool(With("preprocess", "tiny-dense",
                               {"--image", GoldenPath("images/exact_96x64.png"), "--out", Out()}));
  ASSERT_EQ(ran.code, 0) << ran.errors;
  EXPECT_EQ(ran.lines[0], json({{"resized", {64, 96}}, {"grid_thw", {1, 4, 6}}}));
  ASSERT_OK_AND_ASSIGN(const auto file, model::SafetensorsFile::Open(Out()));
  const auto golden = GoldenTensors("pixels/image.safetensors");
  EXPECT_EQ(Values<float>(*file, "pixel_values"), Values<float>(*golden, "pixel_values"));
}

TEST_F(ModelToolTest, WritesLogitsFromStoredPixels) {
  const Ran ran = RunTool(With("logits", "tiny-dense",
                               {"--input", CaseFile("image"), "--out", Out(), "--vision",
                                "--pixels", GoldenPath("pixels/image.safetensors")}));
  ASSERT_EQ(ran.code, 0) << ran.errors;
  EXPECT_EQ(ran.lines[0]["argmax_last"], GoldenJson("tiny-dense/cases/image.json")["argmax_last"]);
  ASSERT_OK_AND_ASSIGN(const auto file, model::SafetensorsFile::Open(Out()));
  const auto golden = GoldenTensors("tiny-dense/cases/image.safetensors");
  const std::vector<float> logits = Values<float>(*file, "logits");
  const std::vector<float> expected = Values<float>(*golden, "logits");
  ASSERT_EQ(logits.size(), expected.size());
  for (size_t i = 0; i < logits.size(); ++i) ASSERT_NEAR(logits[i], expected[i], 5e-4) << i;
  EXPECT_EQ(Values<int64_t>(*file, "position_ids"), Values<int64_t>(*golden, "position_ids"));
  EXPECT_NE(file->Find("image_embeds"), nullptr);
  EXPECT_NE(file->Find("deepstack_1"), nullptr);
}

TEST_F(ModelToolTest, GeneratesGreedily) {
  const Ran ran = RunTool(With("generate", "tiny-dense",
                               {"--input", CaseFile("text"), "--max-tokens", "24", "--temperature",
                                "0", "--ignore-eos", "--seed", "1"}));
  ASSERT_EQ(ran.code, 0) << ran.errors;
  const json golden = GoldenJson("tiny-dense/cases/gen_text.json");
  EXPECT_EQ(ran.lines[0]["output_ids"], golden["new_tokens"]);
  EXPECT_EQ(ran.lines[0]["text"], golden["text"]);
  EXPECT_EQ(ran.lines[0]["finish_reason"], "length");
  EXPECT_EQ(ran.lines[0]["usage"]["completion_tokens"], 24);
}

TEST_F(ModelToolTest, GeneratesSeveralTextsWithLogprobs) {
  const Ran ran = RunTool(With("generate", "tiny-dense",
                               {"--input",
                                CaseFile("text"),
                                "--max-tokens",
                                "6",
                                "--temperature",
                                "1.5",
                                "--ignore-eos",
                                "--seed",
                                "1",
                                "--n",
                                "3",
                                "--logprobs",
                                "2",
                                "--logit-bias",
                                "65=2",
                                "--logit-bias",
                                "66=-100",
                                "--min-p",
                                "0.001",
                                "--frequency-penalty",
                                "0.5"}));
  ASSERT_EQ(ran.code, 0) << ran.errors;
  const json& line = ran.lines[0];
  ASSERT_EQ(line["choices"].size(), 3u);
  EXPECT_EQ(line["choices"][0]["output_ids"], line["output_ids"]);
  EXPECT_NE(line["choices"][1]["output_ids"], line["output_ids"]);
  EXPECT_EQ(line["usage"]["completion_tokens"], 18);
  ASSERT_EQ(line["logprobs"].size(), 6u);
  EXPECT_EQ(line["logprobs"][0]["id"], line["output_ids"][0]);
  EXPECT_EQ(line["logprobs"][0]["top"].size(), 2u);
  EXPECT_LT(line["logprobs"][0]["logprob"], 0);
  std::string bytes;
  for (const json& place : line["logprobs"]) {
    for (const json& byte : place["bytes"]) bytes.push_back(static_cast<char>(byte.get<int>()));
  }
  EXPECT_EQ(ToValidUtf8(bytes), line["text"]);
}

TEST_F(ModelToolTest, GeneratesWhatASchemaOrAnExpressionSays) {
  const std::string schema =
      File("s.json", R"({"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]})");
  const Ran ran = RunTool(With(
      "generate", "tiny-dense",
      {"--input", CaseFile("text"), "--max-tokens", "30", "--seed", "1", "--json-schema", schema}));
  ASSERT_EQ(ran.code, 0) << ran.errors;
  const json made = json::parse(ran.lines[0]["text"].get<std::string>());
  EXPECT_TRUE(made["a"].is_number_integer()) << made;

  const Ran matched =
      RunTool(With("generate", "tiny-dense",
                   {"--input", CaseFile("text"), "--regex", "(yes|no)", "--seed", "1"}));
  ASSERT_EQ(matched.code, 0) << matched.errors;
  EXPECT_THAT(matched.lines[0]["text"].get<std::string>(), AnyOf("yes", "no"));
  EXPECT_EQ(matched.lines[0]["finish_reason"], "stop");

  const Ran both =
      RunTool(With("generate", "tiny-dense",
                   {"--input", CaseFile("text"), "--regex", "x", "--json-schema", schema}));
  EXPECT_EQ(both.code, 2);
  const Ran wrong =
      RunTool(With("generate", "tiny-dense", {"--input", CaseFile("text"), "--logit-bias", "a=b"}));
  EXPECT_EQ(wrong.code, 1);
  EXPECT_THAT(wrong.errors, HasSubstr("ID=ADDEND"));
}

TEST_F(ModelToolTest, StopsAtATextOrAToken) {
  const auto generate = [&](std::vector<std::string> more) {
    std::vector<std::string> words = {
        "--input", CaseFile("text"), "--max-tokens", "24", "--temperature", "0", "--ignore-eos"};
    words.insert(words.end(), more.begin(), more.end());
    const Ran ran = RunTool(With("generate", "tiny-dense", words));
    EXPECT_EQ(ran.code, 0) << ran.errors;
    return ran.lines.at(0);
  };
  const json whole = generate({});
  const int id = whole["output_ids"][5];
  const json cut = generate({"--stop-id", std::to_string(id)});
  EXPECT_EQ(cut["finish_reason"], "stop");
  EXPECT_EQ(cut["output_ids"].back(), id);
  EXPECT_LE(cut["output_ids"].size(), 6u);
  const std::string text = whole["text"];
  const std::string stop = text.substr(Utf8PrefixLength(text, text.size() / 2));
  const json stopped = generate({"--stop", stop, "--stop", "never there"});
  EXPECT_EQ(stopped["text"], text.substr(0, text.find(stop)));
}

TEST_F(ModelToolTest, EmbedsAndReranks) {
  const Ran embedded = RunTool(With(
      "embed", "tiny-embedding",
      {"--input", File("e.jsonl", R"({"text":"a dog on the beach at sunset"})"), "--out", Out()}));
  ASSERT_EQ(embedded.code, 0) << embedded.errors;
  const auto expected =
      Values<float>(*GoldenTensors("tiny-embedding/cases/emb_text.safetensors"), "embedding");
  const auto found = embedded.lines[0]["embedding"].get<std::vector<float>>();
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-5);

  const json golden = GoldenJson("tiny-reranker/cases/rank_text_text.json");
  const json pair = {{"instruction", golden["instruction"]},
                     {"query", golden["query"]},
                     {"documents", golden["documents"]}};
  const Ran ranked =
      RunTool(With("rerank", "tiny-reranker", {"--input", File("r.jsonl", pair.dump(2))}));
  ASSERT_EQ(ranked.code, 0) << ranked.errors;
  for (size_t i = 0; i < golden["results"].size(); ++i) {
    EXPECT_NEAR(ranked.lines[0]["scores"][i].get<double>(),
                golden["results"][i]["score"].get<double>(), 1e-5);
  }
}

TEST_F(ModelToolTest, DescribesTheModel) {
  const Ran ran = RunTool(With("info", "tiny-embedding", {}));
  ASSERT_EQ(ran.code, 0) << ran.errors;
  EXPECT_EQ(ran.lines[0]["parts"]["encoder"]["dimension"], 96);
}

TEST_F(ModelToolTest, InfoSaysWhatTheWeightsTake) {
  const Ran ran = RunTool(With("info", "tiny-dense", {"--dtype", "float32"}));
  ASSERT_EQ(ran.code, 0) << ran.errors;
  const json& info = ran.lines[0];
  const json& encoder = info["parts"]["encoder"];
  EXPECT_GT(encoder["weights"]["mapped_bytes"], 100'000);
  EXPECT_EQ(encoder["weights"]["copied_bytes"], 0);
  EXPECT_EQ(encoder["weights"]["bytes"], encoder["weights"]["mapped_bytes"]);
  // Encoder and generator are one network.
  EXPECT_EQ(encoder["weights"]["shared_bytes"]["generator"], encoder["weights"]["bytes"]);
  EXPECT_EQ(info["weights"], (json{{"parameters", encoder["weights"]["parameters"]},
                                   {"bytes", encoder["weights"]["bytes"]},
                                   {"mapped_bytes", encoder["weights"]["mapped_bytes"]},
                                   {"copied_bytes", 0}}));
  // Keys and values of 4 layers, 2 heads of 32 float32 each.
  EXPECT_EQ(encoder["kv_token_bytes"], 2 * 4 * 2 * 32 * 4);
  EXPECT_EQ(info["sealed"], false);
  EXPECT_EQ(info["self_test"], "ok");
}

TEST_F(ModelToolTest, ASealedModelIsComparedAndOneThatDriftedFails) {
  const std::string folder = folder_->path() + "/copy";
  sightline::testing::CopyCheckpoint("tiny-embedding", folder);
  const Ran sealed = RunTool({"seal", folder, "--device", "cpu", "--dtype", "float32"});
  ASSERT_EQ(sealed.code, 0) << sealed.errors;
  EXPECT_EQ(sealed.lines[0]["parts"]["encoder"]["dtype"], "float32");
  const Ran good = RunTool({"info", "--model", folder});
  ASSERT_EQ(good.code, 0) << good.errors;
  EXPECT_EQ(good.lines[0]["sealed"], true);
  EXPECT_EQ(good.lines[0]["self_test"], "ok");

  sightline::testing::PatchTensor(folder, "model.language_model.layers.1.mlp.up_proj.weight", 3,
                                  "\x40");
  const Ran drifted = RunTool({"info", "--model", folder});
  EXPECT_EQ(drifted.code, 1);
  EXPECT_THAT(drifted.errors, HasSubstr("encoder: cosine of input"));
  EXPECT_NE(drifted.lines[0]["self_test"], "ok");
  EXPECT_EQ(RunTool({"info", "--model", folder, "--skip-self-test"}).code, 0);
}

TEST_F(ModelToolTest, QuantizesAndReportsTheLoss) {
  const std::string text = File("text.txt", "The mill stands by the river.\nA red kite circles.\n");
  const auto run = [&](const std::string& bits) {
    return RunTool({"quantize", GoldenPath("tiny-dense"), "--out", folder_->path() + "/" + bits,
                    "--bits", bits, "--group", "32", "--text", text, "--device", "cpu"});
  };
  const Ran eight = run("8"), four = run("4");
  ASSERT_EQ(eight.code, 0) << eight.errors;
  ASSERT_EQ(four.code, 0) << four.errors;
  const json& report = eight.lines[0];
  EXPECT_EQ(report["bits"], 8);
  EXPECT_EQ(report["layers"].size(), 4u * 7);
  EXPECT_EQ(report["kept"].size(), 0u);
  EXPECT_GT(report["bytes_before"], report["bytes_after"]);
  EXPECT_GE(report["worst_relative_error"], report["mean_relative_error"]);
  EXPECT_LT(report["mean_relative_error"], four.lines[0]["mean_relative_error"]);
  EXPECT_GT(report["loss"]["tokens"], 10);
  EXPECT_LT(report["loss"]["kl"], four.lines[0]["loss"]["kl"]);
  EXPECT_EQ(report["loss"]["original_nll"], four.lines[0]["loss"]["original_nll"]);
  EXPECT_EQ(run("8").code, 1);  // the folder is there now
  EXPECT_EQ(RunTool({"quantize", GoldenPath("tiny-dense"), "--out", "x", "--bits", "3"}).code, 2);
}

TEST_F(ModelToolTest, NamesTheLineThatIsWrong) {
  const std::string input = File("bad.jsonl", "{\"text\":\"fine\"}\n\n{\"text\":3}\n");
  const Ran ran = RunTool(With("tokenize", "tiny-dense", {"--input", input}));
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.lines.size(), 1u);
  EXPECT_THAT(ran.errors, HasSubstr("line 3"));
}

TEST_F(ModelToolTest, WrongUsageIsCodeTwoAndHelpIsNot) {
  EXPECT_EQ(RunTool({}).code, 2);
  EXPECT_EQ(RunTool({"fly"}).code, 2);
  EXPECT_EQ(RunTool({"tokenize"}).code, 2);
  EXPECT_EQ(RunTool(With("preprocess", "tiny-dense",
                         {"--image", "x", "--path", "embed", "--min-pixels", "9"}))
                .code,
            2);
  EXPECT_EQ(RunTool({"embed", "--help"}).code, 0);
  EXPECT_EQ(RunTool({"--help"}).code, 0);
}

TEST_F(ModelToolTest, AMissingModelOrPictureIsCodeOne) {
  EXPECT_EQ(RunTool({"info", "--model", "/nowhere"}).code, 1);
  EXPECT_EQ(RunTool(With("preprocess", "tiny-dense", {"--image", "/nowhere.png"})).code, 1);
}

}  // namespace
}  // namespace sightline::services
