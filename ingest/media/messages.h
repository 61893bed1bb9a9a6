#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ingest/media/media_client.h"
#include "ingest/media/reason.h"
#include "ingest/media/sniff.h"

namespace sightline::media {

// What the client and a child say to each other: Setup, then Hello, then Request and Reply in turn.
// The child's side is hostile once it has read a hostile file, so Parse… checks all a value can be
// checked for by itself; whether a reply fits its request is the client's to judge.

// A child is shut in according to what it has to do.
enum class Role : uint8_t {
  kDecoder = 0,  // all but PDF and videos, in the process itself; opens no file, starts no program
  kDocuments = 1,  // runs the PDF and video tools; parses nothing foreign but their output
  kReader = 2,     // reads the words of pictures; shut in like a decoder
  kLast = kReader,
};

struct Setup {
  Role role = Role::kDecoder;
  int64_t memory_bytes = 0;
  MediaLimits limits;
  bool apply_icc = false;
  bool debug_log = false;
  std::string ocr_languages;  // kReader: as of OcrLanguages::installed
};

struct Hello {
  Reason problem = Reason::kNone;  // kNoSandbox: the child refuses to work; kToolMissing: it cannot
};

enum class Op : uint8_t {
  kDecodeImage = 0,  // -> width, height, channels, media_type, attachment = pixels
  kThumbnail,        // -> width, height, attachment = JPEG
  kExtract,          // of a picture or a text; -> media_type, blocks or width, height, attachment
  kPdfInfo,          // -> pdf_pages
  kPdfPage,          // -> blocks, attachment = JPEG
  kHeat,             // -> width, height, attachment = PNG
  kDocument,         // of an office file, book, mail or archive; -> media_type, pages, has_members
  kFigure,           // -> attachment = the bytes of an entry that a FigureRef names
  kUnpack,           // of an archive or mail; -> members, next, attachment = their bytes
  kReadWords,        // of a picture -> blocks; by a reader only
  kVideoInfo,        // -> width, height, seconds, promised_seconds, properties, pages = subtitles
  kVideoScan,        // -> frames that are shown in [from, to)
  kVideoFrame,       // -> attachment = JPEG of what is shown at `from`
  kLast = kVideoFrame,
};

// The file itself comes along as a sealed memory file.
struct Request {
  Op op = Op::kDecodeImage;
  int64_t timeout_ms = 0;
  int max_side = 0;  // kThumbnail, kHeat; kPdfPage: pixels of the longer side, 0 = no picture;
                     // kVideoFrame
  std::string media_type_hint;  // kExtract
  std::string extension;        // kExtract: lower case, without the dot
  std::string password;         // kPdfInfo, kPdfPage
  int page = 0;                 // kPdfPage, from 1
  double page_width = 0;        // kPdfPage: points, as displayed, i.e. after rotation
  double page_height = 0;
  int heat_columns = 0;  // kHeat: of `heat`
  std::string heat;      // kHeat: row by row, a byte a cell
  bool heat_alone = false;
  std::string part;                         // kFigure
  int first = 0;                            // kUnpack: how many members came already
  int64_t budget = 0;                       // kUnpack: bytes that may still come
  FileType container = FileType::kUnknown;  // kVideo…: IsVideo, else kUnknown
  double from = 0;  // kVideoScan, kVideoFrame: seconds from the video's start, finite, >= 0
  double to = 0;    // kVideoScan
  // kVideoScan, kVideoFrame: where decoding has to begin, <= from; of Reply::keyframes.
  double lead = 0;
};

// A picture in a document, as an entry of its file.
struct FigureRef {
  std::string part;
  std::string caption;  // what the document says of it, valid UTF-8
  uint32_t block = 0;   // of the page's blocks, the one that it stands before
};

// A page of a document, or a track of subtitles of a video.
struct ReplyPage {
  Reason reason = Reason::kNone;   // not kNone: this page could not be read
  Reason partial = Reason::kNone;  // why something of it is missing
  std::vector<TextBlock> blocks;
  std::vector<FigureRef> figures;
};

// A file in an archive.
struct ReplyMember {
  std::string path;  // valid UTF-8; where `reason` is kNone also without "..", not absolute, …
  Reason reason = Reason::kNone;  // not kNone: it has no bytes, `limit` is the reason's number
  int64_t limit = 0;
  int64_t offset = 0;  // of its bytes in the attachment
  int64_t size = 0;
};

// A frame of a video.
struct ScannedFrame {
  double time = 0;  // seconds from the video's start at which it is shown; finite, >= 0
  // How much it looks like the first of a new scene, 0..1; 0 where the two before are not known.
  float change = 0;
};

// A page's size in points as displayed; 0 when the page cannot be found.
struct PdfPageSize {
  double width = 0;
  double height = 0;
};

// Pixels of the longer side of a picture whose words are read: A4 at 200 dots an inch. In larger
// print the reader takes a line of Chinese for English now and then.
inline constexpr int kLongSideToRead = 2340;

inline constexpr size_t kMaxPropertyBytes = 1'000;

struct Reply {
  Reason reason = Reason::kNone;  // not kNone: failed, `found` and `limit` are its numbers
  int64_t found = 0;
  int64_t limit = 0;
  std::string media_type;
  int width = 0;  // >= 0, as all counts here
  int height = 0;
  int channels = 0;
  bool picture_is_file = false;        // kExtract: the file itself serves as the picture
  bool looks_like_page = false;        // kExtract: of a picture, by its brightnesses
  std::string taken;                   // kExtract: of a picture, IsTimeOfDay or ""
  Reason partial = Reason::kNone;      // kPdfPage: why text or picture is missing
  bool complaints = false;             // kPdfPage: a tool found faults in the page
  std::vector<TextBlock> blocks;       // valid UTF-8, boxes and lines valid
  std::vector<PdfPageSize> pdf_pages;  // finite, >= 0
  std::vector<ReplyPage> pages;        // kDocument; kVideoInfo: a track of subtitles each
  bool has_pages = false;              // kDocument: their numbers mean something to people
  bool has_members = false;            // kDocument: ask with kUnpack
  // kDocument: what the file says of itself: title, author, from, to, subject, date (IsTimeOfDay),
  // each at most kMaxPropertyBytes of UTF-8.
  std::vector<std::pair<std::string, std::string>> properties;
  std::vector<ReplyMember> members;  // kUnpack
  int next = 0;                      // kUnpack: `first` of the next request; 0 = that was all
  double seconds = 0;                // kVideoInfo: until the last frame's end; finite, >= 0
  double promised_seconds = 0;       // kVideoInfo: what the file's head says; likewise, 0 = nothing
  // kVideoInfo: the pictures that can be decoded alone, in order, where the container does not find
  // them by itself; else empty.
  std::vector<double> keyframes;
  std::vector<ScannedFrame> frames;  // kVideoScan: in order
  int64_t attachment_bytes = 0;      // size of the memory file that comes along; 0 = none does
};

// A reply that says why there is none.
Reply Failure(Reason reason, int64_t found = 0, int64_t limit = 0);

// "2024-05-01T10:00:00", with a month, day, hour, minute and second that there can be.
bool IsTimeOfDay(absl::string_view text);

std::string SerializeSetup(const Setup& setup);
std::string SerializeHello(const Hello& hello);
std::string SerializeRequest(const Request& request);
std::string SerializeReply(const Reply& reply);

// kInvalidArgument: malformed, out of range, or something is left over.
absl::StatusOr<Setup> ParseSetup(absl::string_view bytes);
absl::StatusOr<Hello> ParseHello(absl::string_view bytes);
absl::StatusOr<Request> ParseRequest(absl::string_view bytes);
absl::StatusOr<Reply> ParseReply(absl::string_view bytes);

// A bound on a reply's body: its text and what stands around it.
size_t MaxReplyBytes(const MediaLimits& limits);

}  // namespace sightline::media
