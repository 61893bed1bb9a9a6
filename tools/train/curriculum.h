#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/train/samples.h"

namespace sightline::train {

// What is taught from a step on.
struct Phase {
  int64_t from = 0;  // step
  // How many of a step's rounds go to each lesson, as shares.
  std::array<double, kLessons> shares = {};
};

// How a network is trained.
struct Curriculum {
  uint64_t seed = 1;
  double rate = 2e-3;  // highest
  int64_t warmup_steps = 200;
  int64_t steps = 0;  // in all; the rate falls linearly to 0 over the last decay_steps
  int64_t decay_steps = 0;
  double weight_decay = 0.1;
  // Above 0 a pass's loss L counts as L / (L + balance) with the denominator held fast: else
  // lessons whose tokens are mostly plain, as answers', are drowned by those where each is
  // uncertain, as boxes'. A lesson whose loss is far below `balance` fades away.
  double balance = 0;
  int rounds = 4;             // passes of each worker a step
  int writing_tokens = 4096;  // a pass
  int finding_queries = 64;
  int judging_pairs = 48;
  // Shares of the queries that are judged: an answer's sentence, with what it claims to rest on;
  // photos. The rest are of pages and texts.
  double judged_claims = 0.2;
  double judged_photos = 0.4;
  std::vector<Phase> phases;  // by step, at least one from step 0

  const Phase& At(int64_t step) const;
  double RateAt(int64_t step) const;
};

// Of a JSON file with those names, "phases" as [{"from": 0, "shares": {"describe": 2, …}}, …].
// kInvalidArgument names what is wrong.
absl::StatusOr<Curriculum> ReadCurriculum(const std::string& path);

}  // namespace sightline::train
