#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/checkpoint.h"

namespace sightline::model {

// How far a checkpoint is from the one it was made from, on a text.
struct TextLoss {
  int64_t tokens = 0;                // that were foretold
  double original_nll = 0;           // mean -log p of the text's own next token, nats
  double nll = 0;                    // of the other
  double kl = 0;                     // mean KL(original || other) of the next token, nats
  double same_best = 0;              // share of places where both think the same token likeliest
  int embeddings = 0;                // lines of the text that were embedded
  double mean_embedding_cosine = 1;  // of the two checkpoints' vectors of a line
  double least_embedding_cosine = 1;
};

// Runs both over the first `max_tokens` of the text in pieces of kLossWindow tokens, each read from
// its own beginning, and over its first lines as documents to embed. kInvalidArgument: fewer than
// two tokens, or checkpoints of different vocabularies.
inline constexpr int64_t kLossWindow = 256;
absl::StatusOr<TextLoss> CompareOnText(std::shared_ptr<Checkpoint> original,
                                       std::shared_ptr<Checkpoint> other, absl::string_view text,
                                       int64_t max_tokens);

}  // namespace sightline::model
