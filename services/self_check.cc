#include "services/self_check.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "model/seal.h"

namespace sightline::services {
namespace {

constexpr absl::Duration kTimeout = absl::Minutes(5);  // the first call may warm up a device

constexpr char kText[] = "A red bicycle leans against a white wall. 白墙边的红色自行车";
constexpr char kOtherText[] = "The committee approved last year's accounts.";

absl::StatusOr<std::vector<float>> EncodeOnce(model::Encoder& encoder, const char* text) {
  const model::EncodeInput input = {.instruction = "", .videos = {}, .images = {}, .texts = {text}};
  SL_ASSIGN_OR_RETURN(auto vectors, encoder.Encode({&input, 1}, 0,
                                                   {.priority = model::Priority::kInteractive,
                                                    .deadline = absl::Now() + kTimeout,
                                                    .cancel = nullptr}));
  if (vectors.size() != 1 || vectors[0].size() != static_cast<size_t>(encoder.dimension())) {
    return absl::InternalError(
        absl::StrCat("expected one vector of ", encoder.dimension(), " floats"));
  }
  return std::move(vectors[0]);
}

}  // namespace

absl::Status CheckEncoder(model::Encoder& encoder) {
  const auto run = [&]() -> absl::Status {
    SL_ASSIGN_OR_RETURN(const std::vector<float> first, EncodeOnce(encoder, kText));
    SL_ASSIGN_OR_RETURN(const std::vector<float> second, EncodeOnce(encoder, kText));
    double norm = 0;
    double difference = 0;
    for (size_t i = 0; i < first.size(); ++i) {
      if (!std::isfinite(first[i]) || !std::isfinite(second[i])) {
        return absl::InternalError(absl::StrCat("value ", i, " is not finite"));
      }
      norm += static_cast<double>(first[i]) * first[i];
      difference += std::pow(static_cast<double>(first[i]) - second[i], 2);
    }
    if (std::abs(norm - 1) > 1e-2) {
      return absl::InternalError(
          absl::StrCat("the vector has length ", std::sqrt(norm), ", not 1"));
    }
    if (difference > 1e-4) {
      return absl::InternalError(
          absl::StrCat("two runs differ by ", std::sqrt(difference), " of a unit vector"));
    }
    SL_ASSIGN_OR_RETURN(const std::vector<float> other, EncodeOnce(encoder, kOtherText));
    double apart = 0;
    for (size_t i = 0; i < first.size(); ++i) {
      apart += std::pow(static_cast<double>(first[i]) - other[i], 2);
    }
    if (!(apart > 1e-6)) return absl::InternalError("two different texts give one vector");
    return absl::OkStatus();
  };
  return Annotate(run(), "model self-check");
}

absl::Status SelfTest(const model::LoadedModel& model) {
  if (model.folder.empty() || !model::HasSeal(model.folder)) {
    return model.encoder == nullptr ? absl::OkStatus() : CheckEncoder(*model.encoder);
  }
  const absl::StatusOr<model::SealCheck> check = model::CheckSeal(model, model.folder);
  if (!check.ok()) return Annotate(check.status(), "model self-test");
  if (check->holds()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the model is not what it was when it was sealed: ", check->Faults()));
}

}  // namespace sightline::services
