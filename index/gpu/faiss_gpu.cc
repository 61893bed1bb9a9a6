#include "index/gpu/faiss_gpu.h"

#include <faiss/IndexIVF.h>
#include <faiss/gpu/GpuIndexFlat.h>
#include <faiss/gpu/GpuIndexIVFPQ.h>
#include <faiss/gpu/StandardGpuResources.h>
#ifdef USE_NVIDIA_CUVS
#include <faiss/gpu/GpuIndexCagra.h>
#endif

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "absl/strings/str_cat.h"

namespace sightline::index::gpu {
namespace {

namespace fg = ::faiss::gpu;

// Half floats are multiplied with a query that FAISS rounds to half floats, an error of 2^-11 of
// each value, and sums are of floats.
constexpr float kFlatSlack = 1e-3f;
// Lists a query looks at; codes of a part of the vector, of a byte each.
constexpr int kProbes = 64;
constexpr int kCodeSizes[] = {64, 56, 48, 40, 32, 28, 24, 20, 16, 12, 8, 4, 3, 2, 1};

FaissIndex Flat(int device, int dimension, int64_t rows) {
  auto resources = std::make_shared<fg::StandardGpuResources>();
  fg::GpuIndexFlatConfig config;
  config.device = device;
  config.useFloat16 = true;
  FaissIndex out;
  out.index = std::make_unique<fg::GpuIndexFlat>(resources.get(), dimension,
                                                 faiss::METRIC_INNER_PRODUCT, config);
  out.resources = std::move(resources);
  out.parameters = [](faiss::IDSelector* selector) {
    auto parameters = std::make_unique<faiss::SearchParameters>();
    parameters->sel = selector;
    return parameters;
  };
  out.bytes = rows * dimension * 2;
  out.slack = kFlatSlack;
  return out;
}

FaissIndex IvfPq(int device, int dimension, int64_t rows) {
  const auto size = std::find_if(std::begin(kCodeSizes), std::end(kCodeSizes),
                                 [&](int parts) { return dimension % parts == 0; });
  const auto lists =
      static_cast<int>(std::clamp(4 * std::sqrt(static_cast<double>(rows)), 16.0, 65'536.0));
  auto resources = std::make_shared<fg::StandardGpuResources>();
  fg::GpuIndexIVFPQConfig config;
  config.device = device;
  config.useFloat16LookupTables = true;  // which the larger codes take
  FaissIndex out;
  out.index = std::make_unique<fg::GpuIndexIVFPQ>(resources.get(), dimension, lists, *size, 8,
                                                  faiss::METRIC_INNER_PRODUCT, config);
  out.resources = std::move(resources);
  out.parameters = [lists](faiss::IDSelector* selector) {
    auto parameters = std::make_unique<faiss::SearchParametersIVF>();
    parameters->sel = selector;
    parameters->nprobe = static_cast<size_t>(std::min(lists, kProbes));
    return parameters;
  };
  // Codes, numbers, and the centres of the lists.
  out.bytes = rows * (*size + int64_t{8}) + int64_t{lists} * dimension * 4;
  return out;
}

#ifdef USE_NVIDIA_CUVS
FaissIndex Cagra(int device, int dimension, int64_t rows) {
  auto resources = std::make_shared<fg::StandardGpuResources>();
  fg::GpuIndexCagraConfig config;
  config.device = device;
  FaissIndex out;
  out.bytes = rows * (dimension * int64_t{4} + static_cast<int64_t>(config.graph_degree) * 4);
  out.index = std::make_unique<fg::GpuIndexCagra>(resources.get(), dimension,
                                                  faiss::METRIC_INNER_PRODUCT, config);
  out.resources = std::move(resources);
  out.parameters = [](faiss::IDSelector* selector) {
    auto parameters = std::make_unique<fg::SearchParametersCagra>();
    parameters->sel = selector;
    parameters->itopk_size = 512;  // what may be asked for, and how far the walk looks
    return parameters;
  };
  out.most_hits = 512;
  out.trained_with_all = true;
  return out;
}
#endif

}  // namespace

absl::StatusOr<FaissFactory> FaissGpuFactory(int device, absl::string_view kind) {
  const auto with_device = [device](FaissIndex (*make)(int, int, int64_t)) {
    return [=](int dimension, int64_t rows) { return make(device, dimension, rows); };
  };
  if (kind == "faiss_flat") return with_device(Flat);
  if (kind == "faiss_ivfpq") return with_device(IvfPq);
#ifdef USE_NVIDIA_CUVS
  if (kind == "faiss_cagra") return with_device(Cagra);
#endif
  return absl::FailedPreconditionError(
      absl::StrCat("index device search ", kind, ": FAISS here has it not"));
}

}  // namespace sightline::index::gpu
