#include "model/training_ops.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "model/training_kernels.h"

namespace sightline::model {
namespace {

at::Tensor Numbers(at::IntArrayRef shape, at::ScalarType type, double scale = 1) {
  return at::randn(shape).mul(scale).to(type).set_requires_grad(true);
}

// Results and gradients of `one` and of `other`, which are to be the same function.
void ExpectSame(const std::vector<at::Tensor>& inputs,
                const std::function<at::Tensor(const std::vector<at::Tensor>&)>& one,
                const std::function<at::Tensor(const std::vector<at::Tensor>&)>& other,
                double tolerance) {
  const at::Tensor found = one(inputs), expected = other(inputs);
  EXPECT_TRUE(at::allclose(found.to(at::kFloat), expected.to(at::kFloat), tolerance, tolerance));
  const at::Tensor change = at::randn(found.sizes()).to(found.scalar_type());
  std::vector<std::vector<at::Tensor>> gradients;
  for (const at::Tensor& y : {found, expected}) {
    y.backward(change);
    std::vector<at::Tensor>& own = gradients.emplace_back();
    for (const at::Tensor& input : inputs) {
      own.push_back(input.grad().to(at::kFloat).clone());
      at::Tensor(input).mutable_grad().reset();
    }
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto scale = gradients[1][i].abs().max().item<double>();
    EXPECT_LT(gradients[0][i].sub(gradients[1][i]).abs().max().item<double>(), tolerance * scale)
        << "input " << i;
  }
}

// Each type with what its rounding allows.
class TrainingOpsTest : public ::testing::TestWithParam<at::ScalarType> {
 protected:
  void SetUp() override { at::manual_seed(7); }
  double tolerance() const { return GetParam() == at::kFloat ? 2e-5 : 2e-2; }
};

TEST_P(TrainingOpsTest, RmsNorm) {
  ExpectSame(
      {Numbers({37, 4, 48}, GetParam()), Numbers({48}, GetParam())},
      [](const auto& in) { return TrainingRmsNorm(in[0], in[1], 1e-6); },
      [](const auto& in) {
        const at::Tensor wide = in[0].to(at::kFloat);
        const at::Tensor r = wide.square().mean(-1, true).add(1e-6).rsqrt();
        return wide.mul(r).mul(in[1].to(at::kFloat)).to(in[0].scalar_type());
      },
      tolerance());
}

TEST_P(TrainingOpsTest, RotationOfAView) {
  const at::Tensor angles = at::randn({19, 16});
  const Rotary rotary = RotaryFromAngles(angles);
  ExpectSame(
      {Numbers({19, 3, 5, 32}, GetParam())},
      [&](const auto& in) { return TrainingRotate(in[0].select(1, 1), rotary); },
      [&](const auto& in) {
        const at::Tensor x = in[0].select(1, 1).to(at::kFloat);
        const at::Tensor turned = at::cat({x.narrow(2, 16, 16).neg(), x.narrow(2, 0, 16)}, -1);
        return x.mul(rotary.cos.unsqueeze(1))
            .add(turned.mul(rotary.sin.unsqueeze(1)))
            .to(in[0].scalar_type());
      },
      tolerance());
}

TEST_P(TrainingOpsTest, SwiGlu) {
  ExpectSame(
      {Numbers({23, 64}, GetParam(), 4), Numbers({23, 64}, GetParam())},
      [](const auto& in) { return TrainingSwiGlu(in[0], in[1]); },
      [](const auto& in) {
        return at::silu(in[0].to(at::kFloat)).mul(in[1].to(at::kFloat)).to(in[0].scalar_type());
      },
      tolerance());
}

TEST_P(TrainingOpsTest, Gelu) {
  ExpectSame(
      {Numbers({23, 64}, GetParam(), 3)}, [](const auto& in) { return TrainingGelu(in[0]); },
      [](const auto& in) { return at::gelu(in[0].to(at::kFloat), "tanh").to(in[0].scalar_type()); },
      tolerance());
}

INSTANTIATE_TEST_SUITE_P(Types, TrainingOpsTest, ::testing::Values(at::kFloat, at::kBFloat16));

TEST(TrainingKernelsTest, InstructionSetsAgree) {
  const TrainingKernelSet* const wide = TrainingKernelsAvx512();
  if (wide == nullptr) GTEST_SKIP() << "this processor has no AVX-512";
  at::manual_seed(8);
  const at::Tensor x = at::randn({9, 80}).mul(5), dy = at::randn({9, 80});
  at::Tensor one = at::empty_like(x), other = at::empty_like(x);
  for (const bool back : {false, true}) {
    const auto run = [&](const TrainingKernelSet& set, const at::Tensor& out) {
      if (back) {
        set.of_float.gelu_backward(x.data_ptr<float>(), dy.data_ptr<float>(), x.numel(),
                                   out.data_ptr<float>());
      } else {
        set.of_float.gelu_forward(x.data_ptr<float>(), x.numel(), out.data_ptr<float>());
      }
    };
    run(*wide, one);
    run(*TrainingKernelsBase(), other);
    EXPECT_TRUE(at::allclose(one, other, 1e-5, 1e-6));
  }
}

TEST(TrainingOpsTest, TakeOnlyWhatAsksForGradientsAndFits) {
  const at::Tensor plain = at::zeros({4, 32});
  EXPECT_FALSE(TrainsOnCpu(plain, 32));
  EXPECT_TRUE(TrainsOnCpu(Numbers({4, 32}, at::kFloat), 32));
  EXPECT_FALSE(TrainsOnCpu(Numbers({4, 30}, at::kFloat), 30));
  EXPECT_FALSE(TrainsOnCpu(Numbers({4, 32}, at::kDouble), 32));
}

}  // namespace
}  // namespace sightline::model
