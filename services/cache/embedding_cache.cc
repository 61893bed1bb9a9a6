#include "services/cache/embedding_cache.h"

#include <bit>
#include <memory>
#include <string>
#include <utility>

#include "base/status.h"
#include "services/cache/cache_key.h"

namespace sightline::cache {
namespace {

void AddPicture(const Image& image, CacheKeyMaker& key) {
  key.Number(image.width).Number(image.height).Number(image.channels);
  key.Field(
      absl::string_view(reinterpret_cast<const char*>(image.pixels.data()), image.pixels.size()));
}

void AddInput(const model::EncodeInput& input, CacheKeyMaker& key) {
  key.Field(input.instruction);
  key.Number(input.videos.size());
  for (const VideoFrames& video : input.videos) {
    key.Number(std::bit_cast<uint64_t>(video.fps)).Number(video.frames.size());
    for (const ImagePtr& frame : video.frames) AddPicture(*frame, key);
  }
  key.Number(input.images.size());
  for (const ImagePtr& image : input.images) AddPicture(*image, key);
  key.Number(input.texts.size());
  for (const std::string& text : input.texts) key.Field(text);
}

}  // namespace

absl::StatusOr<std::vector<std::vector<float>>> EmbeddingCache::Encode(
    model::Encoder& encoder, std::span<const model::EncodeInput> inputs, int dimension,
    const model::CallOptions& call) {
  CacheKeyMaker maker(TenantSalt(secret_, call.tenant), "embedding");
  maker.Field(encoder.info().fingerprint).Field(call.adapter);
  maker.Number(static_cast<uint64_t>(dimension)).Number(inputs.size());
  for (const model::EncodeInput& input : inputs) AddInput(input, maker);
  const CacheKey key = maker.Make();
  if (const auto kept = vectors_.Find(key.bytes())) return *kept;

  SL_ASSIGN_OR_RETURN(std::vector<std::vector<float>> vectors,
                      encoder.Encode(inputs, dimension, call));
  size_t bytes = 0;
  for (const auto& vector : vectors) bytes += sizeof(vector) + vector.size() * sizeof(float);
  vectors_.Insert(key.bytes(), std::make_shared<const std::vector<std::vector<float>>>(vectors),
                  static_cast<int64_t>(bytes));
  return vectors;
}

}  // namespace sightline::cache
