#include "model/engine.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "model/network.h"
#include "tests/model/network_case.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::ExpectReference;
using ::sightline::testing::Floats;
using ::sightline::testing::GoldenPath;
using ::sightline::testing::GoldenTensors;
using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::sightline::testing::StoredCase;
using ::sightline::testing::Values;
using ::testing::ElementsAre;

constexpr char kModel[] = "tiny-dense";

// An engine of its own on tiny-dense, and the order in which its sequences ended.
class EngineTest : public ::testing::Test {
 protected:
  void Start(const EngineOptions& options) {
    auto config = LoadCheckpointConfig(GoldenPath(kModel));
    ASSERT_THAT(config, IsOk());
    auto weights = CheckpointWeights::Open(GoldenPath(kModel));
    ASSERT_THAT(weights, IsOk());
    NetworkTypes types;
    types.device = ::sightline::testing::TestDevice();
    auto network = Network::Load(config->model, *std::move(weights), types);
    ASSERT_THAT(network, IsOk());
    engine_ = std::make_unique<Engine>(*std::move(network), cache_, options);
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
