#include "model/engine.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "model/network.h"
#include "model/vision_tower.h"
#include "model/whole_run.h"
#include "tests/model/network_case.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::Cosine;
using ::sightline::testing::ExpectReference;
using ::sightline::testing::Floats;
using ::sightline::testing::GoldenPath;
using ::sightline::testing::GoldenPicture;
using ::sightline::testing::GoldenTensors;
using ::sightline::testing::IsOk;
using ::sightline::testing::MaxDifference;
using ::sightline::testing::StatusIs;
using ::sightline::testing::StoredCase;
using ::sightline::testing::TinyCheckpoint;
using ::sightline::testing::Values;
using ::testing::ElementsAre;

constexpr char kModel[] = "tiny-dense";

// An engine of its own on tiny-dense, and the order in which its sequences ended.
class EngineTest : public ::testing::Test {
 protected:
  void Start(const EngineOptions& options) { Start(options, cache_); }
  void Start(const EngineOptions& options, VisionCache& cache) {
    auto config = LoadCheckpointConfig(GoldenPath(kModel));
    ASSERT_THAT(config, IsOk());
    auto weights = CheckpointWeights::Open(GoldenPath(kModel));
    ASSERT_THAT(weights, IsOk());
    NetworkTypes types;
    types.device = ::sightline::testing::TestDevice();
    auto network = Network::Load(config->model, *std::move(weights), types);
    ASSERT_THAT(network, IsOk());
    engine_ = std::make_unique<Engine>(*std::move(network), cache, options);
  }

  // A sequence whose end is noted under `name`.
  EngineRequest Hidden(const std::string& name, SequenceInput input, Priority priority) {
    EngineRequest request;
    request.call.priority = priority;
    request.input = std::move(input);
    request.on_hidden = [this, name](std::vector<float> hidden) {
      absl::MutexLock lock(&mu_);
      hidden_[name] = std::move(hidden);
    };
    request.on_end = [this, name](absl::Status status) {
      absl::MutexLock lock(&mu_);
      ended_.push_back(name);
      statuses_[name] = std::move(status);
    };
    return request;
  }

  // Occupies the engine's thread until Release: what is queued meanwhile is there at its next step.
  void Hold() {
    EngineRequest request =
        Hidden("held", StoredCase(kModel, "text_short"), Priority::kInteractive);
    request.on_hidden = [this](std::vector<float>) {
      holding_.Notify();
      release_.WaitForNotification();
    };
    Submit(std::move(request));
    holding_.WaitForNotification();
  }
  void Release() { release_.Notify(); }

  void Submit(EngineRequest request) {
    std::vector<EngineRequest> requests;
    requests.push_back(std::move(request));
    ASSERT_THAT(engine_->Submit(std::move(requests)), IsOk());
  }

  void WaitForEnds(size_t count) {
    absl::MutexLock lock(&mu_);
    const auto enough = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return ended_.size() >= count; };
    mu_.Await(absl::Condition(&enough));
  }

  std::vector<std::string> Ended() {
    absl::MutexLock lock(&mu_);
    return ended_;
  }
  absl::Status StatusOf(const std::string& name) {
    absl::MutexLock lock(&mu_);
    return statuses_[name];
  }
  std::vector<float> HiddenOf(const std::string& name) {
    absl::MutexLock lock(&mu_);
    return hidden_[name];
  }

  VisionCache cache_{int64_t{1} << 24};
  absl::Mutex mu_;
  std::vector<std::string> ended_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, absl::Status> statuses_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, std::vector<float>> hidden_ ABSL_GUARDED_BY(mu_);
  absl::Notification holding_, release_;
  std::unique_ptr<Engine> engine_;  // last: it ends first
};

std::vector<float> LastRow(const std::string& name) {
  const auto golden = GoldenTensors(std::string(kModel) + "/cases/" + name + ".safetensors");
  const std::vector<float> all = Values<float>(*golden, "final_norm");
  return {all.end() - 64, all.end()};
}

TEST_F(EngineTest, TellsAPicturesFeaturesThoughNothingKeepsThem) {
  VisionCache forgetful(0);
  Start({}, forgetful);
  SequenceInput input = StoredCase(kModel, "image");
  const auto tokens = static_cast<int64_t>(input.visual_rows.size());
  EngineRequest request = Hidden("picture", std::move(input), Priority::kInteractive);
  std::vector<std::shared_ptr<const VisionFeatures>> told;
  request.on_features = [&told](std::shared_ptr<const VisionFeatures> features) {
    told.push_back(std::move(features));
  };
  Submit(std::move(request));
  WaitForEnds(1);
  EXPECT_THAT(StatusOf("picture"), IsOk());
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told.front()->tokens.size(0), tokens);
}

TEST_F(EngineTest, ABatchOfTextAndPicturesGivesWhatItsMembersGiveAlone) {
  Start({});
  const std::vector<std::string> names = {"text",  "image",       "two_images",
                                          "video", "image_video", "text_short"};
  Hold();
  for (const std::string& name : names) {
    Submit(Hidden(name, StoredCase(kModel, name), Priority::kInteractive));
  }
  Release();
  WaitForEnds(names.size() + 1);
  for (const std::string& name : names) {
    EXPECT_THAT(StatusOf(name), IsOk());
    ExpectReference(HiddenOf(name), LastRow(name), 2e-4, "last hidden, one batch", name);
  }
}

// The reference ran these three padded into one batch; ours are packed without padding.
TEST_F(EngineTest, ABatchGivesTheLogitsOfTheReferencesPaddedBatches) {
  Start({});
  const std::vector<std::string> names = {"text", "image", "two_images"};
  Hold();
  for (const std::string& name : names) {
    Submit(Hidden(name, StoredCase(kModel, name), Priority::kInteractive));
  }
  Release();
  WaitForEnds(names.size() + 1);
  for (const char* side : {"left", "right"}) {
    const auto golden = GoldenTensors(absl::StrCat(kModel, "/cases/batch_", side, ".safetensors"));
    for (size_t i = 0; i < names.size(); ++i) {
      const at::Tensor logits = engine_->network().text.Logits(
          at::tensor(HiddenOf(names[i])).to(engine_->network().device));
      ExpectReference(Floats(logits), Values<float>(*golden, absl::StrCat("last_logits_", i)), 5e-4,
                      "padded batch logits", absl::StrCat(side, " ", names[i]));
    }
  }
}

TEST_F(EngineTest, APromptCutOverSeveralStepsGivesTheSame) {
  EngineOptions options;
  options.step_tokens = 7;
  options.step_patches = 16;
  Start(options);
  const std::vector<std::string> names = {"image_video", "two_images", "text"};
  for (const std::string& name : names) {
    Submit(Hidden(name, StoredCase(kModel, name), Priority::kInteractive));
  }
  WaitForEnds(names.size());
  for (const std::string& name : names) {
    EXPECT_THAT(StatusOf(name), IsOk());
    ExpectReference(HiddenOf(name), LastRow(name), 2e-4, "last hidden, cut prompt", name);
  }
}

SequenceInput RandomText(int64_t tokens) {
  SequenceInput input;
  at::manual_seed(11);
  const at::Tensor ids = at::randint(0, 256, {tokens}, at::kInt);
  input.ids.assign(ids.data_ptr<int32_t>(), ids.data_ptr<int32_t>() + tokens);
  for (int axis = 0; axis < 3; ++axis) {
    for (int64_t i = 0; i < tokens; ++i) input.positions.push_back(static_cast<int32_t>(i));
  }
  return input;
}

TEST_F(EngineTest, PromptsAroundAPagesSizeAreTheSameCutAndWhole) {
  std::map<std::string, std::vector<float>> whole;
  for (const int64_t step : {4096, 256, 100}) {
    EngineOptions options;
    options.step_tokens = step;
    Start(options);
    hidden_.clear();
    ended_.clear();
    const std::vector<int64_t> lengths = {255, 256, 257, 511, 512, 513};
    for (const int64_t length : lengths) {
      Submit(Hidden(absl::StrCat(length), RandomText(length), Priority::kInteractive));
    }
    WaitForEnds(lengths.size());
    for (const int64_t length : lengths) {
      const std::string name = absl::StrCat(length);
      ASSERT_THAT(StatusOf(name), IsOk());
      if (step == 4096) {
        whole[name] = HiddenOf(name);
      } else {
        EXPECT_LE(MaxDifference(HiddenOf(name), whole[name]), 2e-4) << name << " by " << step;
      }
    }
    engine_.reset();
  }
}

TEST_F(EngineTest, ASixteenBitCachePointsTheSameWay) {
  EngineOptions options;
  options.step_tokens = 7;
  options.kv_type = KvType::kBFloat16;
  Start(options);
  EXPECT_EQ(engine_->CacheBytes(1), 256 * 4 * 2 * 2 * 32 * 2);  // a page of four layers
  Submit(Hidden("cut", StoredCase(kModel, "image_video"), Priority::kInteractive));
  WaitForEnds(1);
  EXPECT_GE(Cosine(HiddenOf("cut"), LastRow("image_video")), 0.999);
  EXPECT_GT(MaxDifference(HiddenOf("cut"), LastRow("image_video")), 1e-4);  // it was used
}

// What the engine makes of messages with pictures, cut in every way, against one run without it.
TEST_F(EngineTest, ManyPicturesAndVideosInAnyOrderAreTheSameCutAndWhole) {
  const auto checkpoint = TinyCheckpoint(kModel);
  const auto picture = [](const char* name) {
    return GoldenPicture(std::string("images/") + name + ".png");
  };
  Message twelve{"user", {std::string("Compare")}};
  for (int i = 0; i < 12; ++i) {
    const char* const names[] = {"odd_101x75", "exact_96x64", "square_64x64", "up_40x30"};
    twelve.parts.emplace_back(picture(names[i % 4]));
    if (i == 6) twelve.parts.emplace_back(std::string("with"));
  }
  const Message mixed{"user",
                      {picture("odd_101x75"), sightline::testing::GoldenClip(),
                       picture("exact_96x64"), std::string("What is it?")}};
  const Message turned{"user",
                       {std::string("Look:"), sightline::testing::GoldenClip(), std::string("and"),
                        picture("portrait_57x143"), sightline::testing::GoldenClip()}};
  std::map<std::string, Prompt> prompts;
  std::map<std::string, std::vector<float>> expected;
  for (const auto& [name, message] :
       std::map<std::string, Message>{{"twelve", twelve}, {"mixed", mixed}, {"turned", turned}}) {
    ASSERT_OK_AND_ASSIGN(prompts[name], checkpoint->prompts().Chat({&message, 1}, {}, 4096));
    VisionCache none(0);
    ASSERT_OK_AND_ASSIGN(const SequenceInput input,
                         PrepareSequence(prompts[name], checkpoint->config().model,
                                         checkpoint->processor(), none, nullptr, ""));
    const std::vector<float> all =
        Floats(RunWhole(checkpoint->engine().network(), input, nullptr).final_norm);
    expected[name] = {all.end() - 64, all.end()};
  }
  struct Way {
    int64_t step_tokens, step_patches, cache_bytes;
  };
  for (const Way& way : {Way{4096, 4096, 1 << 24}, Way{9, 24, 1 << 24}, Way{9, 24, 0},
                         Way{64, 1, 20'000}, Way{13, 100, 0}}) {
    EngineOptions options;
    options.step_tokens = way.step_tokens;
    options.step_patches = way.step_patches;
    VisionCache cache(way.cache_bytes);
    Start(options, cache);
    for (int round = 0; round < 2; ++round) {  // in the second the features may be known
      ended_.clear();
      for (const auto& [name, prompt] : prompts) {
        ASSERT_OK_AND_ASSIGN(SequenceInput input,
                             PrepareSequence(prompt, checkpoint->config().model,
                                             checkpoint->processor(), cache, nullptr, ""));
        Submit(Hidden(name, std::move(input), Priority::kInteractive));
      }
      WaitForEnds(prompts.size());
      for (const auto& [name, hidden] : expected) {
        ASSERT_THAT(StatusOf(name), IsOk());
        EXPECT_LE(MaxDifference(HiddenOf(name), hidden), 2e-4)
            << name << " by " << way.step_tokens << " tokens, " << way.step_patches << " patches";
      }
    }
    engine_.reset();
  }
}

TEST_F(EngineTest, GeneratesTheReferencesTokensAfterAPromptCutInsideAPicture) {
  EngineOptions options;
  options.step_tokens = 5;
  options.step_patches = 1;
  Start(options);
  const std::string path = std::string(kModel) + "/cases/gen_image";
  const std::vector<int64_t> wanted =
      Values<int64_t>(*GoldenTensors(path + ".safetensors"), "output_ids");
  std::vector<int64_t> written;
  EngineRequest request = Hidden("text", StoredCase(kModel, "image"), Priority::kInteractive);
  request.on_hidden = nullptr;
  request.max_new_tokens = 24;
  request.on_logits = [&](std::span<float> logits) -> absl::StatusOr<std::optional<int32_t>> {
    const auto best =
        static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
    written.push_back(best);
    return written.size() < 24 ? std::optional<int32_t>(best) : std::nullopt;
  };
  Submit(std::move(request));
  WaitForEnds(1);
  EXPECT_EQ(written, wanted);
}

// Two sequences need two pages each, and there is room for three: the second waits for the first.
TEST_F(EngineTest, ASequenceWhosePagesDoNotFitWaits) {
  EngineOptions options;
  Start(options);
  const int64_t page = engine_->CacheBytes(1);
  EXPECT_EQ(engine_->CacheBytes(256), page);
  EXPECT_EQ(engine_->CacheBytes(257), 2 * page);
  const auto run = [&](int64_t pages) {
    engine_.reset();
    EngineOptions tight;
    tight.kv_bytes = pages * page;
    Start(tight);
    std::vector<std::string> order;  // of the engine's thread, read when all have ended
    ended_.clear();
    std::vector<EngineRequest> requests;
    for (const char* name : {"first", "second"}) {
      EngineRequest request = Hidden(name, RandomText(250), Priority::kInteractive);
      request.on_hidden = nullptr;
      request.max_new_tokens = 8;
      auto left = std::make_shared<int>(8);
      request.on_logits = [&order, name,
                           left](std::span<float>) -> absl::StatusOr<std::optional<int32_t>> {
        order.push_back(name);
        return --*left > 0 ? std::optional<int32_t>(1) : std::nullopt;
      };
      requests.push_back(std::move(request));
    }
    EXPECT_THAT(engine_->Submit(std::move(requests)), IsOk());
    WaitForEnds(2);
    return order;
  };
  const std::vector<std::string> one_by_one = run(3);
  EXPECT_EQ(std::count(one_by_one.begin(), one_by_one.begin() + 8, "first"), 8);
  const std::vector<std::string> together = run(4);
  EXPECT_EQ(together[0], "first");
  EXPECT_EQ(together[1], "second");
}

TEST_F(EngineTest, AnInteractiveSequenceGoesAheadOfBulkThatCameFirst) {
  EngineOptions options;
  options.step_tokens = 16;  // of the sequences here, one a step
  Start(options);
  Hold();
  Submit(Hidden("bulk 1", StoredCase(kModel, "text_short"), Priority::kBulk));
  Submit(Hidden("bulk 2", StoredCase(kModel, "text_short"), Priority::kBulk));
  Submit(Hidden("query", StoredCase(kModel, "text_short"), Priority::kInteractive));
  Release();
  WaitForEnds(4);
  EXPECT_THAT(Ended(), ElementsAre("held", "query", "bulk 1", "bulk 2"));
}

TEST_F(EngineTest, AQueryPassesALongBulkPromptThatIsUnderWay) {
  EngineOptions options;
  options.step_tokens = 10;
  Start(options);
  Hold();
  EngineRequest bulk = Hidden("bulk", StoredCase(kModel, "image_video"), Priority::kBulk);
  Submit(std::move(bulk));
  Submit(Hidden("query", StoredCase(kModel, "text_short"), Priority::kInteractive));
  Release();
  WaitForEnds(3);
  EXPECT_THAT(Ended(), ElementsAre("held", "query", "bulk"));
  ExpectReference(HiddenOf("bulk"), LastRow("image_video"), 2e-4, "last hidden, passed", "bulk");
}

TEST_F(EngineTest, ACancelledSequenceIsNotRun) {
  Start({});
  Hold();
  EngineRequest request =
      Hidden("unwanted", StoredCase(kModel, "text_short"), Priority::kInteractive);
  const CancelFlag cancel = std::make_shared<absl::Notification>();
  request.call.cancel = cancel;
  Submit(std::move(request));
  cancel->Notify();
  Release();
  WaitForEnds(2);
  EXPECT_THAT(StatusOf("unwanted"), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_TRUE(HiddenOf("unwanted").empty());
}

TEST_F(EngineTest, ACancelledTextEndsBeforeTheNextStep) {
  Start({});
  EXPECT_EQ(engine_->load().decoded_tokens, 0);
  EngineRequest request = Hidden("text", RandomText(20), Priority::kInteractive);
  request.on_hidden = nullptr;
  request.max_new_tokens = 1000;
  const CancelFlag cancel = std::make_shared<absl::Notification>();
  request.call.cancel = cancel;
  EngineLoad under_way;
  int drawn = 0;
  request.on_logits = [&](std::span<float>) -> absl::StatusOr<std::optional<int32_t>> {
    under_way = engine_->load();
    if (++drawn == 3) cancel->Notify();
    return 1;
  };
  Submit(std::move(request));
  WaitForEnds(1);
  EXPECT_THAT(StatusOf("text"), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(drawn, 3);
  EXPECT_EQ(under_way.running, 1);
  EXPECT_GT(under_way.cache_share, 0);
  // The first token came with the prompt.
  EXPECT_EQ(engine_->load().decoded_tokens, 2);
  EXPECT_EQ(engine_->load().running, 0);
  EXPECT_EQ(engine_->load().cache_share, 0);
}

TEST_F(EngineTest, ASequencePastItsDeadlineIsNotRun) {
  Start({});
  Hold();
  EngineRequest request = Hidden("late", StoredCase(kModel, "text_short"), Priority::kInteractive);
  request.call.deadline = absl::Now() - absl::Seconds(1);
  Submit(std::move(request));
  Release();
  WaitForEnds(2);
  EXPECT_THAT(StatusOf("late"), StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_TRUE(HiddenOf("late").empty());
}

TEST_F(EngineTest, APartWhosePlacesAreTakenRefusesAtOnceAndTheOthersDoNot) {
  EngineOptions options;
  options.queue_capacity = 2;
  Start(options);
  ASSERT_OK_AND_ASSIGN(Place first, engine_->TakePlace(Part::kEncoder));
  ASSERT_OK_AND_ASSIGN(const Place second, engine_->TakePlace(Part::kEncoder));
  EXPECT_THAT(engine_->TakePlace(Part::kEncoder), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(engine_->TakePlace(Part::kGenerator), IsOk());
  first.reset();
  EXPECT_THAT(engine_->TakePlace(Part::kEncoder), IsOk());
}

TEST_F(EngineTest, RefusesPicturesThatWouldWaitBeyondTheByteLimit) {
  EngineOptions options;
  options.waiting_bytes = 200'000;  // one picture of 24 patches is 147 456
  Start(options);
  Hold();
  Submit(Hidden("first", StoredCase(kModel, "image"), Priority::kInteractive));
  std::vector<EngineRequest> more;
  more.push_back(Hidden("second", StoredCase(kModel, "image"), Priority::kInteractive));
  EXPECT_THAT(engine_->Submit(std::move(more)), StatusIs(absl::StatusCode::kResourceExhausted));
  Release();
  WaitForEnds(2);
  Submit(Hidden("third", StoredCase(kModel, "image"), Priority::kInteractive));
  WaitForEnds(3);
  EXPECT_THAT(StatusOf("third"), IsOk());
}

TEST_F(EngineTest, EndingTheEngineEndsWhatWaits) {
  Start({});
  Hold();
  Submit(Hidden("waiting", StoredCase(kModel, "text_short"), Priority::kInteractive));
  std::future<void> ending = std::async(std::launch::async, [&] { engine_.reset(); });
  // The engine's thread is held until here, so `waiting` cannot have been run before the end began,
  // unless the other thread is slower; either way it has its one end.
  Release();
  ending.get();
  EXPECT_EQ(Ended().size(), 2u);
  const absl::Status status = StatusOf("waiting");
  EXPECT_TRUE(status.ok() || absl::IsUnavailable(status)) << status;
}

}  // namespace
}  // namespace sightline::model
