#include "ingest/embedder.h"

#include <span>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace sightline::ingest {
namespace {

int64_t PixelsOf(const model::EncodeInput& input) {
  int64_t pixels = 0;
  for (const auto& image : input.images) pixels += int64_t{image->width} * image->height;
  return pixels;
}

int64_t BytesOf(const model::EncodeInput& input) {
  size_t bytes = 0;
  for (const auto& image : input.images) bytes += image->pixels.size();
  for (const std::string& text : input.texts) bytes += text.size();
  return static_cast<int64_t>(bytes);
}

}  // namespace

Embedder::Embedder(const Parts& parts, const EmbedOptions& options, model::CancelFlag cancel,
                   Sink sink)
    : parts_(parts), options_(options), cancel_(std::move(cancel)), sink_(std::move(sink)) {}

Embedder::~Embedder() {
  if (result_.valid()) {
    result_.wait();
    parts_.shared.pixels.Return(running_.pixels);
  }
  parts_.shared.pixels.Return(next_.pixels + room_);
}

absl::Status Embedder::Add(size_t slot, model::EncodeInput input) {
  const bool picture_alone =
      input.images.size() == 1 && input.texts.empty() && input.videos.empty();
  const int64_t pixels = PixelsOf(input);
  if (options_.patches && picture_alone) {
    const absl::Status status = EncodePatches(slot, input.images.front());
    AdjustRoom(0);
    return status;
  }
  if (!next_.inputs.empty() && next_.pixels + pixels > options_.batch_pixels) {
    SL_RETURN_IF_ERROR(BeginBatch());
  }
  AdjustRoom(pixels);
  room_ = 0;
  next_.slots.push_back(slot);
  next_.bytes += BytesOf(input);
  next_.inputs.push_back(std::move(input));
  next_.pixels += pixels;
  if (static_cast<int>(next_.inputs.size()) < options_.batch_inputs) return absl::OkStatus();
  return BeginBatch();
}

absl::Status Embedder::MakeRoom(int64_t pixels) {
  AdjustRoom(0);
  if (!parts_.shared.pixels.TryTake(pixels)) {
    // Whoever waits for room holds none.
    SL_RETURN_IF_ERROR(HoldNothing());
    if (!parts_.shared.pixels.Take(pixels, cancel_)) {
      return absl::CancelledError("cancelled while other documents were embedded");
    }
  }
  room_ = pixels;
  return absl::OkStatus();
}

void Embedder::AdjustRoom(int64_t pixels) {
  parts_.shared.pixels.Return(room_ - pixels);
  room_ = pixels;
}

// The last batch of a document is waited for in any case, so it takes no thread of its own.
absl::Status Embedder::Finish() {
  SL_RETURN_IF_ERROR(EndBatch());
  if (next_.inputs.empty()) return absl::OkStatus();
  const Batch last = std::exchange(next_, {});
  const auto give_back = absl::MakeCleanup([&] { parts_.shared.pixels.Return(last.pixels); });
  return Deliver(last, Encode(last.inputs, last.bytes));
}

absl::Status Embedder::HoldNothing() {
  AdjustRoom(0);
  return Finish();
}

absl::Status Embedder::BeginBatch() {
  SL_RETURN_IF_ERROR(EndBatch());
  running_ = std::exchange(next_, {});
  const absl::Status begun = CatchStatus("a thread for the encoder", [&] {
    result_ =
        std::async(std::launch::async, [this] { return Encode(running_.inputs, running_.bytes); });
    return absl::OkStatus();
  });
  if (!begun.ok()) parts_.shared.pixels.Return(running_.pixels);
  return begun;
}

absl::Status Embedder::EndBatch() {
  if (!result_.valid()) return absl::OkStatus();
  auto vectors = result_.get();
  const auto give_back = absl::MakeCleanup([this] {
    parts_.shared.pixels.Return(running_.pixels);
    running_ = {};
  });
  return Deliver(running_, std::move(vectors));
}

absl::StatusOr<Embedder::Vectors> Embedder::Encode(std::span<const model::EncodeInput> inputs,
                                                   int64_t bytes) {
  const model::CallOptions call = {.priority = model::Priority::kBulk, .cancel = cancel_};
  SL_ASSIGN_OR_RETURN(auto vectors, parts_.retry([&]() -> absl::StatusOr<Vectors> {
    StageClock::Work work(parts_.shared.embed);
    SL_ASSIGN_OR_RETURN(Vectors made, parts_.encoder.Encode(inputs, options_.dimension, call));
    work.Done(static_cast<int64_t>(inputs.size()), bytes);
    return made;
  }));
  if (vectors.size() != inputs.size()) {
    return absl::InternalError(absl::StrCat("the encoder returned ", vectors.size(),
                                            " vectors for ", inputs.size(), " inputs"));
  }
  return vectors;
}

absl::Status Embedder::Deliver(const Batch& batch, absl::StatusOr<Vectors> vectors) {
  // One input is at fault; the others are kept.
  if (absl::IsInvalidArgument(vectors.status())) return EncodeOneByOne(batch);
  SL_RETURN_IF_ERROR(vectors.status());
  for (size_t i = 0; i < batch.slots.size(); ++i) {
    sink_(batch.slots[i], Embedding{std::move((*vectors)[i])});
  }
  return absl::OkStatus();
}

absl::Status Embedder::EncodeOneByOne(const Batch& batch) {
  for (size_t i = 0; i < batch.slots.size(); ++i) {
    auto vector = Encode(std::span(batch.inputs).subspan(i, 1), BytesOf(batch.inputs[i]));
    if (!vector.ok() && !absl::IsInvalidArgument(vector.status())) return vector.status();
    if (vector.ok()) {
      sink_(batch.slots[i], Embedding{std::move(vector->front())});
    } else {
      sink_(batch.slots[i], vector.status());
    }
  }
  return absl::OkStatus();
}

absl::Status Embedder::EncodePatches(size_t slot, const ImagePtr& picture) {
  SL_RETURN_IF_ERROR(EndBatch());
  const model::CallOptions call = {.priority = model::Priority::kBulk, .cancel = cancel_};
  auto regions = parts_.retry([&]() -> absl::StatusOr<model::PictureRegions> {
    StageClock::Work work(parts_.shared.embed);
    SL_ASSIGN_OR_RETURN(auto made, parts_.encoder.EncodeRegions(picture, options_.dimension, call));
    work.Done(1, static_cast<int64_t>(picture->pixels.size()));
    return made;
  });
  if (regions.ok()) {
    sink_(slot, Embedding{std::move(regions->whole), std::move(regions->vectors)});
  } else if (absl::IsInvalidArgument(regions.status())) {
    sink_(slot, regions.status());
  } else {
    return regions.status();
  }
  return absl::OkStatus();
}

}  // namespace sightline::ingest
