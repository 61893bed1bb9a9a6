#pragma once

#include <cstdint>
#include <vector>

#include "tools/demo_world/catalogue.h"
#include "tools/demo_world/picture.h"

namespace sightline::demo_world {

// A photo of one item: pose, scale, background, light, noise, blur and crop vary with `view`, and
// at times a part of something else stands at the edge. 128 x 128, or 160 x 128, or 128 x 160.
Picture DrawPhoto(const Look& look, uint64_t view);

struct Scene {
  Picture picture;
  std::vector<Box> boxes;  // of the items, in the order given; what can be seen of each
};

// A photo of two to four items beside each other, none hidden by more than a little. 192 x 128 or
// 256 x 128 or 192 x 192.
Scene DrawScene(const std::vector<Look>& looks, uint64_t view);

}  // namespace sightline::demo_world
