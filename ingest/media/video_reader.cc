#include "ingest/media/video_reader.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/status.h"
#include "ingest/media/frame_choice.h"
#include "ingest/media/reason.h"

namespace sightline::media {
namespace {

// Seconds of a video that are scanned in one step: as many as take some seconds, so that work can
// be stopped soon and starting a step costs little.
constexpr double kFirstPiece = 30;
constexpr double kLeastPiece = 5;
constexpr double kMostPiece = 1800;
constexpr absl::Duration kShortStep = absl::Seconds(2);
constexpr absl::Duration kLongStep = absl::Seconds(8);
constexpr size_t kMostFrames = 5'000'000;  // four hours at 240 a second are fewer
constexpr double kSameFrame = 2e-4;  // seconds; times come with about four digits behind the point

// Of no use to go on after.
bool EndsAll(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) || absl::IsDeadlineExceeded(status);
}

bool IsCutShort(const Reply& info) { return info.promised_seconds > 1.05 * info.seconds + 2; }

DocumentInfo InfoOf(FileType container, Reply reply) {
  DocumentInfo info;
  info.media_type = MediaTypeOf(container);
  info.seconds = reply.seconds;
  info.properties = std::move(reply.properties);
  if (IsCutShort(reply)) {
    info.problems.push_back(ReasonError(Reason::kCutShort, std::llround(reply.seconds),
                                        std::llround(reply.promised_seconds)));
  }
  for (ReplyPage& track : reply.pages) {
    for (const Reason reason : {track.reason, track.partial}) {
      if (reason != Reason::kNone) info.problems.push_back(ReasonError(reason));
    }
    std::erase_if(track.blocks, [](const TextBlock& block) { return !block.time.has_value(); });
    if (!track.blocks.empty()) info.subtitles.push_back(std::move(track.blocks));
  }
  return info;
}

// Where decoding has to begin so that a moment can be shown.
class Keyframes {
 public:
  explicit Keyframes(std::vector<double> times) : times_(std::move(times)) {}

  // The moment itself where the container knows better.
  double Before(double moment) const {
    const auto after = std::upper_bound(times_.begin(), times_.end(), moment);
    return after == times_.begin() ? (times_.empty() ? moment : 0) : *(after - 1);
  }

 private:
  const std::vector<double> times_;
};

class VideoScan {
 public:
  VideoScan(FileType container, const Keyframes& keyframes, const VideoStepper& step)
      : container_(container), keyframes_(keyframes), step_(step) {}

  // The next piece of the video, up to `last` at most. An error that ends all.
  absl::Status Go(double last, absl::Time deadline) {
    const double end = std::min(scanned_ + piece_, last);
    Request request;
    request.op = Op::kVideoScan;
    request.container = container_;
    // Two frames once more: the first ones of a piece have nothing to differ from. But a broken
    // piece is left behind.
    const bool goes_on = frames_.size() >= 2 && !is_broken_;
    request.from = goes_on ? frames_[frames_.size() - 2].time : scanned_;
    request.to = end;
    request.lead = keyframes_.Before(request.from);
    const absl::Time start = absl::Now();
    auto piece = step_(request, deadline);
    const absl::Duration taken = absl::Now() - start;
    is_broken_ = !piece.ok();
    if (taken < kShortStep) piece_ = std::min(2 * piece_, kMostPiece);
    if (taken > kLongStep) piece_ = std::max(piece_ / 2, kLeastPiece);
    if (EndsAll(piece.status())) return piece.status();
    if (piece.ok() && !IsPlausible(piece->reply.frames, end)) return ReasonError(Reason::kCrashed);
    if (!piece.ok()) {
      failed_.push_back({.time = {scanned_, end}, .status = piece.status(), .picture = {}});
    } else {
      for (const ScannedFrame& frame : piece->reply.frames) {
        if (frames_.empty() || frame.time > frames_.back().time + kSameFrame) {
          frames_.push_back(frame);
        }
      }
    }
    scanned_ = end;
    return absl::OkStatus();
  }

  double scanned() const { return scanned_; }
  const std::vector<ScannedFrame>& frames() const { return frames_; }
  std::vector<ExtractedFrame>& failed() { return failed_; }

 private:
  bool IsPlausible(const std::vector<ScannedFrame>& piece, double end) const {
    return (piece.empty() || piece.back().time <= end + 1) &&
           piece.size() + frames_.size() <= kMostFrames;
  }

  const FileType container_;
  const Keyframes& keyframes_;
  const VideoStepper& step_;
  double piece_ = kFirstPiece;
  double scanned_ = 0;      // seconds
  bool is_broken_ = false;  // the newest piece
  std::vector<ScannedFrame> frames_;
  std::vector<ExtractedFrame> failed_;  // pieces that could not be scanned
};

absl::Status ScanAll(double seconds, absl::Time deadline, const ExtractCallbacks& callbacks,
                     VideoScan& scan) {
  do {
    if (absl::Now() >= deadline) return ReasonError(Reason::kTimeout);
    // Beyond the end a little: the last frame may have no length.
    SL_RETURN_IF_ERROR(scan.Go(std::max(seconds, 1.0) + 0.1, deadline));
    if (callbacks.on_step) SL_RETURN_IF_ERROR(callbacks.on_step());
  } while (scan.scanned() < seconds);
  if (!scan.frames().empty()) return absl::OkStatus();
  return scan.failed().empty() ? ReasonError(Reason::kBadVideo) : scan.failed().front().status;
}

}  // namespace

absl::Status ReadVideo(FileType container, const VideoOptions& video, const ExtractOptions& options,
                       const ExtractCallbacks& callbacks, const VideoStepper& step) {
  const absl::Time deadline = std::min(options.deadline, absl::Now() + video.timeout);
  Request request;
  request.op = Op::kVideoInfo;
  request.container = container;
  SL_ASSIGN_OR_RETURN(VideoStep info, step(request, deadline));
  const double seconds = info.reply.seconds;
  const double longest = absl::ToDoubleSeconds(video.max_length);
  if (seconds > longest) {
    return ReasonError(Reason::kTooLong, std::llround(std::ceil(seconds)), std::llround(longest));
  }
  const Keyframes keyframes(std::move(info.reply.keyframes));
  SL_RETURN_IF_ERROR(callbacks.on_info(InfoOf(container, std::move(info.reply))));
  if (!callbacks.on_frame) return absl::OkStatus();

  VideoScan scan(container, keyframes, step);
  SL_RETURN_IF_ERROR(ScanAll(seconds, deadline, callbacks, scan));
  for (ExtractedFrame& failed : scan.failed()) {
    SL_RETURN_IF_ERROR(callbacks.on_frame(std::move(failed)));
  }
  const std::vector<double> times = ChooseFrames(
      scan.frames(), seconds,
      {.interval = absl::ToDoubleSeconds(video.interval), .max_frames = video.max_frames});
  request.op = Op::kVideoFrame;
  request.max_side = options.render_long_side;
  for (size_t i = 0; i < times.size(); ++i) {
    if (absl::Now() >= deadline) return ReasonError(Reason::kTimeout);
    ExtractedFrame frame;
    frame.time.start = i == 0 ? scan.frames().front().time : times[i];
    frame.time.end = std::max(frame.time.start, i + 1 < times.size() ? times[i + 1] : seconds);
    request.from = times[i];
    request.lead = keyframes.Before(times[i]);
    auto drawn = step(request, deadline);
    if (EndsAll(drawn.status()) && absl::Now() >= deadline) return drawn.status();
    if (absl::IsFailedPrecondition(drawn.status())) return drawn.status();
    frame.status = drawn.status();
    if (drawn.ok()) frame.picture = std::move(drawn->picture);
    SL_RETURN_IF_ERROR(callbacks.on_frame(std::move(frame)));
  }
  return absl::OkStatus();
}

}  // namespace sightline::media
