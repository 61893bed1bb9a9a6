#include "tools/train/trainer.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/status.h"
#include "model/load.h"
#include "model/safetensors.h"
#include "tests/support/status_matchers.h"
#include "tests/tools/train/small_run.h"
#include "tools/train/batch.h"
#include "tools/train/curve.h"

namespace sightline::train {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::SmallRun;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;

Curriculum SmallCurriculum() {
  Curriculum curriculum;
  curriculum.seed = 5;
  curriculum.rate = 5e-3;
  curriculum.warmup_steps = 4;
  curriculum.steps = 100;
  curriculum.rounds = 2;
  curriculum.writing_tokens = 300;
  curriculum.finding_queries = 6;
  curriculum.judging_pairs = 4;
  curriculum.phases.resize(1);
  curriculum.phases[0].shares.fill(1);
  return curriculum;
}

std::string Weights(const std::string& folder) {
  auto bytes = ReadFile(folder + "/training.safetensors");
  return bytes.ok() ? *std::move(bytes) : std::string();
}

TEST(TrainerTest, ARunThatWasInterruptedEndsWithTheSameWeights) {
  const auto whole = SmallRun(), parts = SmallRun();
  ASSERT_NE(whole, nullptr);
  const Curriculum curriculum = SmallCurriculum();
  {
    ASSERT_OK_AND_ASSIGN(const auto trainer,
                         Trainer::Open({.folder = whole->path(), .workers = 2}));
    for (int i = 0; i < 6; ++i) ASSERT_THAT(trainer->Advance(curriculum), IsOk());
    ASSERT_THAT(trainer->Save(), IsOk());
  }
  for (int sitting = 0; sitting < 2; ++sitting) {
    ASSERT_OK_AND_ASSIGN(const auto trainer,
                         Trainer::Open({.folder = parts->path(), .workers = 2}));
    EXPECT_EQ(trainer->step(), 3 * sitting);
    for (int i = 0; i < 3; ++i) ASSERT_THAT(trainer->Advance(curriculum), IsOk());
    ASSERT_THAT(trainer->Save(), IsOk());
  }
  const std::string weights = Weights(whole->path());
  EXPECT_FALSE(weights.empty());
  EXPECT_TRUE(weights == Weights(parts->path()));
  {
    ASSERT_OK_AND_ASSIGN(const auto trainer,
                         Trainer::Open({.folder = whole->path(), .workers = 2}));
    ASSERT_THAT(trainer->Advance(curriculum), IsOk());
    ASSERT_THAT(trainer->Save(), IsOk());
  }
  EXPECT_FALSE(weights == Weights(whole->path()));
}

TEST(TrainerTest, SamplesMadeAheadChangeNothing) {
  const auto plain = SmallRun(), ahead = SmallRun();
  ASSERT_NE(plain, nullptr);
  for (const auto& [folder, makers] : {std::pair(plain->path(), 0), std::pair(ahead->path(), 3)}) {
    ASSERT_OK_AND_ASSIGN(const auto trainer,
                         Trainer::Open({.folder = folder, .workers = 2, .makers = makers}));
    for (int i = 0; i < 4; ++i) ASSERT_THAT(trainer->Advance(SmallCurriculum()), IsOk());
    ASSERT_THAT(trainer->Save(), IsOk());
  }
  EXPECT_TRUE(Weights(plain->path()) == Weights(ahead->path()));
}

TEST(TrainerTest, LearnsToDescribe) {
  const auto run = SmallRun();
  ASSERT_NE(run, nullptr);
  Curriculum curriculum = SmallCurriculum();
  curriculum.phases[0].shares.fill(0);
  curriculum.phases[0].shares[static_cast<int>(Lesson::kDescribe)] = 1;
  ASSERT_OK_AND_ASSIGN(const auto trainer, Trainer::Open({.folder = run->path()}));
  std::vector<double> losses;
  for (int i = 0; i < 30; ++i) {
    ASSERT_THAT(trainer->Advance(curriculum), IsOk());
    const LessonSums sums = trainer->TakeSums()[static_cast<int>(Lesson::kDescribe)];
    losses.push_back(sums.loss / sums.passes);
  }
  EXPECT_LT(losses.back(), losses.front() - 2);
}

TEST(TrainerTest, ValidationChangesNothing) {
  const auto run = SmallRun();
  ASSERT_NE(run, nullptr);
  ASSERT_OK_AND_ASSIGN(const auto trainer, Trainer::Open({.folder = run->path()}));
  ASSERT_THAT(trainer->Save(), IsOk());
  const std::string before = Weights(run->path());
  ASSERT_OK_AND_ASSIGN(const std::vector<LessonSums> sums, trainer->Validate(SmallCurriculum(), 1));
  for (const LessonSums& sum : sums) EXPECT_EQ(sum.passes, 1);
  ASSERT_THAT(trainer->Save(), IsOk());
  EXPECT_TRUE(before == Weights(run->path()));
}

TEST(TrainerTest, ExportsBfloat16WithEverythingThatGoesWithIt) {
  const auto run = SmallRun(), out = SmallRun();
  ASSERT_NE(run, nullptr);
  ASSERT_OK_AND_ASSIGN(const auto trainer, Trainer::Open({.folder = run->path()}));
  ASSERT_THAT(trainer->Advance(SmallCurriculum()), IsOk());
  const std::string folder = out->path() + "/encoder";
  ASSERT_THAT(trainer->Export(folder), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto file,
                       model::SafetensorsFile::Open(folder + "/model.safetensors"));
  for (const model::TensorView& tensor : file->tensors()) {
    EXPECT_EQ(tensor.dtype, model::DType::kBF16) << tensor.name;
  }
  ASSERT_OK_AND_ASSIGN(const auto files, ModelFiles::Open(folder));
  EXPECT_EQ(files->config().model.dtype, "bfloat16");
  ASSERT_OK_AND_ASSIGN(const auto next, Trainer::Open({.folder = folder}));
  EXPECT_EQ(next->step(), 1);
  EXPECT_THAT(next->Advance(SmallCurriculum()), IsOk());
}

TEST(TrainerTest, AnAdapterIsTrainedBesideTheWeights) {
  const auto run = SmallRun(), parts = SmallRun(), out = SmallRun();
  ASSERT_NE(run, nullptr);
  Curriculum curriculum = SmallCurriculum();
  curriculum.rate = 2e-2;
  curriculum.phases[0].shares.fill(0);
  curriculum.phases[0].shares[static_cast<int>(Lesson::kDescribe)] = 1;
  std::vector<double> losses;
  const auto advance = [&](const std::string& folder, int steps) -> absl::Status {
    SL_ASSIGN_OR_RETURN(const auto trainer, Trainer::Open({.folder = folder, .adapter_rank = 3}));
    for (int i = 0; i < steps; ++i) {
      SL_RETURN_IF_ERROR(trainer->Advance(curriculum));
      const LessonSums sums = trainer->TakeSums()[static_cast<int>(Lesson::kDescribe)];
      losses.push_back(sums.loss / sums.passes);
    }
    SL_RETURN_IF_ERROR(trainer->Save());
    return trainer->Export(out->path() + "/adapter");
  };
  ASSERT_THAT(advance(parts->path(), 14), IsOk());
  ASSERT_THAT(advance(parts->path(), 16), IsOk());
  ASSERT_THAT(advance(run->path(), 30), IsOk());
  EXPECT_LT(losses.back(), losses.front() - 1);
  EXPECT_TRUE(Weights(run->path()) == Weights(parts->path()));  // whether interrupted or not

  ASSERT_OK_AND_ASSIGN(const auto file, model::SafetensorsFile::Open(
                                            out->path() + "/adapter/adapter_model.safetensors"));
  EXPECT_EQ(file->tensors().size(), 2u * 2 * 7);  // of two layers with seven matrices each
  for (const model::TensorView& tensor : file->tensors()) {
    EXPECT_THAT(tensor.name, HasSubstr("language_model.layers."));
    EXPECT_EQ(std::min(tensor.shape[0], tensor.shape[1]), 3) << tensor.name;
  }
  // What is served is what was trained: the loss of the base with the adapter merged is that of the
  // run, as its weights' means have it.
  ASSERT_OK_AND_ASSIGN(const auto trained,
                       Trainer::Open({.folder = run->path(), .adapter_rank = 3}));
  ASSERT_OK_AND_ASSIGN(const auto validated, trained->Validate(curriculum, 1));
  ASSERT_OK_AND_ASSIGN(const auto files, ModelFiles::Open(run->path()));
  ASSERT_OK_AND_ASSIGN(std::shared_ptr<const model::CheckpointWeights> weights,
                       model::CheckpointWeights::Open(run->path()));
  const std::string adapter = out->path() + "/adapter";
  demo_world::Random random =
      demo_world::Random(curriculum.seed).Fork(static_cast<int>(Lesson::kDescribe) + 1);
  ASSERT_OK_AND_ASSIGN(const PassSamples pass,
                       MakePass(*files, SampleMaker(*files, /*evaluation=*/true), curriculum,
                                Lesson::kDescribe, {}, random));
  const auto loss_of = [&](const std::vector<std::string>& merged) {
    const auto network = model::Network::Load(files->config().model, weights, {}, merged);
    EXPECT_TRUE(network.ok()) << network.status();
    const c10::NoGradGuard no_grad;
    return PassLoss(**network, *files, pass).loss.item<double>();
  };
  const double right = validated[static_cast<int>(Lesson::kDescribe)].loss;
  EXPECT_NEAR(loss_of({adapter}), right, 0.02);
  EXPECT_GT(loss_of({}), right + 1);

  ASSERT_THAT(WriteFileAtomic(out->path() + "/sightline.json",
                              R"({"reranker":{"folder":"writer","adapter":"adapter"}})"),
              IsOk());
  std::filesystem::rename(run->path(), out->path() + "/writer");
  ASSERT_OK_AND_ASSIGN(const model::LoadedModel loaded, model::Load(out->path(), {}));
  const model::RerankItem item = {.videos = {}, .images = {}, .texts = {"a red mug"}};
  EXPECT_THAT(loaded.reranker->Rerank("", item, std::span(&item, 1), {}), IsOk());
}

TEST(TrainerTest, ARunWithoutACheckpointIsRefused) {
  ASSERT_OK_AND_ASSIGN(const auto empty, TempDir::Create());
  EXPECT_THAT(Trainer::Open({.folder = empty->path()}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("config.json")));
}

TEST(BatchTest, NeighboursAndPaddingChangeNothing) {
  const auto run = SmallRun();
  ASSERT_NE(run, nullptr);
  ASSERT_OK_AND_ASSIGN(const auto files, ModelFiles::Open(run->path()));
  ASSERT_OK_AND_ASSIGN(std::shared_ptr<const model::CheckpointWeights> weights,
                       model::CheckpointWeights::Open(run->path()));
  ASSERT_OK_AND_ASSIGN(const auto network,
                       model::Network::Load(files->config().model, weights, {}));
  demo_world::Random random(3);
  const SampleMaker maker(*files, /*evaluation=*/false);
  std::vector<model::Prompt> prompts;
  for (const Lesson lesson : {Lesson::kAnswer, Lesson::kDescribe, Lesson::kRead}) {
    ASSERT_OK_AND_ASSIGN(WritingSamples made, maker.Writing(lesson, 60, random));
    for (model::Prompt& prompt : made.prompts) prompts.push_back(std::move(prompt));
  }
  const c10::NoGradGuard no_grad;
  ASSERT_OK_AND_ASSIGN(const Batch together, MakeBatch(*files, prompts));
  const at::Tensor hidden = RunBatch(*network, together);
  for (size_t p = 0; p < prompts.size(); ++p) {
    ASSERT_OK_AND_ASSIGN(const Batch single, MakeBatch(*files, {&prompts[p], 1}));
    const auto tokens = static_cast<int64_t>(prompts[p].ids.size());
    const at::Tensor alone = RunBatch(*network, single).narrow(0, 0, tokens);
    const at::Tensor among = hidden.narrow(0, together.offsets[p], tokens);
    EXPECT_TRUE(at::allclose(alone, among, 1e-4, 1e-4)) << "prompt " << p;
  }
}

TEST(OptimizerTest, MuonMovesAlongAnOrthogonalMatrix) {
  at::manual_seed(1);
  Parameter parameter;
  parameter.name = "model.language_model.layers.0.mlp.up_proj.weight";
  parameter.value = at::zeros({48, 96});
  parameter.first = at::zeros({48, 96});
  parameter.gradient = at::randn({48, 96});
  std::vector<Parameter> parameters = {parameter};
  Step(parameters, {.rate = 1, .weight_decay = 0}, 1, 1);
  const at::Tensor moved = parameters[0].value.div(-0.2 * std::sqrt(96.0));
  const at::Tensor singular = at::linalg_svdvals(moved);
  EXPECT_GT(singular.min().item<double>(), 0.5);
  EXPECT_LT(singular.max().item<double>(), 1.35);
  // Downhill.
  EXPECT_GT(moved.mul(parameter.gradient).sum().item<double>(), 0);
}

TEST(OptimizerTest, AGradientThatIsNotFiniteChangesNothing) {
  Parameter parameter;
  parameter.name = "model.language_model.norm.weight";
  parameter.value = at::ones({2});
  parameter.first = at::zeros({2});
  parameter.second = at::zeros({2});
  parameter.gradient = at::tensor({1.0f, std::numeric_limits<float>::quiet_NaN()});
  std::vector<Parameter> parameters = {parameter};
  EXPECT_FALSE(std::isfinite(Step(parameters, {}, 1, 1)));
  EXPECT_TRUE(at::equal(parameters[0].value, at::ones({2})));
  EXPECT_TRUE(at::equal(parameters[0].first, at::zeros({2})));
}

TEST(TrainerTest, AFileThatIsNotWholeIsRefused) {
  const auto run = SmallRun();
  ASSERT_NE(run, nullptr);
  {
    ASSERT_OK_AND_ASSIGN(const auto trainer, Trainer::Open({.folder = run->path()}));
    ASSERT_THAT(trainer->Save(), IsOk());
  }
  const std::string saved = Weights(run->path());
  ASSERT_THAT(WriteFileAtomic(run->path() + "/training.safetensors",
                              absl::string_view(saved).substr(0, saved.size() / 2)),
              IsOk());
  EXPECT_THAT(Trainer::Open({.folder = run->path()}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("training.safetensors")));
}

TEST(OptimizerTest, TheFirstStepOfAdamIsTheRateInEveryPlace) {
  Parameter parameter;
  parameter.name = "model.language_model.norm.weight";
  parameter.value = at::zeros({5});
  parameter.first = at::zeros({5});
  parameter.second = at::zeros({5});
  parameter.gradient = at::tensor({0.1f, -0.2f, 0.3f, -0.4f, 0.5f});
  std::vector<Parameter> parameters = {parameter};
  Step(parameters, {.rate = 0.01, .weight_decay = 0}, 1, 2);
  EXPECT_TRUE(at::allclose(parameters[0].value, parameter.gradient.sign().mul(-0.01), 1e-4, 1e-6));
}

TEST(LossTest, BalancedLossesWeighAlikeHoweverHighTheyAre) {
  for (const float height : {0.02f, 2.0f}) {
    at::Tensor weight = at::full({}, height).requires_grad_(true);
    Balanced(weight.mul(3), 0.0).backward();
    EXPECT_FLOAT_EQ(weight.grad().item<float>(), 3);
    weight.mutable_grad().reset();
    Balanced(weight.mul(3), 0.01).backward();
    EXPECT_FLOAT_EQ(weight.grad().item<float>(), 3 / (3 * height + 0.01f));
  }
}

TEST(CurriculumTest, RisesStaysAndFalls) {
  Curriculum curriculum;
  curriculum.rate = 1;
  curriculum.warmup_steps = 10;
  curriculum.steps = 100;
  curriculum.decay_steps = 20;
  EXPECT_DOUBLE_EQ(curriculum.RateAt(4), 0.5);
  EXPECT_DOUBLE_EQ(curriculum.RateAt(50), 1);
  EXPECT_DOUBLE_EQ(curriculum.RateAt(90), 0.5);
  EXPECT_DOUBLE_EQ(curriculum.RateAt(99), 0.05);
}

TEST(CurriculumTest, NamesWhatIsWrong) {
  ASSERT_OK_AND_ASSIGN(const auto folder, TempDir::Create());
  const std::string path = folder->path() + "/curriculum.json";
  const auto read = [&](const std::string& text) {
    EXPECT_THAT(WriteFileAtomic(path, text), IsOk());
    return ReadCurriculum(path).status();
  };
  EXPECT_THAT(read(R"({"steps": 5, "phases": [{"from": 0, "shares": {"read": 1}}]})"), IsOk());
  EXPECT_THAT(read(R"({"steps": 5, "phases": [{"from": 0, "shares": {"sing": 1}}]})"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("sing")));
  EXPECT_THAT(read(R"({"stepps": 5})"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("stepps")));
  EXPECT_THAT(
      read(R"({"steps": 5, "balance": -1, "phases": [{"from": 0, "shares": {"read": 1}}]})"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("balance")));
  EXPECT_THAT(read(R"({"steps": 5, "judged_claims": 0.7, "judged_photos": 0.4,
                       "phases": [{"from": 0, "shares": {"read": 1}}]})"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("judged_claims")));
  EXPECT_THAT(read("{"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(read(R"({"steps": 5, "phases": []})"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("phases")));
}

TEST(CurveTest, RowsBeyondTheStepGo) {
  ASSERT_OK_AND_ASSIGN(const auto folder, TempDir::Create());
  const std::string path = folder->path() + "/curve.csv";
  std::vector<LessonSums> sums(kLessons);
  sums[0] = {.loss = 3, .right = 1, .counted = 2, .whole = 0, .samples = 1, .passes = 2};
  {
    ASSERT_OK_AND_ASSIGN(Curve curve, Curve::Open(path, 0));
    for (const int64_t step : {10, 20, 30}) {
      ASSERT_THAT(curve.Add(step, 0.1, 1, sums), IsOk());
    }
  }
  ASSERT_OK_AND_ASSIGN(Curve curve, Curve::Open(path, 20));
  ASSERT_THAT(curve.Add(25, 0.1, 1, sums), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadFile(path));
  EXPECT_THAT(text, HasSubstr("\n20,"));
  EXPECT_THAT(text, HasSubstr("\n25,"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("\n30,")));
  EXPECT_THAT(text, HasSubstr(",1.5000,0.5000,0.0000"));
}

}  // namespace
}  // namespace sightline::train
