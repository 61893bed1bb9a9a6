#include "model/sampler.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace sightline::model {
namespace {

// Cooler than this is greedy: dividing by less would leave the range of a float.
constexpr float kMinTemperature = 1e-5f;
constexpr float kForbidden = -std::numeric_limits<float>::infinity();
constexpr size_t kMaxEntries = 1024;
constexpr int kMaxLogprobs = 20;
// Up to here the k largest are found with a heap in one pass over the logits.
constexpr size_t kMaxHeap = 256;

absl::Status OutOfRange(absl::string_view name, float value, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(name, " is ", value, ", expected ", expected));
}

absl::Status TooMany(absl::string_view name, size_t count) {
  return absl::InvalidArgumentError(
      absl::StrCat(name, " has ", count, " entries, expected at most ", kMaxEntries));
}

absl::Status CheckBias(const std::vector<std::pair<int32_t, float>>& bias) {
  if (bias.size() > kMaxEntries) return TooMany("logit_bias", bias.size());
  absl::flat_hash_set<int32_t> ids;
  for (const auto& [id, addend] : bias) {
    if (id < 0) return OutOfRange("logit_bias: token id", static_cast<float>(id), "0 or more");
    if (!ids.insert(id).second) {
      return absl::InvalidArgumentError(absl::StrCat("logit_bias: token id ", id, " comes twice"));
    }
    if (!(std::abs(addend) <= 100)) {
      return OutOfRange(absl::StrCat("logit_bias of token ", id), addend, "-100 to 100");
    }
  }
  return absl::OkStatus();
}

// First index of the largest.
int32_t IndexOf(std::span<const float> logits, float largest) {
  return static_cast<int32_t>(std::find(logits.begin(), logits.end(), largest) - logits.begin());
}

// The largest of `logits`; a NaN wherever one of them is not finite and not forbidden. Without
// branches, so that the compiler makes it a vector loop.
float LargestOrNan(std::span<const float> logits) {
  float largest = kForbidden;
  int bad = 0;
  for (const float logit : logits) {
    bad |= static_cast<int>(!(logit < std::numeric_limits<float>::infinity()));
    largest = largest < logit ? logit : largest;
  }
  return bad != 0 ? std::numeric_limits<float>::quiet_NaN() : largest;
}

}  // namespace

absl::StatusOr<SamplerOptions> ResolveSampling(const SamplingParams& params,
                                               const GenerationConfig& defaults) {
  SamplerOptions options;
  options.temperature =
      params.temperature.value_or(defaults.do_sample ? defaults.temperature : 0.0f);
  options.top_p = params.top_p.value_or(defaults.top_p);
  options.top_k = params.top_k.value_or(defaults.top_k);
  options.min_p = params.min_p.value_or(0.0f);
  options.repetition_penalty = params.repetition_penalty.value_or(defaults.repetition_penalty);
  options.presence_penalty = params.presence_penalty.value_or(defaults.presence_penalty);
  options.frequency_penalty = params.frequency_penalty.value_or(0.0f);
  options.logit_bias = params.logit_bias;
  options.logprobs = params.logprobs.value_or(-1);
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
  if (!(options.min_p >= 0 && options.min_p <= 1)) {
    return OutOfRange("min_p", options.min_p, "0 to 1");
  }
  if (!(options.repetition_penalty > 0 && options.repetition_penalty <= 100)) {
    return OutOfRange("repetition_penalty", options.repetition_penalty, "above 0, to 100");
  }
  if (!(std::abs(options.presence_penalty) <= 100)) {
    return OutOfRange("presence_penalty", options.presence_penalty, "-100 to 100");
  }
  if (!(std::abs(options.frequency_penalty) <= 100)) {
    return OutOfRange("frequency_penalty", options.frequency_penalty, "-100 to 100");
  }
  SL_RETURN_IF_ERROR(CheckBias(options.logit_bias));
  if (params.stop_token_ids.size() > kMaxEntries) {
    return TooMany("stop_token_ids", params.stop_token_ids.size());
  }
  if (params.logprobs.has_value() && (*params.logprobs < 0 || *params.logprobs > kMaxLogprobs)) {
    return OutOfRange("logprobs", static_cast<float>(*params.logprobs),
                      absl::StrCat("0 to ", kMaxLogprobs));
  }
  return options;
}

uint64_t ChoiceSeed(uint64_t seed, int index) {
  if (index == 0) return seed;
  // The finisher of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
  // generators, 2014): neighbours get seeds that share nothing.
  uint64_t z = seed + static_cast<uint64_t>(index) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

Sampler::Sampler(const SamplerOptions& options, uint64_t seed, std::span<const int32_t> prompt)
    : options_(options), generator_(seed) {
  if (options_.repetition_penalty != 1) seen_.insert(prompt.begin(), prompt.end());
}

void Sampler::Accept(int32_t token) {
  if (options_.repetition_penalty != 1) seen_.insert(token);
  ++generated_[token];
}

void Sampler::Penalize(std::span<float> logits) const {
  const auto known = [&](int32_t token) {
    return token >= 0 && static_cast<size_t>(token) < logits.size();
  };
  for (const int32_t token : seen_) {
    if (!known(token)) continue;
    float& logit = logits[token];
    logit = logit > 0 ? logit / options_.repetition_penalty : logit * options_.repetition_penalty;
  }
  if (options_.presence_penalty != 0 || options_.frequency_penalty != 0) {
    for (const auto& [token, count] : generated_) {
      if (!known(token)) continue;
      logits[token] -=
          options_.presence_penalty + options_.frequency_penalty * static_cast<float>(count);
    }
  }
  for (const auto& [token, addend] : options_.logit_bias) {
    if (known(token)) logits[token] += addend;
  }
}

absl::StatusOr<int32_t> Sampler::Next(std::span<float> logits) {
  if (std::isnan(LargestOrNan(logits))) {
    const auto bad = std::find_if(logits.begin(), logits.end(), [](float logit) {
      return !(logit < std::numeric_limits<float>::infinity());
    });
    return absl::InternalError(absl::StrCat("sampler: logit ", bad - logits.begin(), " of ",
                                            logits.size(), " is not finite"));
  }
  Penalize(logits);
  const float largest = LargestOrNan(logits);
  if (largest == kForbidden) return absl::InternalError("sampler: every token is forbidden");
  const int32_t token =
      options_.temperature < kMinTemperature ? IndexOf(logits, largest) : Draw(logits, largest);
  if (options_.logprobs >= 0) Score(logits, largest, token);
  Accept(token);
  return token;
}

int32_t Sampler::Draw(std::span<const float> logits, float largest) {
  FillCandidates(logits, largest);
  if (options_.top_p < 1) KeepTopP();
  double sum = 0;
  for (const Candidate& candidate : candidates_) sum += candidate.share;
  // 53 bits of the generator as a number in [0, 1): the same everywhere, unlike std's
  // distributions.
  double left = static_cast<double>(generator_() >> 11) * 0x1.0p-53 * sum;
  int32_t drawn = 0;
  for (const Candidate& candidate : candidates_) {
    if (candidate.share == 0) continue;
    drawn = candidate.token;  // the last one when rounding leaves something over
    left -= candidate.share;
    if (left < 0) break;
  }
  return drawn;
}

void Sampler::FillCandidates(std::span<const float> logits, float largest) {
  float cutoff = kForbidden;
  if (options_.min_p > 0) cutoff = largest + options_.temperature * std::log(options_.min_p);
  if (options_.top_k > 0) {
    cutoff = std::max(cutoff, KthLargest(logits, static_cast<size_t>(options_.top_k)));
  }
  cutoff = std::min(cutoff, largest);
  const double temperature = options_.temperature;
  candidates_.clear();
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] >= cutoff && logits[i] != kForbidden) {
      const double below = static_cast<double>(logits[i]) - static_cast<double>(largest);
      candidates_.push_back({logits[i], static_cast<int32_t>(i), std::exp(below / temperature)});
    }
  }
}

float Sampler::KthLargest(std::span<const float> logits, size_t k) {
  if (k > logits.size()) return kForbidden;
  if (k > kMaxHeap) {
    largest_.assign(logits.begin(), logits.end());
    std::nth_element(largest_.begin(), largest_.begin() + static_cast<int64_t>(k - 1),
                     largest_.end(), std::greater<>());
    return largest_[k - 1];
  }
  // A heap of the k largest so far, the least of them in front: nearly every logit fails the one
  // comparison with it.
  largest_.assign(logits.begin(), logits.begin() + static_cast<int64_t>(k));
  std::make_heap(largest_.begin(), largest_.end(), std::greater<>());
  float least = largest_.front();
  for (const float logit : logits.subspan(k)) {
    if (logit <= least) continue;
    std::pop_heap(largest_.begin(), largest_.end(), std::greater<>());
    largest_.back() = logit;
    std::push_heap(largest_.begin(), largest_.end(), std::greater<>());
    least = largest_.front();
  }
  return least;
}

void Sampler::KeepTopP() {
  // Best first; a total order, so that what stays does not depend on how it is found.
  const auto better = [](const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
  };
  double sum = 0;
  for (const Candidate& candidate : candidates_) sum += candidate.share;
  // Mass that may still go.
  double spare = (1 - static_cast<double>(options_.top_p)) * sum;

  // Those with less than an equal part of the spare mass go at once: all of them together fit. Only
  // the others need an order.
  const double least = spare / static_cast<double>(candidates_.size());
  order_.clear();
  for (const Candidate& candidate : candidates_) {
    if (candidate.share < least) {
      spare -= candidate.share;
    } else {
      order_.push_back(candidate);
    }
  }
  // Halves what may hold the cut: the worse half goes whole, or the better one stays whole.
  auto begin = order_.begin();
  auto end = order_.end();
  while (end - begin > 1) {
    const auto middle = begin + (end - begin) / 2;
    std::nth_element(begin, middle, end, better);
    double mass = 0;
    for (auto it = middle; it != end; ++it) mass += it->share;
    if (mass <= spare) {
      spare -= mass;
      end = middle;
    } else {
      begin = middle;
    }
  }
  // One is left: it goes if it fits and is not the last of all.
  if (begin != order_.begin() && begin->share <= spare) --begin;
  // Those in front of `begin` are not in order, but the worst that stays is the worst of them.
  const Candidate worst = *std::max_element(order_.begin(), begin + 1, better);
  candidates_.erase(std::remove_if(candidates_.begin(), candidates_.end(),
                                   [&](const Candidate& c) { return better(worst, c); }),
                    candidates_.end());
}

void Sampler::Score(std::span<const float> logits, float largest, int32_t token) {
  // In four sums side by side: one would wait for each addition.
  double sums[4] = {0, 0, 0, 0};
  for (size_t i = 0; i < logits.size(); ++i) sums[i % 4] += std::exp(logits[i] - largest);
  const double total = largest + std::log(sums[0] + sums[1] + sums[2] + sums[3]);
  const auto score = [&](int32_t id) {
    return ScoredToken{id, static_cast<float>(static_cast<double>(logits[id]) - total)};
  };
  chosen_ = score(token);
  top_.clear();
  if (options_.logprobs == 0) return;
  const float kth = KthLargest(logits, static_cast<size_t>(options_.logprobs));
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] >= kth && logits[i] != kForbidden) top_.push_back(score(static_cast<int32_t>(i)));
  }
  std::stable_sort(top_.begin(), top_.end(), [&](const ScoredToken& a, const ScoredToken& b) {
    return logits[a.token] > logits[b.token];
  });
  if (top_.size() > static_cast<size_t>(options_.logprobs)) {
    top_.resize(static_cast<size_t>(options_.logprobs));
  }
}

}  // namespace sightline::model
