// A network that is trained computes what the one that serves computes, and its gradients are the
// derivatives of that.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "model/network.h"
#include "model/whole_run.h"
#include "tests/model/network_case.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::Floats;
using ::sightline::testing::GoldenPath;
using ::sightline::testing::MaxDifference;
using ::sightline::testing::StoredCase;
using ::sightline::testing::TestDevice;
using ::sightline::testing::TinyNetwork;

constexpr char kDense[] = "tiny-dense";

std::unique_ptr<Network> TrainableNetwork(at::ScalarType type) {
  auto weights = CheckpointWeights::Open(GoldenPath(kDense));
  EXPECT_TRUE(weights.ok()) << weights.status();
  NetworkTypes types;
  types.device = TestDevice();
  types.weights = types.compute = type;
  types.trainable = true;
  auto network =
      Network::Load(TinyNetwork(kDense).config,
                    std::shared_ptr<const CheckpointWeights>(*std::move(weights)), types);
  EXPECT_TRUE(network.ok()) << network.status();
  return *std::move(network);
}

// The logits of a sequence with one picture, [S, vocab], open to gradients.
at::Tensor Logits(const Network& network, const SequenceInput& input) {
  const auto tokens = static_cast<int64_t>(input.ids.size());
  const std::vector<int64_t> ids(input.ids.begin(), input.ids.end());
  const std::vector<int64_t> positions(input.positions.begin(), input.positions.end());
  const VisualInput& picture = input.visuals.front();
  const VisionFeatures features = network.vision.Forward(
      [&](int64_t begin, int64_t count, float* out) { picture.ReadPatches(begin, count, out); },
      {&picture.grid, 1});
  TextBatch batch;
  batch.visual_rows = at::tensor(input.visual_rows).to(network.device);
  batch.embeds = network.text.Embed(at::tensor(ids).to(network.device))
                     .index_copy(0, batch.visual_rows, features.tokens);
  batch.positions = at::tensor(positions).view({3, tokens}).to(network.device);
  batch.sequences.push_back({tokens, nullptr});
  batch.taps = features.taps;
  return network.text.Logits(network.text.FinalNorm(network.text.Forward(batch)));
}

// A number that depends on all of them.
at::Tensor Loss(const Network& network, const SequenceInput& input) {
  const at::Tensor logits = Logits(network, input);
  const at::Tensor target = at::arange(logits.size(0), at::kLong).to(logits.device());
  return at::cross_entropy_loss(logits.to(at::kFloat), target.remainder(logits.size(1)));
}

TEST(TrainingTest, ForwardIsThatOfTheNetworkThatServes) {
  const SequenceInput input = StoredCase(kDense, "image");
  const std::vector<float> serving = Floats(RunWhole(TinyNetwork(kDense), input, nullptr).logits);
  const auto network = TrainableNetwork(at::kFloat);
  EXPECT_LT(MaxDifference(Floats(Logits(*network, input).detach()), serving), 5e-4);
}

TEST(TrainingTest, GradientsAreTheDerivatives) {
  const SequenceInput input = StoredCase(kDense, "image");
  const auto network = TrainableNetwork(at::kFloat);
  Loss(*network, input).backward();
  const c10::NoGradGuard no_grad;
  for (const NamedTensor& parameter : network->trainable) {
    const at::Tensor gradient = parameter.tensor.grad();
    ASSERT_TRUE(gradient.defined()) << parameter.name;
    const auto length = gradient.norm().item<double>();
    ASSERT_GT(length, 0) << parameter.name;
    // Along the gradient the loss rises by its length.
    const double step = 4e-3 / length;
    at::Tensor weight = parameter.tensor;
    const at::Tensor direction = gradient.clone();
    weight.add_(direction, step);
    const auto above = Loss(*network, input).item<double>();
    weight.sub_(direction, 2 * step);
    const auto below = Loss(*network, input).item<double>();
    weight.add_(direction, step);
    const double rise = (above - below) / (2 * step * length);
    EXPECT_NEAR(rise, length, 0.05 * length + 2e-3) << parameter.name;
  }
}

TEST(TrainingTest, TensorsAreTheNetworksOwn) {
  const SequenceInput input = StoredCase(kDense, "image");
  const auto network = TrainableNetwork(at::kFloat);
  {
    const c10::NoGradGuard no_grad;
    for (const NamedTensor& parameter : network->trainable) {
      at::Tensor weight = parameter.tensor;
      weight.zero_();
    }
  }
  const std::vector<float> logits = Floats(Logits(*network, input).detach());
  EXPECT_EQ(logits, std::vector<float>(logits.size(), 0.0f));
  // The file's map, which others read, is as it was.
  EXPECT_NE(Floats(TrainableNetwork(at::kFloat)->trainable.front().tensor.detach()),
            Floats(network->trainable.front().tensor.detach()));
}

TEST(TrainingTest, RunsInBfloat16) {
  const SequenceInput input = StoredCase(kDense, "image");
  const auto network = TrainableNetwork(at::kBFloat16);
  const at::Tensor loss = Loss(*network, input);
  const auto exact = Loss(*TrainableNetwork(at::kFloat), input).item<double>();
  EXPECT_NEAR(loss.item<double>(), exact, 0.02 * exact);
  loss.backward();
  const auto wide = TrainableNetwork(at::kFloat);
  Loss(*wide, input).backward();
  for (size_t i = 0; i < network->trainable.size(); ++i) {
    const NamedTensor& parameter = network->trainable[i];
    ASSERT_TRUE(parameter.tensor.grad().defined()) << parameter.name;
    const at::Tensor gradient = parameter.tensor.grad().to(at::kFloat);
    const at::Tensor expected = wide->trainable[i].tensor.grad();
    EXPECT_LT(gradient.sub(expected).norm().item<double>(), 0.1 * expected.norm().item<double>())
        << parameter.name;
  }
}

}  // namespace
}  // namespace sightline::model
