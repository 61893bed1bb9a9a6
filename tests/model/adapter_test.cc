#include "model/adapter.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "model/adapter_config.h"
#include "model/load.h"
#include "model/qwen3vl_encoder.h"
#include "model/qwen3vl_generator.h"
#include "model/whole_run.h"
#include "nlohmann/json.hpp"
#include "tests/model/network_case.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::Floats;
using ::sightline::testing::GoldenJson;
using ::sightline::testing::GoldenPath;
using ::sightline::testing::GoldenPicture;
using ::sightline::testing::GoldenTensors;
using ::sightline::testing::IsOk;
using ::sightline::testing::MaxDifference;
using ::sightline::testing::Report;
using ::sightline::testing::StatusIs;
using ::sightline::testing::StoredCase;
using ::sightline::testing::Values;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kDense[] = "tiny-dense";

// tiny-dense with both reference adapters beside it.
std::shared_ptr<Checkpoint> WithAdapters() {
  static const auto* const opened = [] {
    LoadOptions options;
    options.device = "cpu";
    options.adapters = {{"plain", GoldenPath("lora/plain")}, {"rslora", GoldenPath("lora/rslora")}};
    auto checkpoint = Checkpoint::Open(GoldenPath(kDense), options, {});
    EXPECT_THAT(checkpoint, IsOk());
    return new std::shared_ptr<Checkpoint>(*std::move(checkpoint));
  }();
  return *opened;
}

struct Case {
  const char* adapter;
  const char* input;
};

class AdapterCase : public ::testing::TestWithParam<Case> {
 protected:
  std::vector<float> Expected() {
    const std::string folder = std::string("lora/") + GetParam().adapter;
    return Values<float>(*GoldenTensors(folder + "/expect.safetensors"),
                         std::string("logits_") + GetParam().input);
  }
};

TEST_P(AdapterCase, LogitsWithTheAdapterBesideTheWeightsAreTheReferences) {
  SequenceInput input = StoredCase(kDense, GetParam().input);
  ASSERT_OK_AND_ASSIGN(input.adapter, WithAdapters()->FindAdapter(GetParam().adapter));
  const WholeRun run = RunWhole(WithAdapters()->engine().network(), input, nullptr);
  const double difference = MaxDifference(Floats(run.logits), Expected());
  Report("logits with an adapter", difference);
  EXPECT_LE(difference, 1e-3);
}

TEST_P(AdapterCase, LogitsWithTheAdapterMergedAreTheReferences) {
  LoadOptions options;
  options.device = "cpu";
  options.merged_adapters = {GoldenPath(std::string("lora/") + GetParam().adapter)};
  ASSERT_OK_AND_ASSIGN(const auto checkpoint, Checkpoint::Open(GoldenPath(kDense), options, {}));
  const WholeRun run =
      RunWhole(checkpoint->engine().network(), StoredCase(kDense, GetParam().input), nullptr);
  const double difference = MaxDifference(Floats(run.logits), Expected());
  Report("logits with an adapter merged", difference);
  EXPECT_LE(difference, 1e-3);
}

INSTANTIATE_TEST_SUITE_P(Reference, AdapterCase,
                         ::testing::Values(Case{"plain", "text"}, Case{"plain", "image"},
                                           Case{"rslora", "text"}, Case{"rslora", "image"}));

GenerateInput Greedy() {
  GenerateInput input;
  input.sampling.temperature = 0;
  input.sampling.presence_penalty = 0;
  input.sampling.ignore_eos = true;
  input.max_tokens = 16;
  input.messages = {{"user", {std::string("The river and the hill")}}};
  return input;
}

TEST(AdapterTest, CallsThatRunTogetherEachGetTheAdapterTheyName) {
  Qwen3VlGenerator generator(WithAdapters());
  const std::vector<std::string> names = {"", "plain", "rslora", "plain", ""};
  const auto write = [&](const std::string& adapter) {
    CallOptions call;
    call.adapter = adapter;
    const auto result = generator.Generate(Greedy(), call, nullptr);
    EXPECT_THAT(result, IsOk());
    return result.ok() ? result->first().token_ids : std::vector<int32_t>();
  };
  std::vector<std::vector<int32_t>> alone, together(names.size());
  for (const std::string& name : names) alone.push_back(write(name));
  EXPECT_NE(alone[0], alone[1]);
  EXPECT_NE(alone[1], alone[2]);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < names.size(); ++i) {
    threads.emplace_back([&, i] { together[i] = write(names[i]); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(together, alone);
}

TEST(AdapterTest, AnUnknownNameIsNotFound) {
  Qwen3VlEncoder encoder(WithAdapters());
  EncodeInput input;
  input.texts = {"a river"};
  CallOptions call;
  call.adapter = "none such";
  EXPECT_THAT(encoder.Encode({&input, 1}, 0, call),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none such")));
  EXPECT_THAT(encoder.info().adapters, ElementsAre("plain", "rslora"));
}

TEST(AdapterTest, ThePartsOwnAdapterChangesItsVectorsAndItsFingerprint) {
  ASSERT_OK_AND_ASSIGN(const auto plain, WithAdapters()->FindAdapter("plain"));
  Qwen3VlEncoder bare(WithAdapters()), tuned(WithAdapters(), plain);
  EXPECT_NE(bare.info().fingerprint, tuned.info().fingerprint);
  EncodeInput input;
  input.texts = {"a river"};
  ASSERT_OK_AND_ASSIGN(const auto of_bare, bare.Encode({&input, 1}, 0, {}));
  ASSERT_OK_AND_ASSIGN(const auto of_tuned, tuned.Encode({&input, 1}, 0, {}));
  EXPECT_GT(MaxDifference(of_bare[0], of_tuned[0]), 1e-3);
  CallOptions named;
  named.adapter = "plain";
  ASSERT_OK_AND_ASSIGN(const auto of_named, bare.Encode({&input, 1}, 0, named));
  EXPECT_LE(MaxDifference(of_named[0], of_tuned[0]), 1e-6);
}

// A copy of the plain adapter that a test changes.
class AdapterFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = *TempDir::Create();
    config_ = GoldenJson("lora/plain/adapter_config.json");
    file_ = GoldenTensors("lora/plain/adapter_model.safetensors");
    tensors_ = file_->tensors();
  }

  absl::Status Open() {
    EXPECT_THAT(WriteFileAtomic(folder_->path() + "/adapter_config.json", config_.dump()), IsOk());
    EXPECT_THAT(WriteSafetensors(folder_->path() + "/adapter_model.safetensors", tensors_), IsOk());
    const Network& network = WithAdapters()->engine().network();
    const auto adapter = Adapter::Open(folder_->path(), network.linears, network.types);
    if (adapter.ok()) adapter_ = *adapter;
    return adapter.status();
  }

  std::unique_ptr<TempDir> folder_;
  nlohmann::json config_;
  std::unique_ptr<SafetensorsFile> file_;
  std::vector<TensorView> tensors_;
  std::shared_ptr<const Adapter> adapter_;
};

TEST_F(AdapterFolderTest, NamesWhatItDoesNotSupport) {
  const std::pair<const char*, nlohmann::json> cases[] = {{"peft_type", "IA3"},
                                                          {"use_dora", true},
                                                          {"bias", "all"},
                                                          {"modules_to_save", {"lm_head"}},
                                                          {"r", 0},
                                                          {"lora_alpha", "x"}};
  const nlohmann::json good = config_;
  for (const auto& [field, value] : cases) {
    config_ = good;
    config_[field] = value;
    EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(field)));
  }
}

TEST_F(AdapterFolderTest, NamesTheTensorThatDoesNotFit) {
  const std::vector<TensorView> good = tensors_;
  const auto refused = [&](const std::string& named) {
    EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(named)));
    tensors_ = good;
  };
  tensors_[0].name = "base_model.model.model.language_model.layers.77.mlp.up_proj.lora_A.weight";
  refused("layers.77");
  tensors_[0].name = "other." + tensors_[0].name;
  refused("base_model.model.");
  std::swap(tensors_[0].shape[0], tensors_[0].shape[1]);
  refused(good[0].name);
  tensors_.erase(tensors_.begin());
  refused("one half");
  std::vector<float> spoilt = Values<float>(good[0]);
  spoilt[3] = std::numeric_limits<float>::infinity();
  tensors_[0].bytes = {reinterpret_cast<const char*>(spoilt.data()), spoilt.size() * 4};
  refused("not finite");
}

TEST_F(AdapterFolderTest, RanksAndAlphasMayBeALayersOwn) {
  config_["r"] = 64;
  config_["lora_alpha"] = 128;
  for (const char* layer : {"q_proj", "k_proj", "v_proj", "gate_proj", "up_proj", "down_proj"}) {
    config_["rank_pattern"][layer] = 4;
    config_["alpha_pattern"][layer] = 8;
  }
  ASSERT_THAT(Open(), IsOk());
  SequenceInput input = StoredCase(kDense, "text");
  input.adapter = adapter_;
  const WholeRun run = RunWhole(WithAdapters()->engine().network(), input, nullptr);
  const auto golden = GoldenTensors("lora/plain/expect.safetensors");
  EXPECT_LE(MaxDifference(Floats(run.logits), Values<float>(*golden, "logits_text")), 1e-3);
}

// An adapter of the vision tower: pictures have other features with it, and the cache keeps them
// apart.
TEST_F(AdapterFolderTest, AVisionAdapterChangesPicturesOnlyForThoseWhoChooseIt) {
  const Network& network = WithAdapters()->engine().network();
  config_["r"] = 2;
  config_["lora_alpha"] = 2;
  config_["use_rslora"] = false;
  tensors_.clear();
  std::vector<std::vector<float>> kept;
  for (const LinearShape& layer : network.linears) {
    if (layer.name.find("visual.blocks.0.attn.proj") == std::string::npos) continue;
    kept.push_back(std::vector<float>(static_cast<size_t>(2 * layer.in), 0.05f));
    kept.push_back(std::vector<float>(static_cast<size_t>(2 * layer.out), 0.05f));
    const std::string root = "base_model.model." + layer.name;
    const auto bytes = [](const std::vector<float>& v) {
      return absl::string_view(reinterpret_cast<const char*>(v.data()), v.size() * 4);
    };
    tensors_.push_back({root + ".lora_A.weight", DType::kF32, {2, layer.in}, bytes(kept[0])});
    tensors_.push_back({root + ".lora_B.weight", DType::kF32, {layer.out, 2}, bytes(kept[1])});
    break;
  }
  ASSERT_EQ(tensors_.size(), 2u);
  ASSERT_THAT(Open(), IsOk());
  EXPECT_TRUE(adapter_->changes_vision());
  Qwen3VlEncoder bare(WithAdapters()), tuned(WithAdapters(), adapter_);
  EncodeInput input;
  input.images = {GoldenPicture("images/square_64x64.png")};
  ASSERT_OK_AND_ASSIGN(const auto before, bare.Encode({&input, 1}, 0, {}));
  ASSERT_OK_AND_ASSIGN(const auto changed, tuned.Encode({&input, 1}, 0, {}));
  ASSERT_OK_AND_ASSIGN(const auto after, bare.Encode({&input, 1}, 0, {}));
  EXPECT_GT(MaxDifference(before[0], changed[0]), 1e-4);
  EXPECT_EQ(before, after);
}

TEST_F(AdapterFolderTest, ABundleNamesAdaptersForItsPartsAndToChooseFrom) {
  const std::string root = folder_->path();
  std::filesystem::copy(GoldenPath(kDense), root + "/base",
                        std::filesystem::copy_options::recursive);
  std::filesystem::copy(GoldenPath("lora/plain"), root + "/plain");
  std::filesystem::copy(GoldenPath("lora/rslora"), root + "/rslora");
  const nlohmann::json bundle = {{"encoder", {{"folder", "base"}, {"adapter", "plain"}}},
                                 {"generator", "base"},
                                 {"adapters", {{"turned", "rslora"}}}};
  ASSERT_THAT(WriteFileAtomic(root + "/sightline.json", bundle.dump()), IsOk());
  LoadOptions options;
  options.device = "cpu";
  ASSERT_OK_AND_ASSIGN(const LoadedModel loaded, Load(root, options));
  ASSERT_NE(loaded.encoder, nullptr);
  EXPECT_THAT(loaded.encoder->info().adapters, ElementsAre("turned"));
  EncodeInput input;
  input.texts = {"a river"};
  ASSERT_OK_AND_ASSIGN(const auto of_bundle, loaded.encoder->Encode({&input, 1}, 0, {}));
  ASSERT_OK_AND_ASSIGN(const auto plain, WithAdapters()->FindAdapter("plain"));
  Qwen3VlEncoder tuned(WithAdapters(), plain);
  ASSERT_OK_AND_ASSIGN(const auto of_tuned, tuned.Encode({&input, 1}, 0, {}));
  EXPECT_LE(MaxDifference(of_bundle[0], of_tuned[0]), 1e-6);
}

TEST_F(AdapterFolderTest, CannotBeMergedIntoNarrowWeights) {
  Linear layer;
  layer.weight = StoredMatrix::FromDense(at::zeros({4, 4}));
  layer.weight.format = NumberFormat::kUint8;
  EXPECT_THAT(layer.Merge({at::zeros({1, 4}), at::zeros({4, 1})}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("quantised")));
}

}  // namespace
}  // namespace sightline::model
