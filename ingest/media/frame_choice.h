#pragma once

#include <span>
#include <vector>

#include "ingest/media/messages.h"

namespace sightline::media {

struct FrameChoice {
  double interval = 10;  // seconds between two of one scene, at most; > 0
  int max_frames = 512;  // >= 1
};

// The times of the frames that stand for a video: the first of each scene that lasts half a second
// or longer, and others spread evenly over it where it is longer than the interval. When that is
// too many the interval widens; when there are too many scenes, those that differ most from the one
// before are kept. `frames` are all of the video's, in order; `seconds` is when the last one ends.
// In order, each the time of one of `frames`; empty only when they are. Pure.
std::vector<double> ChooseFrames(std::span<const ScannedFrame> frames, double seconds,
                                 const FrameChoice& choice);

}  // namespace sightline::media
