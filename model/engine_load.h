#pragma once

#include <cstdint>

namespace sightline::model {

// What an engine has in hand at a moment, and has done since it began.
struct EngineLoad {
  int64_t running = 0;         // sequences under way
  int64_t waiting = 0;         // sequences that have not begun
  double cache_share = 0;      // of the bytes for keys and values, claimed by those under way
  int64_t decoded_tokens = 0;  // that went through the decoder after being generated, whatever
                               // became of their text
};

}  // namespace sightline::model
