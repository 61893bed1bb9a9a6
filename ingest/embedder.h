#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ingest/retry.h"
#include "ingest/shared_stages.h"
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

// Turns inputs into vectors, a batch at a time, behind every interactive call. While a batch is
// with the encoder the next one is gathered. One thread.
class Embedder {
 public:
  // Receives the embedding of the input that was added as `slot`, or why the encoder refused that
  // one input. Called on the embedder's thread.
  using Sink = std::function<void(size_t slot, absl::StatusOr<Embedding>)>;

  // All outlive the embedder. The retry is the embedder's alone until Finish has returned.
  struct Parts {
    model::Encoder& encoder;
    Retry& retry;
    SharedStages& shared;
  };

  // `cancel` is not null.
  Embedder(const Parts& parts, const EmbedOptions& options, model::CancelFlag cancel, Sink sink);
  ~Embedder();  // waits for the batch that is with the encoder
  Embedder(const Embedder&) = delete;
  Embedder& operator=(const Embedder&) = delete;

  // Before a picture of so many pixels is decoded for Add: waits until all documents together leave
  // room for it. kCancelled.
  absl::Status MakeRoom(int64_t pixels);

  // Adds one input; hands the batch to the encoder when it is full. The error of a call that failed
  // as a whole, which may be one for inputs added before.
  absl::Status Add(size_t slot, model::EncodeInput input);

  // Encodes what is left.
  absl::Status Finish();

  // Before its document waits for others: as Finish, and gives back room that was made. A picture
  // that is added then takes what it needs.
  absl::Status HoldNothing();

 private:
  using Vectors = std::vector<std::vector<float>>;

  struct Batch {
    std::vector<size_t> slots = {};
    std::vector<model::EncodeInput> inputs = {};
    int64_t pixels = 0;
    int64_t bytes = 0;
  };

  // What MakeRoom made, to what the picture takes.
  void AdjustRoom(int64_t pixels);
  // Hands over what was gathered, once the batch before it is done.
  absl::Status BeginBatch();
  // Waits for the batch that is with the encoder, if there is one.
  absl::Status EndBatch();
  absl::Status Deliver(const Batch& batch, absl::StatusOr<Vectors> vectors);
  absl::StatusOr<Vectors> Encode(std::span<const model::EncodeInput> inputs, int64_t bytes);
  absl::Status EncodeOneByOne(const Batch& batch);
  // Gives the sink the picture's vector and those of its patches, which the encoder makes together.
  absl::Status EncodePatches(size_t slot, const ImagePtr& picture);

  const Parts parts_;
  const EmbedOptions options_;
  const model::CancelFlag cancel_;
  const Sink sink_;
  int64_t room_ = 0;                                  // made and not used yet, pixels
  Batch next_;                                        // being gathered
  Batch running_;                                     // with the encoder, while `result_` is valid
  std::future<absl::StatusOr<Vectors>> result_ = {};  // of it
};

}  // namespace sightline::ingest
