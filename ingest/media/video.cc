#include "ingest/media/video.h"

#include <algorithm>
#include <initializer_list>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "ingest/media/block_sink.h"
#include "ingest/media/jpeg_header.h"
#include "ingest/media/subtitles.h"
#include "ingest/media/tool.h"
#include "ingest/media/video_probe.h"

namespace sightline::media {
namespace {

constexpr size_t kMaxProbeBytes = 1 << 20;
constexpr size_t kMaxPacketBytes = size_t{128} << 20;  // a packet takes about 30
constexpr size_t kMaxScanBytes = size_t{16} << 20;     // a frame takes about 70
constexpr size_t kMaxPictureBytes = size_t{64} << 20;
constexpr size_t kMaxTracks = 8;  // of subtitles
// Tools are asked for a moment a little before the one that is meant, since times are written with
// six digits; frames are farther apart.
constexpr double kSlack = 0.0005;
// A keyframe is sought by when it is decoded, which is before it is shown.
constexpr double kBeforeKeyframe = 1;
constexpr int kScanTicks = 90'000;  // a second; times of scanned frames come in these

// What ffmpeg calls the container. Told so, it tries no other.
const char* Demuxer(FileType container) {
  switch (container) {
    case FileType::kMp4: return "mov";
    case FileType::kMatroska:
    case FileType::kWebm: return "matroska";
    case FileType::kAvi: return "avi";
    case FileType::kMpegTs: return "mpegts";
    case FileType::kMpegPs: return "mpeg";
    case FileType::kOgg: return "ogg";
    default: return nullptr;
  }
}

// These have no index. In them a time counts from the first picture, in the others from the first
// of all streams.
bool CountsFromPictures(FileType container) {
  return container == FileType::kMpegTs || container == FileType::kMpegPs;
}

void Add(std::vector<std::string>& arguments, std::initializer_list<std::string> more) {
  arguments.insert(arguments.end(), more);
}

ToolRun MakeRun(const Setup& setup, const char* name, int file, absl::Duration timeout,
                size_t max_output_bytes) {
  ToolRun run;
  run.name = name;
  run.file = file;
  run.timeout = timeout;
  run.memory_bytes = setup.memory_bytes;
  run.max_output_bytes = max_output_bytes;
  return run;
}

ToolRun MakeProbe(const Setup& setup, const Request& request, int file, absl::Duration timeout,
                  size_t max_output_bytes) {
  ToolRun run = MakeRun(setup, "ffprobe", file, timeout, max_output_bytes);
  run.arguments = {"-v", "error",   "-protocol_whitelist", "file", "-f", Demuxer(request.container),
                   "-i", kToolInput};
  return run;
}

// ffmpeg up to its input; `seek` are the options that say which part of it.
ToolRun MakeDecoder(const Setup& setup, const Request& request, int file, absl::Duration timeout,
                    size_t max_output_bytes, const std::vector<std::string>& seek) {
  ToolRun run = MakeRun(setup, "ffmpeg", file, timeout, max_output_bytes);
  run.arguments = {"-nostdin",
                   "-hide_banner",
                   "-v",
                   "error",
                   "-threads",
                   "1",
                   "-max_pixels",
                   absl::StrCat(setup.limits.max_pixels),
                   "-protocol_whitelist",
                   "file",
                   "-f",
                   Demuxer(request.container)};
  run.arguments.insert(run.arguments.end(), seek.begin(), seek.end());
  Add(run.arguments, {"-i", kToolInput});
  return run;
}

// kNone when the tool did its work.
Reason Judge(const ToolResult& result) {
  switch (result.end) {
    case ToolEnd::kMissing: return Reason::kToolMissing;
    case ToolEnd::kTimeout: return Reason::kTimeout;
    case ToolEnd::kTooMuch:
    case ToolEnd::kCrashed: return Reason::kBadVideo;
    case ToolEnd::kExited: break;
  }
  if (result.exit_code == 0) return Reason::kNone;
  // "Decoding requested, but no decoder found for: …"
  if (absl::StrContains(result.errors, "no decoder found")) return Reason::kUnknownCodec;
  return absl::StrContains(result.errors, "Cannot allocate memory") ? Reason::kOutOfMemory
                                                                    : Reason::kBadVideo;
}

// Where decoding begins, and the options that say so.
struct Beginning {
  double time = 0;
  std::vector<std::string> options;
};

Beginning BeginningOf(const Request& request) {
  const bool leads = request.lead < request.from;
  const double time = leads ? request.lead - kBeforeKeyframe : request.from - kSlack;
  if (time <= 0) return {};
  return {time, {"-ss", absl::StrFormat("%.6f", time)}};
}

Reply CheckSize(const Setup& setup, const ProbedVideo& video) {
  const MediaLimits& limits = setup.limits;
  const int longer = std::max(video.width, video.height);
  if (longer > limits.max_side) return Failure(Reason::kSideTooLong, longer, limits.max_side);
  const int64_t pixels = int64_t{video.width} * video.height;
  if (pixels > limits.max_pixels) {
    return Failure(Reason::kTooManyPixels, pixels, limits.max_pixels);
  }
  return {};
}

// Those whose words are text, the one that players show first.
std::vector<ProbedSubtitles> TextTracks(std::vector<ProbedSubtitles> tracks) {
  std::erase_if(tracks, [](const ProbedSubtitles& track) {
    for (const char* codec : {"mov_text", "subrip", "srt", "ass", "ssa", "webvtt", "text"}) {
      if (track.codec == codec) return false;
    }
    return true;
  });
  std::stable_sort(tracks.begin(), tracks.end(), [](const auto& a, const auto& b) {
    return std::pair(a.is_forced, !a.is_default) < std::pair(b.is_forced, !b.is_default);
  });
  if (tracks.size() > kMaxTracks) tracks.resize(kMaxTracks);
  return tracks;
}

// A track that cannot be read is told of and costs nothing else.
ReplyPage ReadTrack(const Setup& setup, const Request& request, int file, int number,
                    absl::Duration timeout, int64_t max_text_bytes) {
  ReplyPage page;
  ToolRun run = MakeDecoder(setup, request, file, timeout,
                            static_cast<size_t>(max_text_bytes) + kMaxProbeBytes, {});
  Add(run.arguments, {"-map", absl::StrCat("0:s:", number), "-f", "webvtt", "-"});
  const ToolResult result = RunTool(run);
  page.reason = result.end == ToolEnd::kTooMuch ? Reason::kTooMuchText : Judge(result);
  if (page.reason != Reason::kNone) return page;
  BlockSink sink(max_text_bytes);
  ReadSubtitles(result.output, sink);
  page.blocks = sink.Take();
  if (sink.overflowed()) page.partial = Reason::kTooMuchText;
  return page;
}

// Fills seconds from the packets: what the head says of them may be anything.
Reason ReadLength(const Setup& setup, const Request& request, int file, absl::Duration timeout,
                  const ProbedFile& probed, Reply& reply) {
  ToolRun run = MakeProbe(setup, request, file, timeout, kMaxPacketBytes);
  Add(run.arguments, {"-select_streams", "V:0", "-show_entries",
                      "packet=pts_time,dts_time,duration_time,flags", "-of", "csv=p=0"});
  const ToolResult result = RunTool(run);
  if (result.end == ToolEnd::kTooMuch) return Reason::kBadVideo;
  // A file that is cut off ends with an error behind the packets it has.
  auto span = ParsePackets(result.output);
  if (!span.has_value()) {
    const Reason reason = Judge(result);
    return reason == Reason::kNone ? Reason::kBadVideo : reason;
  }
  const double start = CountsFromPictures(request.container) ? span->first : probed.start;
  reply.seconds = std::max(0.0, span->last_end - start);
  if (CountsFromPictures(request.container)) {
    for (double& time : span->keyframes) time -= start;
    reply.keyframes = std::move(span->keyframes);
  }
  reply.promised_seconds = probed.video->duration.value_or(0);
  // Matroska promises for all streams together: sound may go on without pictures.
  if (absl::StrContains(result.errors, "ended prematurely")) {
    reply.promised_seconds = probed.duration.value_or(0);
  }
  return Reason::kNone;
}

// "frame:12   pts:43200   pts_time:0.48", of which the last has six digits in all.
bool ReadFrameLine(absl::string_view line, double from, ScannedFrame& frame) {
  const size_t at = line.find(" pts:");
  int64_t ticks = 0;
  if (at == absl::string_view::npos) return false;
  line.remove_prefix(at + 5);
  if (!absl::SimpleAtoi(line.substr(0, line.find(' ')), &ticks)) return false;
  frame.time = std::max(0.0, from + static_cast<double>(ticks) / kScanTicks);
  frame.change = 0;
  return true;
}

std::vector<ScannedFrame> ReadFrames(absl::string_view output, double from) {
  std::vector<ScannedFrame> frames;
  ScannedFrame frame;
  for (absl::string_view line : absl::StrSplit(output, '\n')) {
    if (ReadFrameLine(line, from, frame)) {
      // Times that go back are of no use to anyone.
      if (!frames.empty()) frame.time = std::max(frame.time, frames.back().time);
      frames.push_back(frame);
    } else if (absl::ConsumePrefix(&line, "lavfi.scene_score=") && !frames.empty()) {
      float change = 0;
      if (absl::SimpleAtof(line, &change)) frames.back().change = std::clamp(change, 0.0f, 1.0f);
    }
  }
  return frames;
}

}  // namespace

Reply ReadVideoInfo(const Setup& setup, const Request& request, int file) {
  if (Demuxer(request.container) == nullptr) return Failure(Reason::kTypeNotAllowed);
  const absl::Duration timeout = absl::Milliseconds(request.timeout_ms);
  ToolRun run = MakeProbe(setup, request, file, timeout * 0.2, kMaxProbeBytes);
  Add(run.arguments, {"-show_entries",
                      "format=start_time,duration:format_tags=title,artist,creation_time:"
                      "stream=codec_type,codec_name,width,height,duration:"
                      "stream_disposition=attached_pic,default,forced",
                      "-of", "json=c=1"});
  const ToolResult result = RunTool(run);
  const Reason reason = Judge(result);
  if (reason != Reason::kNone) return Failure(reason);
  auto probed = ParseProbe(result.output);
  if (!probed.has_value()) return Failure(Reason::kBadVideo);
  if (!probed->video.has_value()) return Failure(Reason::kNoVideo);
  Reply reply = CheckSize(setup, *probed->video);
  if (reply.reason != Reason::kNone) return reply;
  if (probed->video->codec == "unknown") return Failure(Reason::kUnknownCodec);
  const Reason length = ReadLength(setup, request, file, timeout * 0.3, *probed, reply);
  if (length != Reason::kNone) return Failure(length);
  reply.width = probed->video->width;
  reply.height = probed->video->height;
  reply.properties = std::move(probed->properties);
  const std::vector<ProbedSubtitles> tracks = TextTracks(std::move(probed->subtitles));
  for (const ProbedSubtitles& track : tracks) {
    const auto share = static_cast<int64_t>(tracks.size());
    reply.pages.push_back(ReadTrack(setup, request, file, track.number,
                                    timeout * 0.4 / static_cast<double>(share),
                                    setup.limits.max_text_bytes / share));
  }
  return reply;
}

Reply ScanVideo(const Setup& setup, const Request& request, int file) {
  if (Demuxer(request.container) == nullptr || request.to <= request.from) {
    return Failure(Reason::kTypeNotAllowed);
  }
  Beginning begin = BeginningOf(request);
  Add(begin.options, {"-t", absl::StrFormat("%.6f", request.to - begin.time)});
  ToolRun run = MakeDecoder(setup, request, file, absl::Milliseconds(request.timeout_ms) * 0.9,
                            kMaxScanBytes, begin.options);
  // Colours count too: two scenes may be equally light.
  Add(run.arguments, {"-map", "0:V:0", "-filter_threads", "1", "-fps_mode", "passthrough", "-vf",
                      "scale=w=160:h=120:flags=fast_bilinear,format=rgb24,select='gte(scene,0)',"
                      "settb=1/90000,metadata=print:key=lavfi.scene_score:file=-",
                      "-f", "null", "-"});
  const ToolResult result = RunTool(run);
  Reply reply;
  reply.frames = ReadFrames(result.output, begin.time);
  if (!reply.frames.empty()) {
    // A change is measured against that of the frame before.
    for (size_t i = 0; i < std::min<size_t>(2, reply.frames.size()); ++i) {
      reply.frames[i].change = 0;
    }
    if (result.end == ToolEnd::kExited) return reply;
  }
  const Reason reason = Judge(result);
  return reason == Reason::kNone ? reply : Failure(reason);
}

Reply DrawVideoFrame(const Setup& setup, const Request& request, int file, std::string& picture) {
  if (Demuxer(request.container) == nullptr) return Failure(Reason::kTypeNotAllowed);
  // Upright already: ffmpeg turns pictures before its filters. Their pixels become square here.
  const std::string scale = absl::StrFormat(
      "scale=w='max(2,2*round(iw*sar*min(1,%1$d/max(iw*sar,ih))/2))':"
      "h='max(2,2*round(ih*min(1,%1$d/max(iw*sar,ih))/2))',setsar=1,format=yuvj420p",
      request.max_side / 2 * 2);
  const Beginning sought = BeginningOf(request);
  Reason reason = Reason::kBadVideo;
  // Where a container cannot be sought in, all frames before are decoded.
  for (const Beginning& begin : {sought, Beginning()}) {
    ToolRun run = MakeDecoder(setup, request, file, absl::Milliseconds(request.timeout_ms) * 0.45,
                              kMaxPictureBytes, begin.options);
    if (request.from - begin.time > 2 * kSlack) {
      Add(run.arguments, {"-ss", absl::StrFormat("%.6f", request.from - kSlack - begin.time)});
    }
    Add(run.arguments, {"-map", "0:V:0", "-filter_threads", "1", "-frames:v", "1", "-vf", scale,
                        "-c:v", "mjpeg", "-threads", "1", "-q:v", "3", "-f", "image2pipe", "-"});
    ToolResult result = RunTool(run);
    if (ReadJpegHeader(result.output).has_value()) {
      picture = std::move(result.output);
      return {};
    }
    reason = Judge(result);
    if (reason == Reason::kNone) reason = Reason::kBadVideo;
    if (sought.options.empty() || reason != Reason::kBadVideo) break;
  }
  return Failure(reason);
}

}  // namespace sightline::media
