#include "model/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace sightline::model {
namespace {

// Cooler than this is greedy: dividing by less would leave the range of a float.
constexpr float kMinTemperature = 1e-5f;
constexpr float kForbidden = -std::numeric_limits<float>::infinity();

absl::Status OutOfRange(absl::string_view name, float value, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(name, " is ", value, ", expected ", expected));
}

// First index of the largest.
int32_t ArgMax(std::span<const float> logits) {
  return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

// Tokens that compete for the draw, with their logits.
struct Choice {
  float logit;
  int32_t token;
};

// Those not forbidden, without the ones below the k-th largest; ties with it stay.
std::vector<Choice> TopK(std::span<const float> logits, int top_k) {
  std::vector<Choice> choices;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] != kForbidden) choices.push_back({logits[i], static_cast<int32_t>(i)});
  }
  if (top_k <= 0 || static_cast<size_t>(top_k) >= choices.size()) return choices;
  std::vector<float> values;
  values.reserve(choices.size());
  for (const Choice& choice : choices) values.push_back(choice.logit);
  std::nth_element(values.begin(), values.begin() + (top_k - 1), values.end(), std::greater<>());
  const float kth = values[top_k - 1];
  std::erase_if(choices, [&](const Choice& choice) { return choice.logit < kth; });
  return choices;
}

// Probabilities of `choices`, in their order.
std::vector<double> Softmax(const std::vector<Choice>& choices) {
  float largest = kForbidden;
  for (const Choice& choice : choices) largest = std::max(largest, choice.logit);
  std::vector<double> shares;
  shares.reserve(choices.size());
  double sum = 0;
  for (const Choice& choice : choices) {
    shares.push_back(std::exp(static_cast<double>(choice.logit) - largest));
    sum += shares.back();
  }
  for (double& share : shares) share /= sum;
  return shares;
}

// Drops the least likely while their mass together is at most 1 - top_p; one always stays.
void TopP(std::vector<Choice>& choices, float top_p) {
  if (top_p >= 1) return;
  std::stable_sort(choices.begin(), choices.end(),
                   [](const Choice& a, const Choice& b) { return a.logit > b.logit; });
  const std::vector<double> shares = Softmax(choices);
  double tail = 0;
  size_t kept = choices.size();
  while (kept > 1 && tail + shares[kept - 1] <= 1 - static_cast<double>(top_p)) {
    tail += shares[--kept];
  }
  choices.resize(kept);
}

}  // namespace

absl::StatusOr<SamplerOptions> ResolveSampling(const SamplingParams& params,
                                               const GenerationConfig& defaults) {
  SamplerOptions options;
  options.temperature =
      params.temperature.value_or(defaults.do_sample ? defaults.temperature : 0.0f);
  options.top_p = params.top_p.value_or(defaults.top_p);
  options.top_k = params.top_k.value_or(defaults.top_k);
  options.repetition_penalty = params.repetition_penalty.value_or(defaults.repetition_penalty);
  options.presence_penalty = params.presence_penalty.value_or(defaults.presence_penalty);
  // Written so that NaN fails.
  if (!(options.temperature >= 0 && options.temperature <= 100)) {
    return OutOfRange("temperature", options.temperature, "0 to 100");
  }
  if (!(options.top_p > 0 && options.top_p <= 1)) {
    return OutOfRange("top_p", options.top_p, "above 0, to 1");
  }
  if (options.top_k < 0) {
    return OutOfRange("top_k", static_cast<float>(options.top_k), "0 or more");
  }
  if (!(options.repetition_penalty > 0 && options.repetition_penalty <= 100)) {
    return OutOfRange("repetition_penalty", options.repetition_penalty, "above 0, to 100");
  }
  if (!(std::abs(options.presence_penalty) <= 100)) {
    return OutOfRange("presence_penalty", options.presence_penalty, "-100 to 100");
  }
  return options;
}

Sampler::Sampler(const SamplerOptions& options, uint64_t seed, std::span<const int32_t> prompt)
    : options_(options), generator_(seed), seen_(prompt.begin(), prompt.end()) {}

void Sampler::Accept(int32_t token) {
  seen_.insert(token);
  generated_.insert(token);
}

absl::StatusOr<int32_t> Sampler::Next(std::span<float> logits) {
  bool any = false;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (std::isnan(logits[i]) || logits[i] == std::numeric_limits<float>::infinity()) {
      return absl::InternalError(
          absl::StrCat("sampler: logit ", i, " of ", logits.size(), " is not finite"));
    }
    any = any || logits[i] != kForbidden;
  }
  if (!any) return absl::InternalError("sampler: every token is forbidden");
  const auto known = [&](int32_t token) {
    return token >= 0 && static_cast<size_t>(token) < logits.size();
  };
  if (options_.repetition_penalty != 1) {
    for (int32_t token : seen_) {
      if (!known(token)) continue;
      float& logit = logits[token];
      logit = logit > 0 ? logit / options_.repetition_penalty : logit * options_.repetition_penalty;
    }
  }
  if (options_.presence_penalty != 0) {
    for (int32_t token : generated_) {
      if (known(token)) logits[token] -= options_.presence_penalty;
    }
  }
  const int32_t token = options_.temperature < kMinTemperature ? ArgMax(logits) : Draw(logits);
  Accept(token);
  return token;
}

int32_t Sampler::Draw(std::span<float> logits) {
  for (float& logit : logits) logit /= options_.temperature;
  std::vector<Choice> choices = TopK(logits, options_.top_k);
  TopP(choices, options_.top_p);
  const std::vector<double> shares = Softmax(choices);
  // 53 bits of the generator as a number in [0, 1): the same everywhere, unlike std's
  // distributions.
  double left = static_cast<double>(generator_() >> 11) * 0x1.0p-53;
  for (size_t i = 0; i + 1 < choices.size(); ++i) {
    left -= shares[i];
    if (left < 0) return choices[i].token;
  }
  return choices.back().token;
}

}  // namespace sightline::model
