#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ingest/retry.h"
#include "model/encoder.h"

namespace sightline::ingest {

struct EmbedOptions {
  int dimension = 0;         // floats a vector, > 0
  int batch_inputs = 16;     // inputs a call
  int64_t batch_pixels = 0;  // of the pictures of a call; one larger picture goes alone
  bool patches = false;      // a picture alone is looked at patch by patch, in a call of its own
};

// What an input means; with patches, one unit vector each, where the options ask for them.
struct Embedding {
  std::vector<float> vector;
  std::vector<std::vector<float>> patches = {};
};

// Turns inputs into vectors, a batch at a time, behind every interactive call. One thread.
class Embedder {
 public:
  // Receives the embedding of the input that was added as `slot`, or why the encoder refused that
  // one input.
  using Sink = std::function<void(size_t slot, absl::StatusOr<Embedding>)>;

  // `encoder` and `retry` outlive the embedder. `cancel` is not null.
  Embedder(model::Encoder& encoder, const EmbedOptions& options, Retry& retry,
           model::CancelFlag cancel, Sink sink);

  // Adds one input; encodes the batch when it is full. The error of a call that failed as a whole.
  absl::Status Add(size_t slot, model::EncodeInput input);

  // Encodes what is left.
  absl::Status Finish();

 private:
  absl::Status EncodeBatch();
  absl::StatusOr<std::vector<std::vector<float>>> Encode(
      std::span<const model::EncodeInput> inputs);
  absl::Status EncodeOneByOne();
  // Gives the sink the picture's vector and those of its patches, which the encoder makes together.
  absl::Status EncodePatches(size_t slot, const ImagePtr& picture);

  model::Encoder& encoder_;
  const EmbedOptions options_;
  Retry& retry_;
  const model::CancelFlag cancel_;
  const Sink sink_;
  std::vector<size_t> slots_;
  std::vector<model::EncodeInput> inputs_;
  int64_t pixels_ = 0;
};

}  // namespace sightline::ingest
