#include "ingest/media/video_probe.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "base/utf8.h"
#include "ingest/media/messages.h"

namespace sightline::media {
namespace {

using Json = nlohmann::json;

constexpr double kMaxSeconds = 1e7;  // whatever claims more claims nonsense

// The member of an object; null when there is none.
const Json* Find(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(name);
  return it == object.end() ? nullptr : &*it;
}

std::string Text(const Json& object, const char* name) {
  const Json* found = Find(object, name);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

int Number(const Json& object, const char* name) {
  const Json* found = Find(object, name);
  if (found == nullptr || !found->is_number_integer()) return 0;
  return static_cast<int>(std::clamp<int64_t>(found->get<int64_t>(), 0, 1 << 30));
}

std::optional<double> Seconds(absl::string_view text) {
  double value = 0;
  if (!absl::SimpleAtod(text, &value) || !(std::abs(value) <= kMaxSeconds)) return std::nullopt;
  return value;
}

std::optional<double> Duration(const Json& object) {
  const auto seconds = Seconds(Text(object, "duration"));
  return seconds.has_value() && *seconds >= 0 ? seconds : std::nullopt;
}

void AddProperty(const char* name, std::string value, ProbedFile& out) {
  value = ToValidUtf8(value);
  value.resize(Utf8PrefixLength(value, kMaxPropertyBytes));
  if (!value.empty()) out.properties.emplace_back(name, std::move(value));
}

void AddProperties(const Json& tags, ProbedFile& out) {
  AddProperty("title", Text(tags, "title"), out);
  AddProperty("author", Text(tags, "artist"), out);
  // "2024-05-01T10:00:00.000000Z"
  const std::string made = Text(tags, "creation_time").substr(0, 19);
  if (IsTimeOfDay(made)) AddProperty("date", made, out);
}

void AddStream(const Json& stream, int& subtitles, ProbedFile& out) {
  static const Json kNone = Json::object();
  const Json* found = Find(stream, "disposition");
  const Json& disposition = found == nullptr ? kNone : *found;
  const std::string type = Text(stream, "codec_type");
  std::string codec = Text(stream, "codec_name");
  if (type == "video" && !out.video.has_value() && Number(disposition, "attached_pic") == 0) {
    out.video = {codec.empty() ? "unknown" : std::move(codec), Number(stream, "width"),
                 Number(stream, "height"), Duration(stream)};
  } else if (type == "subtitle") {
    out.subtitles.push_back({subtitles++, std::move(codec), Number(disposition, "default") != 0,
                             Number(disposition, "forced") != 0});
  }
}

}  // namespace

std::optional<ProbedFile> ParseProbe(absl::string_view json) {
  const Json root = Json::parse(json.begin(), json.end(), nullptr, /*allow_exceptions=*/false);
  const Json* streams = Find(root, "streams");
  const Json* format = Find(root, "format");
  if (streams == nullptr || !streams->is_array() || streams->empty()) return std::nullopt;
  if (format == nullptr) return std::nullopt;
  ProbedFile out;
  out.start = Seconds(Text(*format, "start_time")).value_or(0);
  out.duration = Duration(*format);
  if (const Json* tags = Find(*format, "tags")) AddProperties(*tags, out);
  int subtitles = 0;
  for (const Json& stream : *streams) AddStream(stream, subtitles, out);
  return out;
}

std::optional<PacketSpan> ParsePackets(absl::string_view csv) {
  std::optional<PacketSpan> out;
  for (absl::string_view line : absl::StrSplit(csv, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ',');
    if (fields.size() < 3) continue;
    auto time = Seconds(fields[0]);
    if (!time.has_value()) time = Seconds(fields[1]);  // AVI knows no other
    if (!time.has_value()) continue;
    const double end = *time + std::max(0.0, Seconds(fields[2]).value_or(0));
    if (!out.has_value()) out = PacketSpan{*time, end, {}};
    out->first = std::min(out->first, *time);
    out->last_end = std::max(out->last_end, end);
    if (fields.size() > 3 && absl::StartsWith(fields[3], "K")) out->keyframes.push_back(*time);
  }
  if (out.has_value()) std::sort(out->keyframes.begin(), out->keyframes.end());
  return out;
}

}  // namespace sightline::media
