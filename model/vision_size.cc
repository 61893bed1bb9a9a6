#include "model/vision_size.h"

#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace sightline::model {
namespace {

constexpr double kMaxAspectRatio = 200;
// Sides beyond this come from a broken header, not from a picture.
constexpr int kMaxSide = 1 << 20;

absl::Status CheckInput(PixelSize in) {
  if (in.height < 1 || in.width < 1 || in.height > kMaxSide || in.width > kMaxSide) {
    return absl::InvalidArgumentError(absl::StrCat("picture is ", in.width, "x", in.height,
                                                   ", expected sides from 1 to ", kMaxSide));
  }
  const double longer = std::max(in.height, in.width);
  const double shorter = std::min(in.height, in.width);
  if (longer / shorter > kMaxAspectRatio) {
    return absl::InvalidArgumentError(absl::StrCat("picture is ", in.width, "x", in.height,
                                                   ", longer than ", kMaxAspectRatio,
                                                   " times its shorter side"));
  }
  return absl::OkStatus();
}

// Nearest multiple of `factor`, halves to the even one (the default rounding mode).
int RoundTo(double value, int factor) {
  return static_cast<int>(std::nearbyint(value / factor)) * factor;
}
int FloorTo(double value, int factor) {
  return static_cast<int>(std::floor(value / factor)) * factor;
}
int CeilTo(double value, int factor) {
  return static_cast<int>(std::ceil(value / factor)) * factor;
}

double Area(PixelSize size) { return static_cast<double>(size.height) * size.width; }

PixelSize Enlarge(PixelSize in, double scale, int factor) {
  return {CeilTo(in.height * scale, factor), CeilTo(in.width * scale, factor)};
}

// Never below one block a side.
PixelSize Shrink(PixelSize in, double scale, int factor) {
  return {std::max(factor, FloorTo(in.height / scale, factor)),
          std::max(factor, FloorTo(in.width / scale, factor))};
}

}  // namespace

absl::StatusOr<PixelSize> SmartResizeChat(PixelSize in, int factor, PixelLimits limits) {
  SL_RETURN_IF_ERROR(CheckInput(in));
  const PixelSize out = {RoundTo(in.height, factor), RoundTo(in.width, factor)};
  if (Area(out) > limits.max_pixels) {
    return Shrink(in, std::sqrt(Area(in) / limits.max_pixels), factor);
  }
  if (Area(out) < limits.min_pixels) {
    return Enlarge(in, std::sqrt(limits.min_pixels / Area(in)), factor);
  }
  return out;
}

absl::StatusOr<PixelSize> SmartResizeEmbed(PixelSize in, int factor, PixelLimits limits) {
  SL_RETURN_IF_ERROR(CheckInput(in));
  const PixelSize out = {std::max(factor, RoundTo(in.height, factor)),
                         std::max(factor, RoundTo(in.width, factor))};
  if (Area(out) > limits.max_pixels) {
    const double scale = std::sqrt(Area(in) / limits.max_pixels);
    return PixelSize{FloorTo(in.height / scale, factor), FloorTo(in.width / scale, factor)};
  }
  if (Area(out) < limits.min_pixels) {
    return Enlarge(in, std::sqrt(limits.min_pixels / Area(in)), factor);
  }
  return out;
}

absl::StatusOr<PixelSize> SmartResizeVideo(int num_frames, PixelSize in, int factor,
                                           int temporal_patch_size, PixelLimits limits) {
  SL_RETURN_IF_ERROR(CheckInput(in));
  if (in.height < factor || in.width < factor) {
    return absl::InvalidArgumentError(absl::StrCat("video frame is ", in.width, "x", in.height,
                                                   ", expected sides of at least ", factor));
  }
  const PixelSize out = {RoundTo(in.height, factor), RoundTo(in.width, factor)};
  const double volume = Area(out) * RoundTo(num_frames, temporal_patch_size);
  if (volume > limits.max_pixels) {
    return Shrink(in, std::sqrt(num_frames * Area(in) / limits.max_pixels), factor);
  }
  if (volume < limits.min_pixels) {
    return Enlarge(in, std::sqrt(limits.min_pixels / (num_frames * Area(in))), factor);
  }
  return out;
}

std::vector<int> SampleFrames(int total, double video_fps, double target_fps, int min_frames,
                              int max_frames) {
  const double wanted = std::min(total / video_fps * target_fps, static_cast<double>(max_frames));
  const int count = std::min({std::max(static_cast<int>(wanted), min_frames), max_frames, total});
  return EvenlySpaced(total, count, /*truncate=*/false);
}

std::vector<int> EvenlySpaced(int total, int count, bool truncate) {
  std::vector<int> indices(count, 0);
  if (count < 2) return indices;
  const double step = static_cast<double>(total - 1) / (count - 1);
  for (int i = 0; i + 1 < count; ++i) {
    indices[i] = static_cast<int>(truncate ? i * step : std::nearbyint(i * step));
  }
  indices.back() = total - 1;
  return indices;
}

std::vector<double> PairTimestamps(const std::vector<int>& indices, double video_fps) {
  std::vector<double> stamps;
  for (size_t i = 0; i < indices.size(); i += 2) {
    const double first = indices[i] / video_fps;
    const double second = indices[std::min(i + 1, indices.size() - 1)] / video_fps;
    stamps.push_back((first + second) / 2);
  }
  return stamps;
}

}  // namespace sightline::model
