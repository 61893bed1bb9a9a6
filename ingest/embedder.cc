#include "ingest/embedder.h"

#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace sightline::ingest {
namespace {

int64_t PixelsOf(const model::EncodeInput& input) {
  int64_t pixels = 0;
  for (const auto& image : input.images) pixels += int64_t{image->width} * image->height;
  return pixels;
}

}  // namespace

Embedder::Embedder(model::Encoder& encoder, const EmbedOptions& options, Retry& retry,
                   model::CancelFlag cancel, Sink sink)
    : encoder_(encoder),
      options_(options),
      retry_(retry),
      cancel_(std::move(cancel)),
      sink_(std::move(sink)) {}

absl::Status Embedder::Add(size_t slot, model::EncodeInput input) {
  const bool picture_alone =
      input.images.size() == 1 && input.texts.empty() && input.videos.empty();
  if (options_.patches && picture_alone) return EncodePatches(slot, input.images.front());
  const int64_t pixels = PixelsOf(input);
  if (!inputs_.empty() && pixels_ + pixels > options_.batch_pixels) {
    SL_RETURN_IF_ERROR(EncodeBatch());
  }
  slots_.push_back(slot);
  inputs_.push_back(std::move(input));
  pixels_ += pixels;
  if (static_cast<int>(inputs_.size()) < options_.batch_inputs) return absl::OkStatus();
  return EncodeBatch();
}

absl::Status Embedder::Finish() { return inputs_.empty() ? absl::OkStatus() : EncodeBatch(); }

absl::StatusOr<std::vector<std::vector<float>>> Embedder::Encode(
    std::span<const model::EncodeInput> inputs) {
  const model::CallOptions call = {.priority = model::Priority::kBulk, .cancel = cancel_};
  SL_ASSIGN_OR_RETURN(auto vectors,
                      retry_([&] { return encoder_.Encode(inputs, options_.dimension, call); }));
  if (vectors.size() != inputs.size()) {
    return absl::InternalError(absl::StrCat("the encoder returned ", vectors.size(),
                                            " vectors for ", inputs.size(), " inputs"));
  }
  return vectors;
}

absl::Status Embedder::EncodeBatch() {
  auto vectors = Encode(inputs_);
  absl::Status status = vectors.status();
  if (vectors.ok()) {
    for (size_t i = 0; i < slots_.size(); ++i)
      sink_(slots_[i], Embedding{std::move((*vectors)[i])});
  } else if (absl::IsInvalidArgument(status)) {
    // One input is at fault; the others are kept.
    status = EncodeOneByOne();
  }
  slots_.clear();
  inputs_.clear();
  pixels_ = 0;
  return status;
}

absl::Status Embedder::EncodeOneByOne() {
  for (size_t i = 0; i < slots_.size(); ++i) {
    auto vector = Encode(std::span(inputs_).subspan(i, 1));
    if (!vector.ok() && !absl::IsInvalidArgument(vector.status())) return vector.status();
    if (vector.ok()) {
      sink_(slots_[i], Embedding{std::move(vector->front())});
    } else {
      sink_(slots_[i], vector.status());
    }
  }
  return absl::OkStatus();
}

absl::Status Embedder::EncodePatches(size_t slot, const ImagePtr& picture) {
  const model::CallOptions call = {.priority = model::Priority::kBulk, .cancel = cancel_};
  auto regions = retry_([&] { return encoder_.EncodeRegions(picture, options_.dimension, call); });
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
