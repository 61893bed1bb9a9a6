#include "ingest/media/messages.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/utf8.h"
#include "ingest/media/wire.h"

namespace sightline::media {
namespace {

// Kind, level, text length, flags, count of lines.
constexpr size_t kMinBlockBytes = 1 + 1 + 4 + 1 + 1 + 1 + 4;
constexpr size_t kMinLineBytes = 4 + 1;  // begin, flag
constexpr size_t kPageBytes = 2 * sizeof(double);
constexpr size_t kMinPageBytes = 1 + 1 + 4 + 4;  // reasons, counts
constexpr size_t kMinFigureBytes = 4 + 4 + 4;    // lengths, block
constexpr size_t kMinMemberBytes = 4 + 1 + 3 * sizeof(int64_t);
constexpr size_t kMinPropertyBytes = 4 + 4;
constexpr size_t kFrameBytes = 2 * sizeof(double);

// They become metadata, where other names mean something else.
constexpr absl::string_view kProperties[] = {"title", "author", "from", "to", "subject", "date"};

absl::Status Malformed(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("malformed ", what, " of the media worker"));
}

void WriteLimits(const MediaLimits& limits, WireWriter& writer) {
  writer.I64(limits.max_bytes);
  writer.I64(limits.max_pixels);
  writer.I64(limits.max_side);
  writer.F64(limits.max_aspect);
  writer.I64(limits.max_pages);
  writer.I64(limits.max_text_bytes);
  writer.I64(limits.max_members);
  writer.I64(limits.max_unpacked_bytes);
}

// A count or a size: within int, not negative.
bool ReadInt(WireReader& reader, int& out) {
  const int64_t value = reader.I64();
  if (value < 0 || value > std::numeric_limits<int>::max()) return false;
  out = static_cast<int>(value);
  return true;
}

bool ReadBool(WireReader& reader, bool& out) {
  const uint8_t value = reader.U8();
  out = value == 1;
  return value <= 1;
}

template <typename Enum>
bool ReadEnum(WireReader& reader, Enum& out) {
  const uint8_t value = reader.U8();
  out = static_cast<Enum>(value);
  return value <= static_cast<uint8_t>(Enum::kLast);
}

bool ReadLimits(WireReader& reader, MediaLimits& limits) {
  limits.max_bytes = reader.I64();
  limits.max_pixels = reader.I64();
  if (!ReadInt(reader, limits.max_side)) return false;
  limits.max_aspect = reader.F64();
  if (!ReadInt(reader, limits.max_pages)) return false;
  limits.max_text_bytes = reader.I64();
  if (!ReadInt(reader, limits.max_members)) return false;
  limits.max_unpacked_bytes = reader.I64();
  return true;
}

void WriteBox(const Box& box, WireWriter& writer) {
  for (float side : {box.x0, box.y0, box.x1, box.y1}) writer.F64(side);
}

void WriteBlock(const TextBlock& block, WireWriter& writer) {
  writer.U8(static_cast<uint8_t>(block.kind));
  writer.U8(static_cast<uint8_t>(block.heading_level));
  writer.Bytes(block.text);
  writer.U8(block.box.has_value() ? 1 : 0);
  writer.U8(block.time.has_value() ? 1 : 0);
  writer.U8(block.confidence.has_value() ? 1 : 0);
  if (block.box.has_value()) WriteBox(*block.box, writer);
  if (block.time.has_value()) {
    writer.F64(block.time->start);
    writer.F64(block.time->end);
  }
  if (block.confidence.has_value()) writer.F64(*block.confidence);
  writer.U32(static_cast<uint32_t>(block.lines.size()));
  for (const TextLine& line : block.lines) {
    writer.U32(line.begin);
    writer.U8(line.box.has_value() ? 1 : 0);
    if (line.box.has_value()) WriteBox(*line.box, writer);
  }
}

// Seconds of a video: finite, not negative.
bool ReadSeconds(WireReader& reader, double& out) {
  out = reader.F64();
  return std::isfinite(out) && out >= 0;
}

bool ReadBox(WireReader& reader, Box& box) {
  for (float* side : {&box.x0, &box.y0, &box.x1, &box.y1}) {
    *side = static_cast<float>(reader.F64());
  }
  return IsBox(box);
}

bool ReadLines(WireReader& reader, TextBlock& block) {
  const uint32_t count = reader.Count(kMinLineBytes);
  for (uint32_t i = 0; i < count; ++i) {
    TextLine& line = block.lines.emplace_back();
    line.begin = reader.U32();
    bool has_box = false;
    if (!ReadBool(reader, has_box)) return false;
    if (has_box && !ReadBox(reader, line.box.emplace())) return false;
  }
  return AreLinesOf(block.lines, block.text.size());
}

bool ReadBlock(WireReader& reader, TextBlock& block) {
  const uint8_t kind = reader.U8();
  if (kind > static_cast<uint8_t>(BlockKind::kCaption)) return false;
  block.kind = static_cast<BlockKind>(kind);
  block.heading_level = reader.U8();
  const bool is_heading = block.kind == BlockKind::kHeading;
  if (is_heading != (block.heading_level >= 1) || block.heading_level > 6) return false;
  const absl::string_view text = reader.Bytes();
  if (!IsValidUtf8(text)) return false;
  block.text = std::string(text);
  bool has_box = false;
  bool has_time = false;
  bool has_confidence = false;
  if (!ReadBool(reader, has_box) || !ReadBool(reader, has_time) ||
      !ReadBool(reader, has_confidence)) {
    return false;
  }
  if (has_box && !ReadBox(reader, block.box.emplace())) return false;
  if (has_time) {
    TimeSpan& time = block.time.emplace();
    if (!ReadSeconds(reader, time.start) || !ReadSeconds(reader, time.end)) return false;
    if (time.end < time.start) return false;
  }
  if (has_confidence) {
    block.confidence = static_cast<float>(reader.F64());
    if (!(*block.confidence >= 0 && *block.confidence <= 1)) return false;
  }
  return ReadLines(reader, block) && reader.ok();
}

bool ReadBlocks(WireReader& reader, std::vector<TextBlock>& blocks) {
  const uint32_t count = reader.Count(kMinBlockBytes);
  for (uint32_t i = 0; i < count; ++i) {
    if (!ReadBlock(reader, blocks.emplace_back())) return false;
  }
  return true;
}

bool ReadUtf8(WireReader& reader, std::string& out) {
  out = std::string(reader.Bytes());
  return IsValidUtf8(out);
}

bool ReadFigures(WireReader& reader, std::vector<FigureRef>& figures) {
  const uint32_t count = reader.Count(kMinFigureBytes);
  for (uint32_t i = 0; i < count; ++i) {
    FigureRef& figure = figures.emplace_back();
    figure.part = std::string(reader.Bytes());
    if (!ReadUtf8(reader, figure.caption)) return false;
    figure.block = reader.U32();
  }
  return true;
}

bool ReadDocumentPages(WireReader& reader, std::vector<ReplyPage>& pages) {
  const uint32_t count = reader.Count(kMinPageBytes);
  for (uint32_t i = 0; i < count; ++i) {
    ReplyPage& page = pages.emplace_back();
    if (!ReadEnum(reader, page.reason) || !ReadEnum(reader, page.partial)) return false;
    if (!ReadBlocks(reader, page.blocks) || !ReadFigures(reader, page.figures)) return false;
    for (const FigureRef& figure : page.figures) {
      if (figure.block > page.blocks.size()) return false;
    }
  }
  return true;
}

bool ReadProperties(WireReader& reader, std::vector<std::pair<std::string, std::string>>& out) {
  const uint32_t count = reader.Count(kMinPropertyBytes);
  for (uint32_t i = 0; i < count; ++i) {
    auto& [name, value] = out.emplace_back();
    if (!ReadUtf8(reader, name) || !ReadUtf8(reader, value)) return false;
    const bool known =
        std::find(std::begin(kProperties), std::end(kProperties), name) != std::end(kProperties);
    if (!known || value.size() > kMaxPropertyBytes) return false;
    if (name == "date" && !IsTimeOfDay(value)) return false;
  }
  return true;
}

bool ReadMembers(WireReader& reader, std::vector<ReplyMember>& members) {
  const uint32_t count = reader.Count(kMinMemberBytes);
  for (uint32_t i = 0; i < count; ++i) {
    ReplyMember& member = members.emplace_back();
    if (!ReadUtf8(reader, member.path) || !ReadEnum(reader, member.reason)) return false;
    member.limit = reader.I64();
    member.offset = reader.I64();
    member.size = reader.I64();
    if (member.offset < 0 || member.size < 0) return false;
  }
  return true;
}

bool ReadPages(WireReader& reader, std::vector<PdfPageSize>& pages) {
  const uint32_t count = reader.Count(kPageBytes);
  for (uint32_t i = 0; i < count; ++i) {
    PdfPageSize& page = pages.emplace_back();
    page.width = reader.F64();
    page.height = reader.F64();
    if (!std::isfinite(page.width) || !std::isfinite(page.height)) return false;
    if (page.width < 0 || page.height < 0) return false;
  }
  return true;
}

bool ReadFrames(WireReader& reader, std::vector<ScannedFrame>& frames) {
  const uint32_t count = reader.Count(kFrameBytes);
  double last = 0;
  for (uint32_t i = 0; i < count; ++i) {
    ScannedFrame& frame = frames.emplace_back();
    if (!ReadSeconds(reader, frame.time)) return false;
    frame.change = static_cast<float>(reader.F64());
    if (!(frame.change >= 0 && frame.change <= 1) || frame.time < last) return false;
    last = frame.time;
  }
  return true;
}

bool ReadKeyframes(WireReader& reader, std::vector<double>& keyframes) {
  const uint32_t count = reader.Count(sizeof(double));
  for (uint32_t i = 0; i < count; ++i) {
    if (!ReadSeconds(reader, keyframes.emplace_back())) return false;
  }
  return std::is_sorted(keyframes.begin(), keyframes.end());
}

bool ReadReply(WireReader& reader, Reply& reply) {
  if (!ReadEnum(reader, reply.reason)) return false;
  reply.found = reader.I64();
  reply.limit = reader.I64();
  reply.media_type = std::string(reader.Bytes());
  if (!ReadInt(reader, reply.width) || !ReadInt(reader, reply.height)) return false;
  if (!ReadInt(reader, reply.channels)) return false;
  if (!ReadBool(reader, reply.picture_is_file)) return false;
  if (!ReadBool(reader, reply.looks_like_page)) return false;
  reply.taken = std::string(reader.Bytes());
  if (!reply.taken.empty() && !IsTimeOfDay(reply.taken)) return false;
  if (!ReadEnum(reader, reply.partial) || !ReadBool(reader, reply.complaints)) return false;
  if (!ReadBlocks(reader, reply.blocks) || !ReadPages(reader, reply.pdf_pages)) return false;
  if (!ReadDocumentPages(reader, reply.pages)) return false;
  if (!ReadBool(reader, reply.has_pages) || !ReadBool(reader, reply.has_members)) return false;
  if (!ReadProperties(reader, reply.properties)) return false;
  if (!ReadMembers(reader, reply.members) || !ReadInt(reader, reply.next)) return false;
  if (!ReadSeconds(reader, reply.seconds) || !ReadSeconds(reader, reply.promised_seconds)) {
    return false;
  }
  if (!ReadKeyframes(reader, reply.keyframes)) return false;
  if (!ReadFrames(reader, reply.frames)) return false;
  reply.attachment_bytes = reader.I64();
  return reply.attachment_bytes >= 0 && IsValidUtf8(reply.media_type) && reader.Finished();
}

void WriteBlocks(const std::vector<TextBlock>& blocks, WireWriter& writer) {
  writer.U32(static_cast<uint32_t>(blocks.size()));
  for (const TextBlock& block : blocks) WriteBlock(block, writer);
}

void WriteDocument(const Reply& reply, WireWriter& writer) {
  writer.U32(static_cast<uint32_t>(reply.pages.size()));
  for (const ReplyPage& page : reply.pages) {
    writer.U8(static_cast<uint8_t>(page.reason));
    writer.U8(static_cast<uint8_t>(page.partial));
    WriteBlocks(page.blocks, writer);
    writer.U32(static_cast<uint32_t>(page.figures.size()));
    for (const FigureRef& figure : page.figures) {
      writer.Bytes(figure.part);
      writer.Bytes(figure.caption);
      writer.U32(figure.block);
    }
  }
  writer.U8(reply.has_pages ? 1 : 0);
  writer.U8(reply.has_members ? 1 : 0);
  writer.U32(static_cast<uint32_t>(reply.properties.size()));
  for (const auto& [name, value] : reply.properties) {
    writer.Bytes(name);
    writer.Bytes(value);
  }
  writer.U32(static_cast<uint32_t>(reply.members.size()));
  for (const ReplyMember& member : reply.members) {
    writer.Bytes(member.path);
    writer.U8(static_cast<uint8_t>(member.reason));
    writer.I64(member.limit);
    writer.I64(member.offset);
    writer.I64(member.size);
  }
  writer.I64(reply.next);
}

}  // namespace

Reply Failure(Reason reason, int64_t found, int64_t limit) {
  Reply reply;
  reply.reason = reason;
  reply.found = found;
  reply.limit = limit;
  return reply;
}

bool IsTimeOfDay(absl::string_view text) {
  constexpr absl::string_view kForm = "0000-00-00T00:00:00";
  if (text.size() != kForm.size()) return false;
  for (size_t i = 0; i < kForm.size(); ++i) {
    if (kForm[i] == '0' ? !absl::ascii_isdigit(static_cast<unsigned char>(text[i]))
                        : text[i] != kForm[i]) {
      return false;
    }
  }
  // Of two digits, the first of them at `at`.
  const auto within = [&](size_t at, int low, int high) {
    const int value = 10 * (text[at] - '0') + (text[at + 1] - '0');
    return low <= value && value <= high;
  };
  // Cameras without a clock write zeros.
  return within(0, 1, 99) && within(5, 1, 12) && within(8, 1, 31) && within(11, 0, 23) &&
         within(14, 0, 59) && within(17, 0, 59);
}

std::string SerializeSetup(const Setup& setup) {
  WireWriter writer;
  writer.U8(static_cast<uint8_t>(setup.role));
  writer.I64(setup.memory_bytes);
  WriteLimits(setup.limits, writer);
  writer.U8(setup.apply_icc ? 1 : 0);
  writer.U8(setup.debug_log ? 1 : 0);
  writer.Bytes(setup.ocr_languages);
  return writer.Take();
}

absl::StatusOr<Setup> ParseSetup(absl::string_view bytes) {
  WireReader reader(bytes);
  Setup setup;
  bool good = ReadEnum(reader, setup.role);
  setup.memory_bytes = reader.I64();
  good = good && ReadLimits(reader, setup.limits);
  good = good && ReadBool(reader, setup.apply_icc) && ReadBool(reader, setup.debug_log);
  setup.ocr_languages = std::string(reader.Bytes());
  if (!good || !reader.Finished()) return Malformed("setup");
  return setup;
}

std::string SerializeHello(const Hello& hello) {
  WireWriter writer;
  writer.U8(static_cast<uint8_t>(hello.problem));
  return writer.Take();
}

absl::StatusOr<Hello> ParseHello(absl::string_view bytes) {
  WireReader reader(bytes);
  Hello hello;
  if (!ReadEnum(reader, hello.problem) || !reader.Finished()) return Malformed("hello");
  return hello;
}

std::string SerializeRequest(const Request& request) {
  WireWriter writer;
  writer.U8(static_cast<uint8_t>(request.op));
  writer.I64(request.timeout_ms);
  writer.I64(request.max_side);
  writer.Bytes(request.media_type_hint);
  writer.Bytes(request.extension);
  writer.Bytes(request.password);
  writer.I64(request.page);
  writer.F64(request.page_width);
  writer.F64(request.page_height);
  writer.I64(request.heat_columns);
  writer.Bytes(request.heat);
  writer.U8(request.heat_alone ? 1 : 0);
  writer.Bytes(request.part);
  writer.I64(request.first);
  writer.I64(request.budget);
  writer.U8(static_cast<uint8_t>(request.container));
  writer.F64(request.from);
  writer.F64(request.to);
  writer.F64(request.lead);
  return writer.Take();
}

absl::StatusOr<Request> ParseRequest(absl::string_view bytes) {
  WireReader reader(bytes);
  Request request;
  bool good = ReadEnum(reader, request.op);
  request.timeout_ms = reader.I64();
  good = good && ReadInt(reader, request.max_side);
  request.media_type_hint = std::string(reader.Bytes());
  request.extension = std::string(reader.Bytes());
  request.password = std::string(reader.Bytes());
  good = good && ReadInt(reader, request.page);
  request.page_width = reader.F64();
  request.page_height = reader.F64();
  good = good && ReadInt(reader, request.heat_columns);
  request.heat = std::string(reader.Bytes());
  request.heat_alone = reader.U8() != 0;
  request.part = std::string(reader.Bytes());
  good = good && ReadInt(reader, request.first);
  request.budget = reader.I64();
  request.container = static_cast<FileType>(reader.U8());
  good = good && (request.container == FileType::kUnknown || IsVideo(request.container));
  good = good && ReadSeconds(reader, request.from) && ReadSeconds(reader, request.to);
  good = good && ReadSeconds(reader, request.lead) && request.lead <= request.from;
  if (!good || !reader.Finished()) return Malformed("request");
  return request;
}

std::string SerializeReply(const Reply& reply) {
  WireWriter writer;
  writer.U8(static_cast<uint8_t>(reply.reason));
  writer.I64(reply.found);
  writer.I64(reply.limit);
  writer.Bytes(reply.media_type);
  writer.I64(reply.width);
  writer.I64(reply.height);
  writer.I64(reply.channels);
  writer.U8(reply.picture_is_file ? 1 : 0);
  writer.U8(reply.looks_like_page ? 1 : 0);
  writer.Bytes(reply.taken);
  writer.U8(static_cast<uint8_t>(reply.partial));
  writer.U8(reply.complaints ? 1 : 0);
  WriteBlocks(reply.blocks, writer);
  writer.U32(static_cast<uint32_t>(reply.pdf_pages.size()));
  for (const PdfPageSize& page : reply.pdf_pages) {
    writer.F64(page.width);
    writer.F64(page.height);
  }
  WriteDocument(reply, writer);
  writer.F64(reply.seconds);
  writer.F64(reply.promised_seconds);
  writer.U32(static_cast<uint32_t>(reply.keyframes.size()));
  for (double time : reply.keyframes) writer.F64(time);
  writer.U32(static_cast<uint32_t>(reply.frames.size()));
  for (const ScannedFrame& frame : reply.frames) {
    writer.F64(frame.time);
    writer.F64(frame.change);
  }
  writer.I64(reply.attachment_bytes);
  return writer.Take();
}

absl::StatusOr<Reply> ParseReply(absl::string_view bytes) {
  WireReader reader(bytes);
  Reply reply;
  if (!ReadReply(reader, reply)) return Malformed("reply");
  return reply;
}

size_t MaxReplyBytes(const MediaLimits& limits) {
  constexpr size_t kAroundText = size_t{32} << 20;  // block headers, boxes, lines, page sizes
  return static_cast<size_t>(limits.max_text_bytes) + kAroundText;
}

}  // namespace sightline::media
