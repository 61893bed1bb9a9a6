#pragma once

#include <map>
#include <memory>
#include <string>

#include "model/vision_cache.h"
#include "model/weight_pool.h"

namespace sightline::model {

// What the checkpoints of one bundle share while they are opened one after the other.
struct CommonParts {
  WeightPool weights;
  // By all that decides what features a prepared picture gets: checkpoints with equal vision towers
  // look at a picture once.
  std::map<std::string, std::shared_ptr<VisionCache>> vision_caches;
};

}  // namespace sightline::model
