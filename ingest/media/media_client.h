#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/image.h"
#include "base/stage_clock.h"
#include "base/text_line.h"

namespace sightline::media {

// Bounds on what a file may claim; checked before work is done.
struct MediaLimits {
  int64_t max_bytes = int64_t{512} << 20;  // of the file
  int64_t max_pixels = 40'000'000;         // of a picture, from its header
  int max_side = 16'384;                   // pixels
  double max_aspect = 200;                 // longer side over shorter
  int max_pages = 2'000;
  int64_t max_text_bytes = int64_t{20} << 20;
  int max_members = 10'000;                       // files in an archive
  int64_t max_unpacked_bytes = int64_t{1} << 30;  // that come out of an archive or an office file
};

// Who waits for a decoder. Ingest gives way to queries.
enum class Caller { kQuery, kIngest };

// Which picture files have their words read.
enum class OcrPictures { kOff, kPages, kAll };  // kPages: those that look like a page

// How videos are read.
struct VideoOptions {
  absl::Duration interval = absl::Seconds(10);  // between kept frames of one scene, at most; > 0
  int max_frames = 512;                         // kept of one video; above it the interval widens
  absl::Duration max_length = absl::Hours(4);   // longer ones are refused
  absl::Duration timeout = absl::Hours(1);      // for all of one video
};

struct MediaOptions {
  std::string program;  // path of sightline-media; empty = beside this program
  int workers = 2;      // children of a role at most, and one more while a query asks for one
  int64_t worker_memory_bytes = int64_t{1} << 30;  // address space a child may add
  absl::Duration image_timeout = absl::Seconds(10);
  absl::Duration page_timeout = absl::Seconds(20);
  MediaLimits limits;
  VideoOptions video;
  bool apply_icc = false;  // embedded profiles to sRGB; the model's reference pixels ignore them
  // What the words of scanned pages and of pictures are read in: names of Tesseract's data files
  // with "+" between them, e.g. "eng+chi_sim". Empty = not at all.
  std::string ocr_languages;
  OcrPictures ocr_pictures = OcrPictures::kPages;
  bool debug_log = false;  // children write details to standard error; else they are silent
};

// Encoded bytes of a picture with its size.
struct EncodedImage {
  std::string bytes;
  std::string media_type;  // image/jpeg, image/png, image/webp
  int width = 0;  // upright: a picture file keeps its bytes and with them its orientation mark
  int height = 0;
};

enum class BlockKind { kParagraph, kHeading, kListItem, kTable, kCode, kCaption };

// When something is said or shown: seconds from a video's start; 0 <= start <= end.
struct TimeSpan {
  double start = 0;
  double end = 0;
};

// One run of text in reading order.
struct TextBlock {
  BlockKind kind = BlockKind::kParagraph;
  int heading_level = 0;                        // 1..6 for headings
  std::string text;                             // valid UTF-8, NFC not applied
  std::optional<Box> box;                       // on the page
  std::optional<TimeSpan> time = std::nullopt;  // of a subtitle
  // Of what was read from a picture: how sure the reader is of its words, 0..1, the mean over their
  // characters.
  std::optional<float> confidence = std::nullopt;
  // Where the page's lines begin in `text`; empty where there is no layout.
  std::vector<TextLine> lines = {};
};

// One page of a document, or the whole of one without pages (then number is 1 and has_pages false).
struct ExtractedPage {
  int number = 1;
  absl::Status status;  // not OK: this page could not be read; reason by ErrorReason below
  std::vector<TextBlock> blocks;  // of a picture or scanned page: the words that were read from it
  std::optional<EncodedImage> picture;  // the page rendered, or the picture file itself
  std::string partial_reason;  // the page was read without its text or picture; why, else ""
  std::string taken;  // of a picture file, when by its EXIF: "2024-05-01T10:00:00", no zone; or ""
};

// A picture that stands in a document.
struct ExtractedFigure {
  int page = 1;                         // number of the page it is on, which came before it
  std::string heading;                  // the last one before it on that page, or ""
  std::string caption;                  // what the document says of it, or ""
  std::optional<EncodedImage> picture;  // none: of a kind that is not read; there is a caption then
};

// A file in an archive, or attached to a mail.
struct ExtractedMember {
  std::string path;     // within it, valid UTF-8; where the status is OK free of "..", not absolute
  absl::Status status;  // not OK: it has no bytes; the path is for people then, and may be empty
  absl::string_view bytes;  // only during the call
};

// A frame that was kept of a video. It stands for all that is shown from its time to the next
// one's.
struct ExtractedFrame {
  TimeSpan time;
  absl::Status status;   // not OK: it could not be drawn; reason by ErrorReason below
  EncodedImage picture;  // upright
};

struct DocumentInfo {
  std::string
      media_type;  // as found from the content: image/png, application/pdf, text/markdown, …
  bool is_picture = false;
  bool has_pages = false;
  int pages = 1;
  // What it says of itself: title, author; of a mail from, to, subject, date.
  std::vector<std::pair<std::string, std::string>> properties;
  double seconds = 0;  // of a video: how long it is; else 0
  std::vector<absl::Status> problems =
      {};  // of a video: what of it cannot be read; reasons as below
  // Of a video: its tracks of subtitles, the one that players show first; each block has a time.
  std::vector<std::vector<TextBlock>> subtitles = {};
};

struct ExtractOptions {
  std::string media_type_hint;  // or empty; decides only among plain-text types
  std::string file_name;        // only its extension is used, likewise
  std::string password;         // for encrypted PDF
  bool render_pages = true;
  int render_long_side = 1280;  // pixels of the longer side of a rendered page or kept frame
  absl::Time deadline = absl::InfiniteFuture();
};

// What Extract calls, on the thread that called it: on_info once, then on_page for each page in
// order, on_figure for the pictures of a page after it, at last on_member. Of a video on_info, then
// on_frame for each frame in order. A non-OK return from any stops the work with that status.
struct ExtractCallbacks {
  std::function<absl::Status(const DocumentInfo&)> on_info;
  std::function<absl::Status(ExtractedPage)> on_page;
  std::function<absl::Status(ExtractedFigure)> on_figure = nullptr;  // null: not wanted
  std::function<absl::Status(ExtractedMember)> on_member = nullptr;  // likewise
  std::function<absl::Status(ExtractedFrame)> on_frame = nullptr;    // likewise
  std::function<absl::Status()> on_step = nullptr;  // now and then in long work without results
};

struct DecodedImage {
  ImagePtr image;          // upright (EXIF orientation applied), sRGB, alpha kept as a 4th channel
  std::string media_type;  // as found
};

// Cells that divide a picture evenly, and how hot each is.
struct HeatGrid {
  int rows = 0;  // 1..kMaxHeatSide, as columns
  int columns = 0;
  std::vector<uint8_t> values;  // [rows, columns], 0 = coldest
};
inline constexpr int kMaxHeatSide = 4096;

struct HeatOptions {
  int max_side = 1024;  // pixels
  bool alone = false;   // without the picture
};

// The stable reason code of an error from here, e.g. "too_many_pixels", "bad_image", "encrypted",
// "empty", "unknown_type", "type_not_allowed", "bad_pdf", "bad_page", "too_many_pages", "timeout",
// "crashed", "aspect_ratio", "side_too_long", "too_large", "too_much_text", "out_of_memory",
// "too_deep", "bad_document", "bad_archive", "xml_entities", "inflate_limit", "too_many_members",
// "too_many_cells", "unsafe_path", "not_a_file", "tool_missing", "no_sandbox", "bad_video",
// "no_video", "unknown_codec", "too_long", "cut_short"; "" when it has none.
// Messages are fixed texts and numbers: never a library's words, a path or an address.
std::string ErrorReason(const absl::Status& status);

// Decodes foreign files in sandboxed children (sightline-media): no network, bounded memory and
// time; a child that dies fails its one request and is replaced. Methods may be called from any
// thread.
class MediaClient {
 public:
  // kNotFound: no program at that path. Starts children as they are needed. Languages without data
  // are warned of and left out.
  static absl::StatusOr<std::unique_ptr<MediaClient>> Create(const MediaOptions& options);
  ~MediaClient();  // ends the children

  // kInvalidArgument: not a readable picture, or a limit is passed (ErrorReason says which);
  // kDeadlineExceeded: `deadline` or the picture's own time limit passed; kResourceExhausted: the
  // file needs more memory than a child may use; kUnavailable: the child died and so did its
  // replacement; kFailedPrecondition: this system cannot sandbox the child, or lacks a tool it
  // needs.
  absl::StatusOr<DecodedImage> DecodeImage(absl::string_view bytes, absl::Time deadline,
                                           Caller caller = Caller::kQuery);

  // A smaller JPEG (longer side at most `max_side`, never enlarged, alpha over white).
  absl::StatusOr<EncodedImage> Thumbnail(absl::string_view bytes, int max_side,
                                         absl::Time deadline);

  // The picture with `heat` over it, or the heat alone on a transparent ground, as PNG; the longer
  // side is at most `max_side`, never enlarged.
  absl::StatusOr<EncodedImage> DrawHeat(absl::string_view bytes, const HeatGrid& heat,
                                        const HeatOptions& options, absl::Time deadline);

  // Reads a document of any supported type. Failures of a page or a member arrive as such with a
  // status; an error return means the document as a whole could not be read. Of an archive the
  // members are handed on as they are: what is in them is the caller's to read. Pages of a PDF are
  // read ahead, on threads of its own. Its caller is ingest.
  absl::Status Extract(absl::string_view bytes, const ExtractOptions& options,
                       const ExtractCallbacks& callbacks);

  // The words of a picture, where there are languages to read them in; for ingest.
  absl::StatusOr<std::vector<TextBlock>> ReadWords(absl::string_view picture, absl::Time deadline);

  // What was done for ingest: "decode" of files and pictures, "render" of pages and frames, "ocr"
  // of pictures.
  std::vector<StageWork> stages() const;

  const MediaLimits& limits() const;

  // How words are read from pictures and frames chosen from videos, for the fingerprint of what was
  // read: the same text gives the same.
  std::string settings() const;

 private:
  class Impl;
  explicit MediaClient(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace sightline::media
