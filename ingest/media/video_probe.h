#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace sightline::media {

// A stream of pictures, as ffprobe tells it.
struct ProbedVideo {
  std::string codec;  // "unknown" when ffprobe knows none
  int width = 0;      // as coded; 0 when it could not be found
  int height = 0;
  std::optional<double> duration;  // seconds, >= 0
};

// A stream of subtitles.
struct ProbedSubtitles {
  int number = 0;  // among the streams of subtitles, from 0
  std::string codec;
  bool is_default = false;
  bool is_forced = false;  // only what is said in other languages
};

struct ProbedFile {
  double start = 0;                  // seconds, of the first of all streams
  std::optional<double> duration;    // seconds, of the longest stream; >= 0
  std::optional<ProbedVideo> video;  // the first that is no cover picture
  std::vector<ProbedSubtitles> subtitles;
  std::vector<std::pair<std::string, std::string>> properties;  // title, author, date
};

// Of ffprobe -of json; nothing when it is no such text or tells of no stream.
std::optional<ProbedFile> ParseProbe(absl::string_view json);

// When the pictures of a stream begin and end, in the stream's own seconds.
struct PacketSpan {
  double first = 0;
  double last_end = 0;
  std::vector<double> keyframes;  // in order
};

// Of ffprobe -show_entries packet=pts_time,dts_time,duration_time,flags -of csv=p=0; nothing
// without packets.
std::optional<PacketSpan> ParsePackets(absl::string_view csv);

}  // namespace sightline::media
