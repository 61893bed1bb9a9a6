#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/load.h"

namespace sightline::model {

// A seal is what a model's parts gave for fixed inputs on the day somebody was content with them:
// sightline-golden.json and sightline-golden.safetensors in the model's folder. They hold the
// inputs themselves (texts, and small pictures drawn by formula), embeddings of full dimension,
// reranker scores, the best logits of the generator's next token, and its greedy tokens; with the
// fingerprint, dtype and device of each part.
//
// Limits of a part, by the precision it was sealed with and runs in:
//
//   both "float32"   embeddings 1e-4 a number, scores 1e-4, logits 1e-3, tokens equal
//   otherwise        embeddings cosine >= 0.999, scores 0.05, logits 0.5, tokens equal
//
// A greedy token may differ where the two best logits were closer than twice the limit of logits;
// what follows it is not compared. A part whose fingerprint is another drifts whatever it gives.
struct SealLimits {
  double cosine;
  double number;  // of an embedding
  double score;
  double logit;
};
SealLimits LimitsFor(const ModelInfo& sealed, const ModelInfo& running);

// One comparison.
struct SealFigure {
  std::string part = {};   // "encoder", "reranker", "generator"
  std::string what = {};   // "fingerprint", "cosine", "number", "score", "logit", "token", "part"
  std::string input = {};  // which of the sealed ones; empty = the part as a whole
  double value = 0;
  double limit = 0;
  bool holds = true;
  std::string note = {};  // for people, where two numbers do not tell
};

struct SealCheck {
  std::vector<SealFigure> figures;
  bool holds() const;
  // In words the worst figure of each kind that does not hold and, of the parts that drifted, those
  // within the limits too. Empty where all holds.
  std::string Faults() const;
};

// Whether the folder has a seal.
bool HasSeal(const std::string& folder);

// Runs the model over the fixed inputs and writes the seal, replacing one that is there; then
// checks it. kInternal: two runs of the model differ by more than the limits; errors of the parts,
// naming the part, and of writing.
absl::Status WriteSeal(const LoadedModel& model, const std::string& folder);

// Runs the sealed inputs and compares. kNotFound: no seal; kDataLoss: a seal that cannot be read;
// errors of the parts, naming the part.
absl::StatusOr<SealCheck> CheckSeal(const LoadedModel& model, const std::string& folder);

}  // namespace sightline::model
