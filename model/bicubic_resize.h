#pragma once

#include "absl/status/statusor.h"
#include "base/image.h"
#include "model/vision_size.h"

namespace sightline::model {

// Bicubic with antialias, equal to Pillow's resize of 8-bit pictures bit for bit: widened kernel
// (a = -0.5), weights as 22-bit integers, rounding after each of the two passes.
// `image` has 3 channels. kInvalidArgument: not so, or a side of `size` below 1.
absl::StatusOr<Image> ResizeBicubic(const Image& image, PixelSize size);

}  // namespace sightline::model
