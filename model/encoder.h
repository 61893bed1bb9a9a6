#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/image.h"
#include "model/call.h"
#include "model/picture_regions.h"

namespace sightline::model {

// What one embedding is made of. The prompt holds videos, then images, then texts, each in its
// order; with none of them it holds the text NULL. All text is data: control tokens in it stay
// plain text.
struct EncodeInput {
  std::string instruction;  // empty = the encoder's default
  std::vector<VideoFrames> videos;
  std::vector<ImagePtr> images;
  std::vector<std::string> texts;
};

// Turns text and pictures into unit vectors of one space. Methods may be called from any thread.
class Encoder {
 public:
  virtual ~Encoder() = default;

  virtual const ModelInfo& info() const = 0;

  // Floats of a full embedding.
  virtual int dimension() const = 0;

  // One unit vector an input, in order. `dimension` > 0 keeps that many leading floats and
  // normalises again (Matryoshka); 0 means all. kInvalidArgument: dimension out of range, a text
  // that is not UTF-8, an aspect ratio above 200, or an input longer than the context;
  // kResourceExhausted: the queue is full; kInternal: a value is not finite.
  virtual absl::StatusOr<std::vector<std::vector<float>>> Encode(
      std::span<const EncodeInput> inputs, int dimension, const CallOptions& call) = 0;

  // What the regions of a picture mean, with the default instruction, as pictures are stored: the
  // picture is looked at once, as a whole, and each region's embedding is made from what was seen
  // there alone. So the cosine of a query's vector with it says how well the query describes that
  // region. Costs some times what Encode does; `dimension` and errors as there.
  virtual absl::StatusOr<PictureRegions> EncodeRegions(const ImagePtr& picture, int dimension,
                                                       const CallOptions& call) = 0;

  // Tokens of `text` alone, without the prompt around it. For cutting passages.
  virtual absl::StatusOr<int> CountTokens(absl::string_view text) const = 0;
};

}  // namespace sightline::model
