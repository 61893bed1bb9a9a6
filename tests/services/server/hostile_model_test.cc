// Model folders from a hand that means harm, through `model info`: each is refused with an error
// that names the fault, and none ends the program.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "model/load.h"
#include "nlohmann/json.hpp"
#include "services/model_tool.h"
#include "tests/support/golden.h"
#include "tests/support/status_matchers.h"

namespace sightline::services {
namespace {

namespace fs = std::filesystem;
using ::nlohmann::json;
using ::sightline::testing::GoldenPath;
using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;

// A copy of a good checkpoint, to be spoilt.
class Folder {
 public:
  explicit Folder(const std::string& model) {
    auto made = TempDir::Create();
    EXPECT_THAT(made, IsOk());
    temporary_ = *std::move(made);
    fs::create_directory(path());
    for (const auto& entry : fs::directory_iterator(GoldenPath(model))) {
      if (entry.is_regular_file()) fs::copy(entry.path(), path());
    }
  }

  std::string path() const { return temporary_->path() + "/model"; }
  std::string Read(const std::string& name) const { return *ReadFile(path() + "/" + name); }
  void Write(const std::string& name, absl::string_view content) const {
    EXPECT_THAT(WriteFileAtomic(path() + "/" + name, content), IsOk());
  }
  void Remove(const std::string& name) const { fs::remove(path() + "/" + name); }
  void Edit(const std::string& name, const std::function<void(json&)>& change) const {
    json value = json::parse(Read(name));
    change(value);
    Write(name, value.dump());
  }

  // model.safetensors with its header, parsed, changed.
  void EditHeader(const std::function<void(json&)>& change) const {
    const std::string file = Read("model.safetensors");
    uint64_t length = 0;
    std::memcpy(&length, file.data(), 8);
    json header = json::parse(file.substr(8, length));
    change(header);
    WriteTensors(header.dump(), file.substr(8 + length));
  }
  void WriteTensors(const std::string& header, const std::string& data) const {
    WriteTensors(header, data, header.size());
  }
  void WriteTensors(const std::string& header, const std::string& data, uint64_t length) const {
    std::string file(8, '\0');
    std::memcpy(file.data(), &length, 8);
    Write("model.safetensors", file + header + data);
  }
  std::string Data() const {
    const std::string file = Read("model.safetensors");
    uint64_t length = 0;
    std::memcpy(&length, file.data(), 8);
    return file.substr(8 + length);
  }

 private:
  std::unique_ptr<TempDir> temporary_;
};

constexpr char kTensor[] = "model.language_model.norm.weight";  // small, float32

// Puts a value into the middle of the tensor.
void Poison(const Folder& folder, const std::string& tensor, float value) {
  std::string file = folder.Read("model.safetensors");
  uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  const json header = json::parse(file.substr(8, length));
  ASSERT_EQ(header[tensor]["dtype"], "F32");
  const uint64_t begin = header[tensor]["data_offsets"][0];
  std::memcpy(file.data() + 8 + length + begin + 8, &value, 4);
  folder.Write("model.safetensors", file);
}

struct Case {
  const char* name;
  absl::StatusCode code;
  const char* message;  // a part of it
  std::function<void(const Folder&)> spoil;
};

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;
constexpr auto kMissing = absl::StatusCode::kNotFound;

std::string Nested(int depth) { return std::string(depth, '[') + std::string(depth, ']'); }

const std::vector<Case>& WeightCases() {
  static const auto* cases = new std::vector<Case>{
      {"header length of zero", kRefused, "header is empty",
       [](const Folder& f) { f.WriteTensors("", f.Data()); }},
      {"header length of 2^63", kRefused, "header of 9223372036854775808 bytes",
       [](const Folder& f) { f.WriteTensors("{}", "", uint64_t{1} << 63); }},
      {"header length beyond the file", kRefused, "header of 5000000 bytes in a file of",
       [](const Folder& f) { f.WriteTensors("{}", "", 5'000'000); }},
      {"shorter than the length", kRefused, "8-byte header length",
       [](const Folder& f) { f.Write("model.safetensors", "abc"); }},
      {"empty file", kRefused, "8-byte header length",
       [](const Folder& f) { f.Write("model.safetensors", ""); }},
      {"header that is not JSON", kRefused, "JSON",
       [](const Folder& f) { f.WriteTensors("{\"a\":", ""); }},
      {"header nested 10 000 deep", kRefused, "deeper",
       [](const Folder& f) { f.WriteTensors("{\"a\":" + Nested(10'000) + "}", ""); }},
      {"name twice", kRefused, "twice",
       [](const Folder& f) {
         const std::string entry = R"({"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
         f.WriteTensors("{\"a\":" + entry + ",\"a\":" + entry + "}", "");
       }},
      {"name that is not UTF-8", kRefused, "JSON",
       [](const Folder& f) { f.WriteTensors("{\"\xff\":1}", ""); }},
      {"100 000 tensors", kRefused, "at most 65536",
       [](const Folder& f) {
         std::string header = "{";
         for (int i = 0; i < 100'000; ++i) {
           absl::StrAppend(&header, i == 0 ? "" : ",", "\"", i,
                           R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})");
         }
         f.WriteTensors(header + "}", "");
       }},
      {"offsets that overlap", kRefused, "overlaps",
       [](const Folder& f) {
         f.WriteTensors(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                        R"("b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
                        "123456");
       }},
      {"offsets that leave a gap", kRefused, "gap",
       [](const Folder& f) {
         f.WriteTensors(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})", "1234");
       }},
      {"offsets beyond the file", kRefused, "not inside",
       [](const Folder& f) {
         f.EditHeader([](json& h) { h[kTensor]["data_offsets"] = {0, uint64_t{1} << 62}; });
       }},
      {"end before begin", kRefused, "not inside",
       [](const Folder& f) { f.EditHeader([](json& h) { h[kTensor]["data_offsets"] = {8, 4}; }); }},
      {"negative offset", kRefused, "data_offsets",
       [](const Folder& f) {
         f.EditHeader([](json& h) { h[kTensor]["data_offsets"] = {-8, 4}; });
       }},
      {"shape whose product overflows", kRefused, "is not",
       [](const Folder& f) {
         f.EditHeader([](json& h) {
           h[kTensor]["shape"] = {uint64_t{1} << 32, uint64_t{1} << 32, uint64_t{1} << 32};
         });
       }},
      {"shape of 10^18", kRefused, "is not",
       [](const Folder& f) {
         f.EditHeader([](json& h) { h[kTensor]["shape"] = {1'000'000'000'000'000'000}; });
       }},
      {"unknown dtype", kRefused, "unknown dtype",
       [](const Folder& f) { f.EditHeader([](json& h) { h[kTensor]["dtype"] = "F31"; }); }},
      {"dtype of whole numbers", kRefused, "I32",
       [](const Folder& f) { f.EditHeader([](json& h) { h[kTensor]["dtype"] = "I32"; }); }},
      {"shape other than the config's", kRefused, "config says",
       [](const Folder& f) {
         f.EditHeader([](json& h) { h[kTensor]["shape"] = {1, h[kTensor]["shape"][0]}; });
       }},
      {"tensor missing", kRefused, kTensor,
       [](const Folder& f) {
         f.EditHeader([](json& h) {
           h["another"] = h[kTensor];
           h.erase(kTensor);
         });
       }},
      {"bytes after the last tensor", kRefused, "after the last",
       [](const Folder& f) { f.Write("model.safetensors", f.Read("model.safetensors") + "x"); }},
      {"cut file", kRefused, "not inside",
       [](const Folder& f) {
         const std::string file = f.Read("model.safetensors");
         f.Write("model.safetensors", file.substr(0, file.size() / 2));
       }},
      {"NaN in a norm", kRefused, "not finite",
       [](const Folder& f) { Poison(f, kTensor, std::numeric_limits<float>::quiet_NaN()); }},
      {"infinity in a matrix", kRefused, "not finite",
       [](const Folder& f) {
         Poison(f, "model.language_model.layers.0.mlp.up_proj.weight",
                -std::numeric_limits<float>::infinity());
       }},
      {"no weights", kMissing, "model.safetensors",
       [](const Folder& f) { f.Remove("model.safetensors"); }},
      {"a folder in their place", absl::StatusCode::kInvalidArgument, "model.safetensors",
       [](const Folder& f) {
         f.Remove("model.safetensors");
         fs::create_directory(f.path() + "/model.safetensors");
       }},
      {"pickled weights", kRefused, "pickle",
       [](const Folder& f) {
         f.Remove("model.safetensors");
         f.Write("pytorch_model.bin", "\x80\x02}q\x01.");
       }},
      {"TorchScript by another name", kRefused, "zip archive",
       [](const Folder& f) {
         f.Write("model.safetensors", "PK\x03\x04\x14\x08" + std::string(100, 'x'));
       }},
      {"TorchScript alone", kRefused, "pickle",
       [](const Folder& f) {
         f.Remove("model.safetensors");
         f.Write("model.pt", "PK\x03\x04\x14\x08");
       }},
      {"a pickle by another name", kRefused, "is a pickle",
       [](const Folder& f) {
         f.Write("model.safetensors",
                 "\x80\x04\x95\x10\x20\x30\x40\x50\x60" + std::string(100, 'x'));
       }},
      {"GGUF by another name", kRefused, "GGUF",
       [](const Folder& f) {
         f.Write("model.safetensors", "GGUF\x03" + std::string(100, '\xff'));
       }},
      {"GGUF alone", kRefused, "GGUF",
       [](const Folder& f) {
         f.Remove("model.safetensors");
         f.Write("model-q4.gguf", "GGUF\x03");
       }},
      {"Git LFS pointer", kRefused, "Git LFS",
       [](const Folder& f) {
         f.Write("model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
       }},
  };
  return *cases;
}

const std::vector<Case>& ShardCases() {
  static const auto* cases = new std::vector<Case>{
      {"missing shard", kMissing, "model-00002-of-00002.safetensors",
       [](const Folder& f) { f.Remove("model-00002-of-00002.safetensors"); }},
      {"shard outside the folder", kRefused, "of the folder",
       [](const Folder& f) {
         f.Edit("model.safetensors.index.json", [](json& index) {
           for (auto& file : index["weight_map"]) file = "../" + file.get<std::string>();
         });
       }},
      {"pickled shard", kRefused, "of the folder",
       [](const Folder& f) {
         f.Edit("model.safetensors.index.json",
                [](json& index) { index["weight_map"].begin().value() = "model.bin"; });
       }},
      {"one tensor in two shards", kRefused, "two shards",
       [](const Folder& f) {
         f.Write("model-00002-of-00002.safetensors", f.Read("model-00001-of-00002.safetensors"));
       }},
      {"index of nothing", kRefused, "weight_map",
       [](const Folder& f) { f.Write("model.safetensors.index.json", "{}"); }},
      {"index that is a list", kRefused, "weight_map",
       [](const Folder& f) { f.Write("model.safetensors.index.json", "[]"); }},
      {"index nested deep", kRefused, "deeper",
       [](const Folder& f) { f.Write("model.safetensors.index.json", Nested(100'000)); }},
      {"index names a tensor its shard lacks", kRefused, "lacks it",
       [](const Folder& f) {
         f.Edit("model.safetensors.index.json", [](json& index) {
           index["weight_map"]["nothing"] = "model-00001-of-00002.safetensors";
         });
       }},
  };
  return *cases;
}

Case ConfigCase(const char* name, const char* message, const std::function<void(json&)>& change) {
  return {name, kRefused, message, [change](const Folder& f) { f.Edit("config.json", change); }};
}

const std::vector<Case>& ConfigCases() {
  static const auto* cases = new std::vector<Case>{
      ConfigCase("10^9 layers", "num_hidden_layers",
                 [](json& c) { c["text_config"]["num_hidden_layers"] = 1'000'000'000; }),
      ConfigCase("1024 layers", "is missing",
                 [](json& c) { c["text_config"]["num_hidden_layers"] = 1024; }),
      ConfigCase("10^9 experts", "num_experts",
                 [](json& c) { c["text_config"]["num_experts"] = 1'000'000'000; }),
      ConfigCase("hidden size of 2^60", "hidden_size",
                 [](json& c) { c["text_config"]["hidden_size"] = int64_t{1} << 60; }),
      ConfigCase("vocabulary of 2^63", "vocab_size",
                 [](json& c) { c["text_config"]["vocab_size"] = uint64_t{1} << 63; }),
      ConfigCase("no heads", "num_attention_heads",
                 [](json& c) { c["text_config"]["num_attention_heads"] = 0; }),
      ConfigCase("layers as text", "num_hidden_layers",
                 [](json& c) { c["text_config"]["num_hidden_layers"] = "4"; }),
      ConfigCase("depth of 10^9", "depth",
                 [](json& c) { c["vision_config"]["depth"] = 1'000'000'000; }),
      ConfigCase("patches of nothing", "patch_size",
                 [](json& c) { c["vision_config"]["patch_size"] = 0; }),
      ConfigCase("code of its own", "never run",
                 [](json& c) { c["auto_map"] = {{"AutoModel", "modeling_evil.Model"}}; }),
      ConfigCase("a way of making numbers narrow that nobody knows", "quant_method",
                 [](json& c) { c["quantization_config"] = {{"quant_method", "evil"}}; }),
      ConfigCase("FP8 blocks of nothing", "weight_block_size",
                 [](json& c) {
                   c["quantization_config"] = {{"quant_method", "fp8"},
                                               {"weight_block_size", {0, -1}}};
                 }),
      ConfigCase("numbers of 10^9 bits", "bits",
                 [](json& c) {
                   c["quantization_config"] = {{"quant_method", "gptq"}, {"bits", 1'000'000'000}};
                 }),
      ConfigCase("another architecture", "model_type", [](json& c) { c["model_type"] = "llama"; }),
      {"config nested deep", kRefused, "deeper",
       [](const Folder& f) { f.Write("config.json", Nested(1'000'000)); }},
      {"config that is not UTF-8", kRefused, "JSON",
       [](const Folder& f) { f.Write("config.json", "{\"a\":\"\xc3\x28\"}"); }},
      {"config of half a gigabyte", absl::StatusCode::kResourceExhausted, "config.json",
       [](const Folder& f) { fs::resize_file(f.path() + "/config.json", 512u << 20); }},
      {"no config", kMissing, "config.json", [](const Folder& f) { f.Remove("config.json"); }},
      {"number beyond doubles", kRefused, "JSON",
       [](const Folder& f) {
         f.Write("config.json", absl::StrReplaceAll(f.Read("config.json"), {{"1e-06", "1e999"}}));
       }},
      {"key twice", kRefused, "twice",
       [](const Folder& f) { f.Write("config.json", "{\"a\":1,\"a\":2}"); }},
      {"generation config nested deep", kRefused, "deeper",
       [](const Folder& f) { f.Write("generation_config.json", Nested(100'000)); }},
      {"pictures without an upper limit", kRefused, "longest_edge",
       [](const Folder& f) {
         f.Edit("preprocessor_config.json",
                [](json& c) { c["size"]["longest_edge"] = uint64_t{1} << 62; });
       }},
      {"bundle that leaves its folder", kRefused, "inside the bundle",
       [](const Folder& f) { f.Write("sightline.json", R"({"encoder":"../model"})"); }},
      {"bundle nested deep", kRefused, "deeper",
       [](const Folder& f) { f.Write("sightline.json", Nested(30'000)); }},
  };
  return *cases;
}

Case TokenizerCase(const char* name, const char* message,
                   const std::function<void(json&)>& change) {
  return {name, kRefused, message, [change](const Folder& f) { f.Edit("tokenizer.json", change); }};
}

const std::vector<Case>& TokenizerCases() {
  static const auto* cases = new std::vector<Case>{
      TokenizerCase("three million merges", "merges",
                    [](json& t) {
                      json& merges = t["model"]["merges"];
                      while (merges.size() < 3'000'000) merges.push_back("a b");
                    }),
      TokenizerCase("merge of what is no token", "not in the vocabulary",
                    [](json& t) { t["model"]["merges"].push_back({"zz", "qq"}); }),
      TokenizerCase("merge of one part", "not two tokens",
                    [](json& t) { t["model"]["merges"].push_back("abc"); }),
      TokenizerCase("id of 2^40", "id 1099511627776",
                    [](json& t) { t["model"]["vocab"]["zz"] = uint64_t{1} << 40; }),
      TokenizerCase("id below zero", "id -1", [](json& t) { t["model"]["vocab"]["zz"] = -1; }),
      TokenizerCase("two tokens of one id", "two tokens",
                    [](json& t) { t["model"]["vocab"]["zz"] = 0; }),
      TokenizerCase("byte token outside the bytes", "byte alphabet",
                    [](json& t) { t["model"]["vocab"]["\u4e2d"] = 505; }),
      TokenizerCase("a byte without a token", "byte 33",
                    [](json& t) { t["model"]["vocab"].erase("!"); }),
      TokenizerCase(
          "pattern that does not compile", "pattern",
          [](json& t) { t["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "((("; }),
      TokenizerCase(
          "pattern that backtracks without end", "steps",
          [](json& t) { t["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "(a|a?)+$"; }),
      TokenizerCase("pattern that calls itself without end", "pattern",
                    [](json& t) {
                      t["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "(?R)?a|(?R)";
                    }),
      TokenizerCase("pattern of 100 000 bytes", "at most 4096",
                    [](json& t) {
                      t["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] =
                          std::string(100'000, '(');
                    }),
      TokenizerCase("another kind", "WordPiece", [](json& t) { t["model"]["type"] = "WordPiece"; }),
      TokenizerCase("added token of a megabyte", "added token",
                    [](json& t) {
                      t["added_tokens"].push_back(
                          {{"id", 509}, {"content", std::string(1 << 20, 'x')}});
                    }),
      {"tokenizer nested deep", kRefused, "deeper",
       [](const Folder& f) { f.Write("tokenizer.json", Nested(1'000'000)); }},
      {"no tokenizer", kMissing, "tokenizer.json",
       [](const Folder& f) {
         for (const char* name : {"tokenizer.json", "vocab.json", "merges.txt"}) f.Remove(name);
       }},
  };
  return *cases;
}

void ExpectRefused(const std::string& model, const std::vector<Case>& cases) {
  model::LoadOptions options;
  options.device = "cpu";
  options.threads = 1;
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    const Folder folder(model);
    one.spoil(folder);
    const auto loaded = model::Load(folder.path(), options);
    EXPECT_THAT(loaded, StatusIs(one.code, HasSubstr(one.message)));

    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int code = RunModelTool({"info", "--model", folder.path(), "--threads", "1"});
    const std::string errors = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
    EXPECT_EQ(code, 1);
    EXPECT_THAT(errors, HasSubstr(one.message));
  }
}

TEST(HostileModelTest, TheCopiesAreGoodBeforeTheyAreSpoilt) {
  for (const char* model : {"tiny-embedding", "tiny-dense"}) {
    const Folder folder(model);
    ::testing::internal::CaptureStdout();
    EXPECT_EQ(RunModelTool({"info", "--model", folder.path()}), 0);
    EXPECT_THAT(::testing::internal::GetCapturedStdout(), HasSubstr("fingerprint"));
  }
}

TEST(HostileModelTest, WeightsAreRefused) { ExpectRefused("tiny-embedding", WeightCases()); }
TEST(HostileModelTest, ShardsAreRefused) { ExpectRefused("tiny-dense", ShardCases()); }
TEST(HostileModelTest, ConfigurationsAreRefused) { ExpectRefused("tiny-embedding", ConfigCases()); }
TEST(HostileModelTest, TokenizersAreRefused) { ExpectRefused("tiny-embedding", TokenizerCases()); }

// A reader that never opens them cannot run them.
TEST(HostileModelTest, CodeBesideAGoodModelIsIgnored) {
  const Folder folder("tiny-embedding");
  folder.Write("modeling_evil.py", "raise SystemExit");
  folder.Write("pytorch_model.bin", "\x80\x02cos\nsystem\n.");
  folder.Edit("tokenizer_config.json",
              [](json& c) { c["auto_map"] = {{"AutoTokenizer", "evil.T"}}; });
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(RunModelTool({"info", "--model", folder.path()}), 0);
  EXPECT_THAT(::testing::internal::GetCapturedStdout(), HasSubstr("fingerprint"));
}

}  // namespace
}  // namespace sightline::services
