#pragma once

#include "base/lru_cache.h"

namespace sightline::model {

struct VisionFeatures;

// What the vision tower made of recent pictures, so that a picture that is embedded, reranked and
// answered about is looked at once. Keys name the caller's tenant, the picture's content and how it
// was prepared.
using VisionCache = LruCache<VisionFeatures>;

}  // namespace sightline::model
