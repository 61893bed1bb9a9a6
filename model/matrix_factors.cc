#include "model/matrix_factors.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>
#include <tuple>

namespace sightline::model {
namespace {

constexpr int64_t kFullSide = 512;    // a full decomposition is quick below it
constexpr int64_t kOversampled = 16;  // vectors more than the rank looked for
constexpr int kIterations = 4;
constexpr uint64_t kSeed = 20;

struct Singular {
  at::Tensor u;       // [out, k]
  at::Tensor values;  // [k], falling
  at::Tensor v;       // [k, in]
};

at::Tensor Orthonormal(const at::Tensor& columns) {
  return std::get<0>(at::linalg_qr(columns, "reduced"));
}

Singular Leading(const at::Tensor& d, int64_t count) {
  Singular out;
  if (std::min(d.size(0), d.size(1)) <= kFullSide) {
    // In float64: the small singular values decide the rank.
    std::tie(out.u, out.values, out.v) = at::linalg_svd(d.to(at::kDouble), false);
    return {out.u.to(at::kFloat), out.values, out.v.to(at::kFloat)};
  }
  at::Generator generator = at::detail::createCPUGenerator(kSeed);
  const int64_t k = std::min({count + kOversampled, d.size(0), d.size(1)});
  at::Tensor q = Orthonormal(at::mm(d, at::randn({d.size(1), k}, generator, d.options())));
  for (int i = 0; i < kIterations; ++i) {
    q = Orthonormal(at::mm(d, Orthonormal(at::mm(d.t(), q))));
  }
  at::Tensor u;  // [k, k]
  std::tie(u, out.values, out.v) = at::linalg_svd(at::mm(q.t(), d), false);
  out.u = at::mm(q, u);
  out.values = out.values.to(at::kDouble);
  return out;
}

double ErrorOf(const at::Tensor& d, const MatrixFactors& factors, double norm) {
  const at::Tensor rest = d.sub(at::mm(factors.b, factors.a));
  return std::sqrt(rest.square().sum(at::kDouble).item<double>()) / norm;
}

MatrixFactors Cut(const Singular& singular, int64_t rank) {
  const at::Tensor root = singular.values.narrow(0, 0, rank).sqrt().to(at::kFloat);
  MatrixFactors out;
  out.rank = rank;
  out.b = singular.u.narrow(1, 0, rank).mul(root).contiguous();
  out.a = singular.v.narrow(0, 0, rank).mul(root.unsqueeze(1)).contiguous();
  return out;
}

}  // namespace

MatrixFactors FactorMatrix(const at::Tensor& difference, int64_t max_rank, double error) {
  const double squares = difference.square().sum(at::kDouble).item<double>();
  const Singular singular = Leading(difference, max_rank);
  const int64_t most = std::min(max_rank, singular.values.size(0));
  // What is left after `rank` terms is at least the squares of the values behind them that are
  // known.
  const at::Tensor falling = singular.values.contiguous();
  const double* const values = falling.data_ptr<double>();
  double left = 0;
  int64_t rank = falling.size(0);
  while (rank > 1 && left + values[rank - 1] * values[rank - 1] <= error * error * squares) {
    --rank;
    left += values[rank] * values[rank];
  }
  rank = std::min(rank, most);
  // There are values behind the known ones, and the iteration's are not quite the true ones: the
  // product itself decides.
  MatrixFactors factors = Cut(singular, rank);
  factors.error = ErrorOf(difference, factors, std::sqrt(squares));
  while (factors.error > error && rank < most) {
    factors = Cut(singular, ++rank);
    factors.error = ErrorOf(difference, factors, std::sqrt(squares));
  }
  return factors;
}

}  // namespace sightline::model
