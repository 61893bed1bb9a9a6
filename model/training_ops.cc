#include "model/training_ops.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "model/training_kernels.h"

namespace sightline::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

float* Numbers(const at::Tensor& x, float* /*type*/) { return x.data_ptr<float>(); }
Bf16Bits* Numbers(const at::Tensor& x, Bf16Bits* /*type*/) {
  return reinterpret_cast<Bf16Bits*>(x.data_ptr());
}

// Calls run(kernels, pointer of) with those of x's type.
template <typename Run>
void WithKernels(const at::Tensor& x, const Run& run) {
  const TrainingKernelSet& set = ChooseTrainingKernels();
  if (x.scalar_type() == at::kFloat) {
    run(set.of_float, [](const at::Tensor& t) { return Numbers(t, static_cast<float*>(nullptr)); });
  } else {
    run(set.of_bf16,
        [](const at::Tensor& t) { return Numbers(t, static_cast<Bf16Bits*>(nullptr)); });
  }
}

struct NormFunction : Function<NormFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            double eps) {
    const at::Tensor rows = x.contiguous();
    const int64_t n = rows.size(-1), count = rows.numel() / n;
    at::Tensor y = at::empty_like(rows);
    at::Tensor inverse = at::empty({count}, rows.options().dtype(at::kFloat));
    WithKernels(rows, [&](const auto& kernels, const auto& at) {
      kernels.norm_forward(at(rows), at(weight), count, n, static_cast<float>(eps), at(y),
                           inverse.data_ptr<float>());
    });
    context->save_for_backward({rows, weight, inverse});
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list changes) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &inverse = saved[2];
    const at::Tensor dy = changes[0].contiguous();
    const int64_t n = x.size(-1);
    at::Tensor dx = at::empty_like(x);
    at::Tensor dweight = at::zeros({n}, inverse.options());
    WithKernels(x, [&](const auto& kernels, const auto& at) {
      kernels.norm_backward(at(x), at(weight), inverse.data_ptr<float>(), at(dy), x.numel() / n, n,
                            at(dx), dweight.data_ptr<float>());
    });
    return {dx, dweight.to(weight.scalar_type()), at::Tensor()};
  }
};

struct RotateFunction : Function<RotateFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& cos,
                            const at::Tensor& sin) {
    context->save_for_backward({cos, sin});
    return Turned(x, cos, sin, /*back=*/false);
  }

  static variable_list backward(AutogradContext* context, variable_list changes) {
    const variable_list saved = context->get_saved_variables();
    return {Turned(changes[0].contiguous(), saved[0], saved[1], /*back=*/true), at::Tensor(),
            at::Tensor()};
  }

  static at::Tensor Turned(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin,
                           bool back) {
    at::Tensor y = at::empty(x.sizes(), x.options());
    WithKernels(x, [&](const auto& kernels, const auto& at) {
      kernels.rotate(at(x), x.stride(0), x.stride(1), cos.data_ptr<float>(), sin.data_ptr<float>(),
                     x.size(0), x.size(1), x.size(2), back, at(y));
    });
    return y;
  }
};

struct SwiGluFunction : Function<SwiGluFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate,
                            const at::Tensor& up) {
    context->save_for_backward({gate, up});
    at::Tensor y = at::empty_like(gate);
    WithKernels(gate, [&](const auto& kernels, const auto& at) {
      kernels.swiglu_forward(at(gate), at(up), gate.numel(), at(y));
    });
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list changes) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &gate = saved[0], &up = saved[1];
    const at::Tensor dy = changes[0].contiguous();
    at::Tensor dgate = at::empty_like(gate), dup = at::empty_like(up);
    WithKernels(gate, [&](const auto& kernels, const auto& at) {
      kernels.swiglu_backward(at(gate), at(up), at(dy), gate.numel(), at(dgate), at(dup));
    });
    return {dgate, dup};
  }
};

struct GeluFunction : Function<GeluFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x) {
    context->save_for_backward({x});
    at::Tensor y = at::empty_like(x);
    WithKernels(x, [&](const auto& kernels, const auto& at) {
      kernels.gelu_forward(at(x), x.numel(), at(y));
    });
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list changes) {
    const at::Tensor x = context->get_saved_variables()[0];
    const at::Tensor dy = changes[0].contiguous();
    at::Tensor dx = at::empty_like(x);
    WithKernels(x, [&](const auto& kernels, const auto& at) {
      kernels.gelu_backward(at(x), at(dy), x.numel(), at(dx));
    });
    return {dx};
  }
};

}  // namespace

bool TrainsOnCpu(const at::Tensor& x, int64_t n) {
  return x.requires_grad() && c10::GradMode::is_enabled() && x.is_cpu() &&
         (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16) &&
         n % kTrainingLanes == 0 && x.stride(-1) == 1;
}

at::Tensor TrainingRmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  return NormFunction::apply(x, weight, eps);
}

at::Tensor TrainingRotate(const at::Tensor& x, const Rotary& rotary) {
  return RotateFunction::apply(x, rotary.cos.to(at::kFloat).contiguous(),
                               rotary.sin.to(at::kFloat).contiguous());
}

at::Tensor TrainingSwiGlu(const at::Tensor& gate, const at::Tensor& up) {
  return SwiGluFunction::apply(gate.contiguous(), up.contiguous());
}

at::Tensor TrainingGelu(const at::Tensor& x) { return GeluFunction::apply(x.contiguous()); }

}  // namespace sightline::model
