#pragma once

#include <cstdint>

#include "base/stage_clock.h"
#include "ingest/held_bytes.h"
#include "ingest/ingestor.h"
#include "ingest/pixel_room.h"

namespace sightline::ingest {

// What the documents under way share: measures of the stages in this process, and bounds on the
// memory of all of them together. Any thread.
struct SharedStages {
  // For `documents` read at once.
  SharedStages(const IngestOptions& options, int documents)
      : tokenize("tokenize", documents),
        pixels(2 * options.batch_pixels),
        pictures(options.max_held_bytes) {}

  StageClock tokenize;             // texts are cut into passages; items are passages
  StageClock embed{"embed", 1};    // items are inputs of the encoder
  StageClock commit{"commit", 1};  // items are documents, stored with synced writes
  PixelRoom pixels;
  HeldBytes pictures;
};

}  // namespace sightline::ingest
