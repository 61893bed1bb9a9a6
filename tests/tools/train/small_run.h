#pragma once

#include <memory>
#include <string>

#include "base/file.h"

namespace sightline::testing {

// A folder with a fresh checkpoint of the demo's kind, small enough to be trained in a test: two
// layers, 64 wide, its tokens learned from the demo world. Written once by
// tools/train/make_checkpoint.py; each call copies it. Null, with a test failure, when it cannot
// be.
std::unique_ptr<TempDir> SmallRun();

}  // namespace sightline::testing
