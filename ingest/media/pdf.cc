#include "ingest/media/pdf.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "ingest/media/block_sink.h"
#include "ingest/media/jpeg_header.h"
#include "ingest/media/pdf_layout.h"
#include "ingest/media/tool.h"

namespace sightline::media {
namespace {

constexpr size_t kMaxInfoBytes = 4 << 20;
constexpr size_t kMaxLayoutBytes = size_t{64} << 20;  // a word takes about 120 bytes
constexpr size_t kMaxPictureBytes = size_t{64} << 20;

ToolRun MakeRun(const Setup& setup, const Request& request, int file, const char* name) {
  ToolRun run;
  run.name = name;
  run.file = file;
  run.memory_bytes = setup.memory_bytes;
  // Either password will do. They are visible to this system's users while the tool runs; it has no
  // other way to take one.
  if (!request.password.empty()) {
    run.arguments = {"-opw", request.password, "-upw", request.password};
  }
  return run;
}

void AddArguments(ToolRun& run, std::initializer_list<std::string> arguments) {
  run.arguments.insert(run.arguments.end(), arguments);
}

// What a tool's end means, kNone when it did its work; `otherwise` when it did not like the file.
Reason Judge(const ToolResult& result, Reason otherwise) {
  switch (result.end) {
    case ToolEnd::kMissing: return Reason::kToolMissing;
    case ToolEnd::kTimeout: return Reason::kTimeout;
    case ToolEnd::kTooMuch:
    case ToolEnd::kCrashed: return otherwise;
    case ToolEnd::kExited: break;
  }
  if (result.exit_code == 0) return Reason::kNone;
  return absl::StrContains(result.errors, "Incorrect password") ? Reason::kEncrypted : otherwise;
}

// The number in "Pages:           12"; the last such line, since the file's own title and author
// stand above it and may hold anything.
int64_t CountPages(const std::vector<absl::string_view>& lines) {
  int64_t pages = 0;
  for (absl::string_view line : lines) {
    int64_t value = 0;
    if (absl::ConsumePrefix(&line, "Pages:") && absl::SimpleAtoi(line, &value)) pages = value;
  }
  return pages;
}

bool IsSize(double value) { return std::isfinite(value) && value > 0; }

// "Page    3 size:  612 x 792 pts (letter)" and "Page    3 rot:   90"
void ReadPageLine(absl::string_view line, std::vector<PdfPageSize>& pages) {
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
  size_t number = 0;
  if (words.size() < 4 || words[0] != "Page" || !absl::SimpleAtoi(words[1], &number)) return;
  if (number < 1 || number > pages.size()) return;
  PdfPageSize& page = pages[number - 1];
  int rotation = 0;
  if (words[2] == "size:" && words.size() >= 6) {
    double width = 0;
    double height = 0;
    if (!absl::SimpleAtod(words[3], &width) || !absl::SimpleAtod(words[5], &height)) return;
    page = IsSize(width) && IsSize(height) ? PdfPageSize{width, height} : PdfPageSize{};
  } else if (words[2] == "rot:" && absl::SimpleAtoi(words[3], &rotation) && rotation % 180 != 0) {
    std::swap(page.width, page.height);
  }
}

Reason ReadText(const Setup& setup, const Request& request, int file, absl::Duration timeout,
                Reply& reply) {
  ToolRun run = MakeRun(setup, request, file, "pdftotext");
  const std::string page = absl::StrCat(request.page);
  AddArguments(
      run, {"-bbox-layout", "-cropbox", "-enc", "UTF-8", "-f", page, "-l", page, kToolInput, "-"});
  run.timeout = timeout;
  run.max_output_bytes = kMaxLayoutBytes;
  const ToolResult result = RunTool(run);
  reply.complaints = reply.complaints || absl::StrContains(result.errors, "Error");
  if (result.end == ToolEnd::kTooMuch && result.output.size() >= run.max_output_bytes) {
    return Reason::kTooMuchText;  // else it was complaints
  }
  const Reason reason = Judge(result, Reason::kBadPage);
  if (reason != Reason::kNone) return reason;
  BlockSink sink(setup.limits.max_text_bytes);
  if (!ReadPdfLayout(result.output, request.page_width, request.page_height, sink).ok()) {
    return Reason::kBadPage;
  }
  if (sink.overflowed()) return Reason::kTooMuchText;
  reply.blocks = sink.Take();
  return Reason::kNone;
}

Reason RenderPicture(const Setup& setup, const Request& request, int file, absl::Duration timeout,
                     Reply& reply, std::string& picture) {
  const double longer = std::max(request.page_width, request.page_height);
  const double shorter = std::min(request.page_width, request.page_height);
  if (longer > shorter * setup.limits.max_aspect) return Reason::kAspectRatio;
  ToolRun run = MakeRun(setup, request, file, "pdftoppm");
  const std::string page = absl::StrCat(request.page);
  // Scaled to a size in pixels, a page of any size in points costs the same.
  AddArguments(run, {"-jpeg", "-jpegopt", "quality=85", "-cropbox", "-scale-to",
                     absl::StrCat(request.max_side), "-f", page, "-l", page, kToolInput});
  run.timeout = timeout;
  run.max_output_bytes = kMaxPictureBytes;
  ToolResult result = RunTool(run);
  reply.complaints = reply.complaints || absl::StrContains(result.errors, "Error");
  const Reason reason = Judge(result, Reason::kBadPage);
  if (reason != Reason::kNone) return reason;
  if (!ReadJpegHeader(result.output).has_value()) return Reason::kBadPage;
  picture = std::move(result.output);
  return Reason::kNone;
}

}  // namespace

Reply ReadPdfInfo(const Setup& setup, const Request& request, int file) {
  ToolRun run = MakeRun(setup, request, file, "pdfinfo");
  AddArguments(
      run, {"-enc", "UTF-8", "-f", "1", "-l", absl::StrCat(setup.limits.max_pages), kToolInput});
  run.timeout = absl::Milliseconds(request.timeout_ms) * 0.9;
  run.max_output_bytes = kMaxInfoBytes;
  const ToolResult result = RunTool(run);
  const Reason reason = Judge(result, Reason::kBadPdf);
  if (reason != Reason::kNone) return Failure(reason);
  const std::vector<absl::string_view> lines = absl::StrSplit(result.output, '\n');
  const int64_t pages = CountPages(lines);
  if (pages < 1) return Failure(Reason::kBadPdf);
  if (pages > setup.limits.max_pages) {
    return Failure(Reason::kTooManyPages, pages, setup.limits.max_pages);
  }
  Reply reply;
  reply.pdf_pages.resize(static_cast<size_t>(pages));
  for (absl::string_view line : lines) ReadPageLine(line, reply.pdf_pages);
  return reply;
}

Reply ReadPdfPage(const Setup& setup, const Request& request, int file, std::string& picture) {
  // Both steps end before the client's patience does, so that one of them failing can be told.
  const absl::Duration timeout = absl::Milliseconds(request.timeout_ms);
  Reply reply;
  const Reason text = ReadText(setup, request, file, timeout * 0.4, reply);
  if (text == Reason::kToolMissing || request.max_side == 0) {
    if (text != Reason::kNone) return Failure(text, 0, setup.limits.max_text_bytes);
    return reply;
  }
  const Reason drawing = RenderPicture(setup, request, file, timeout * 0.5, reply, picture);
  if (text != Reason::kNone && drawing != Reason::kNone) {
    return Failure(text, 0, setup.limits.max_text_bytes);
  }
  if (reply.blocks.empty() && drawing != Reason::kNone) return Failure(drawing);
  reply.partial = text != Reason::kNone ? text : drawing;
  return reply;
}

}  // namespace sightline::media
