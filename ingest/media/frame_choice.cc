#include "ingest/media/frame_choice.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace sightline::media {
namespace {

// Of ffmpeg's scene score, which is small for steady motion however fast. A new slide of a talk
// has about 0.1, a cut of a film 0.3 and more.
constexpr float kCut = 0.1f;
constexpr double kShortestScene = 0.5;  // seconds

// The first frames of scenes, that of the whole first.
std::vector<ScannedFrame> Scenes(std::span<const ScannedFrame> frames) {
  std::vector<ScannedFrame> scenes = {frames.front()};
  for (const ScannedFrame& frame : frames.subspan(1)) {
    if (frame.change < kCut) continue;
    // What is over at once, as in a flash or a fade, gives way to what comes after it.
    if (frame.time - scenes.back().time < kShortestScene) {
      scenes.back() = frame;
    } else {
      scenes.push_back(frame);
    }
  }
  return scenes;
}

void KeepStrongest(size_t count, std::vector<ScannedFrame>& scenes) {
  if (scenes.size() <= count) return;
  const auto stronger = [](const ScannedFrame& a, const ScannedFrame& b) {
    return a.change > b.change;
  };
  const auto earlier = [](const ScannedFrame& a, const ScannedFrame& b) { return a.time < b.time; };
  const auto end = scenes.begin() + static_cast<ptrdiff_t>(count);
  std::nth_element(scenes.begin() + 1, end, scenes.end(), stronger);  // the first one stays
  scenes.erase(end, scenes.end());
  std::sort(scenes.begin(), scenes.end(), earlier);
}

double EndOf(const std::vector<ScannedFrame>& scenes, size_t i, double seconds) {
  return i + 1 < scenes.size() ? scenes[i + 1].time : seconds;
}

// Into how many parts a scene falls.
int64_t Parts(double length, double interval) {
  constexpr double kRounding = 1e-3;  // of times; ten seconds and a bit are not two parts of ten
  return std::max<int64_t>(1, std::llround(std::ceil((length - kRounding) / interval)));
}

}  // namespace

std::vector<double> ChooseFrames(std::span<const ScannedFrame> frames, double seconds,
                                 const FrameChoice& choice) {
  if (frames.empty()) return {};
  std::vector<ScannedFrame> scenes = Scenes(frames);
  KeepStrongest(static_cast<size_t>(choice.max_frames), scenes);
  const auto count = [&](double interval) {
    int64_t sum = 0;
    for (size_t i = 0; i < scenes.size(); ++i) {
      sum += Parts(EndOf(scenes, i, seconds) - scenes[i].time, interval);
    }
    return sum;
  };
  double interval = choice.interval;
  while (count(interval) > choice.max_frames) interval *= 1.05;
  std::vector<double> times;
  for (size_t i = 0; i < scenes.size(); ++i) {
    const double start = scenes[i].time;
    const double end = EndOf(scenes, i, seconds);
    const int64_t parts = Parts(end - start, interval);
    for (int64_t part = 0; part < parts; ++part) {
      const double wanted =
          start + (end - start) * static_cast<double>(part) / static_cast<double>(parts);
      const auto frame =
          std::lower_bound(frames.begin(), frames.end(), wanted,
                           [](const ScannedFrame& one, double time) { return one.time < time; });
      // Where a picture stood still no frame may be left before the next scene.
      if (frame == frames.end() || (part > 0 && frame->time >= end)) continue;
      if (times.empty() || frame->time > times.back()) times.push_back(frame->time);
    }
  }
  return times;
}

}  // namespace sightline::media
