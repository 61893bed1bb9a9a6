#pragma once

#include <cstdint>

namespace sightline::index {

struct RowScore {
  int64_t row = 0;
  float score = 0;  // inner product
};

}  // namespace sightline::index
