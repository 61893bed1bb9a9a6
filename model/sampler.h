#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "model/generator.h"
#include "model/model_config.h"

namespace sightline::model {

struct SamplerOptions {
  float temperature = 1;                              // >= 0; 0, or below 1e-5 = greedy
  float top_p = 1;                                    // (0, 1]
  int top_k = 0;                                      // 0 = off
  float min_p = 0;                                    // [0, 1]; 0 = off
  float repetition_penalty = 1;                       // > 0
  float presence_penalty = 0;                         // finite
  float frequency_penalty = 0;                        // finite
  std::vector<std::pair<int32_t, float>> logit_bias;  // token, addend
  int logprobs = -1;  // likeliest tokens to remember beside the chosen one; -1 = none at all
};

// What the request says, else the checkpoint. kInvalidArgument names a value out of range.
absl::StatusOr<SamplerOptions> ResolveSampling(const SamplingParams& params,
                                               const GenerationConfig& defaults);

// The seed of choice `index` of several; that of the first is `seed` itself.
uint64_t ChoiceSeed(uint64_t seed, int index);

// A token and the natural logarithm of its share.
struct ScoredToken {
  int32_t token = 0;
  float logprob = 0;
};

// Chooses tokens for one sequence. One thread.
class Sampler {
 public:
  // `prompt` counts as seen by the repetition penalty, not by the other two. Equal options, seed,
  // prompt and logits give equal tokens.
  Sampler(const SamplerOptions& options, uint64_t seed, std::span<const int32_t> prompt);

  // Draws the next token and remembers it. -infinity forbids a token. The order is: repetition
  // penalty, presence and frequency penalty, bias, temperature, min_p (tokens less likely than that
  // part of the likeliest go), top_k (ties with the k-th stay), top_p (the least likely go while
  // their mass together is at most 1 - top_p; one always stays), draw. `logits` is changed by the
  // first three. kInternal: a NaN or +infinity among the logits, or nothing left to draw.
  //
  // Takes time linear in the vocabulary, without sorting it: the engine's other sequences wait.
  absl::StatusOr<int32_t> Next(std::span<float> logits);

  // Of the last token drawn: its share after penalties and bias, before temperature and what
  // follows, and the likeliest tokens of that distribution, best first, the lower id first among
  // equals. Only with options.logprobs >= 0.
  const ScoredToken& chosen() const { return chosen_; }
  const std::vector<ScoredToken>& top() const { return top_; }

  // Counts `token` as generated without drawing it.
  void Accept(int32_t token);

 private:
  // A token that competes for the draw.
  struct Candidate {
    float logit;
    int32_t token;
    double share;  // of the likeliest one's probability
  };

  void Penalize(std::span<float> logits) const;
  int32_t Draw(std::span<const float> logits, float largest);
  // Those of at least the cutoff of min_p and top_k, by token.
  void FillCandidates(std::span<const float> logits, float largest);
  void KeepTopP();
  void Score(std::span<const float> logits, float largest, int32_t token);
  // The k-th largest of `logits`, or -infinity when there are not so many.
  float KthLargest(std::span<const float> logits, size_t k);

  const SamplerOptions options_;
  std::mt19937_64 generator_;
  absl::flat_hash_set<int32_t> seen_;            // prompt and generated, for the repetition penalty
  absl::flat_hash_map<int32_t, int> generated_;  // how often

  ScoredToken chosen_;
  std::vector<ScoredToken> top_;
  // Kept from step to step, to allocate once.
  std::vector<Candidate> candidates_;
  std::vector<Candidate> order_;
  std::vector<float> largest_;
};

}  // namespace sightline::model
