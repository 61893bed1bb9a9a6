#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "model/generator.h"
#include "model/model_config.h"

namespace sightline::model {

struct SamplerOptions {
  float temperature = 1;         // >= 0; 0, or below 1e-5 = greedy
  float top_p = 1;               // (0, 1]
  int top_k = 0;                 // 0 = off
  float repetition_penalty = 1;  // > 0
  float presence_penalty = 0;    // finite
};

// What the request says, else the checkpoint. kInvalidArgument names a value out of range.
absl::StatusOr<SamplerOptions> ResolveSampling(const SamplingParams& params,
                                               const GenerationConfig& defaults);

// Chooses tokens for one sequence. One thread.
class Sampler {
 public:
  // `prompt` counts as seen by the repetition penalty, not by the presence penalty. Equal options,
  // seed, prompt and logits give equal tokens.
  Sampler(const SamplerOptions& options, uint64_t seed, std::span<const int32_t> prompt);

  // Draws the next token and remembers it. Transforms `logits` in place, in the order repetition,
  // presence, temperature, top_k, top_p; -infinity forbids a token.
  // kInternal: a NaN or +infinity among the logits, or nothing left to draw.
  absl::StatusOr<int32_t> Next(std::span<float> logits);

  // Counts `token` as generated without drawing it.
  void Accept(int32_t token);

 private:
  int32_t Draw(std::span<float> logits);

  const SamplerOptions options_;
  std::mt19937_64 generator_;
  absl::flat_hash_set<int32_t> seen_;  // prompt and generated
  absl::flat_hash_set<int32_t> generated_;
};

}  // namespace sightline::model
