#pragma once

#include <optional>
#include <string>

#include "base/image.h"

namespace sightline::query {

// What keeps a picture from showing much.
enum class PictureFault {
  kTiny,     // its shorter side has fewer than kTinySide pixels
  kEmpty,    // one colour, or next to
  kBlurred,  // BlurOf is kBlurred or more
};

inline constexpr int kTinySide = 16;
inline constexpr double kBlurred = 0.65;

// The first of the faults, in the order above, that the picture has. Looks at some 512 x 512 pixels
// at most, 5 ms. Any thread.
std::optional<PictureFault> FaultOf(const Image& image);

// How little a picture loses when it is blurred, [0, 1]: 0 = sharp edges alone, 1 = blurring
// changes nothing. Of the luma, made smaller to kBlurSide pixels (Crété-Roffet, Dolmiere, Ladret
// and Nicolas, "The Blur Effect: Perception and Estimation with a New No-Reference Perceptual Blur
// Metric", 2007, with a window of 9 pixels). 0 for a picture of one colour.
double BlurOf(const Image& image);
inline constexpr int kBlurSide = 512;

// "blurred: …", for a warning: the fault's name and what it means for a search.
std::string Describe(PictureFault fault);

}  // namespace sightline::query
