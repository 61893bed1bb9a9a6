#include "ingest/media/media_client.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/log.h"
#include "base/read_ahead.h"
#include "base/status.h"
#include "ingest/media/child_pool.h"
#include "ingest/media/jpeg_header.h"
#include "ingest/media/member_path.h"
#include "ingest/media/memory_file.h"
#include "ingest/media/messages.h"
#include "ingest/media/ocr_languages.h"
#include "ingest/media/sniff.h"
#include "ingest/media/video_reader.h"

namespace sightline::media {
namespace {

constexpr int64_t kMaxPictureBytes = int64_t{256} << 20;  // of one that a child encodes
constexpr size_t kFewBytes = 24;  // of text, as a stamp or a page number over a scan has
constexpr absl::Duration kVideoStepTimeout = absl::Minutes(2);  // a long step is one of seconds
constexpr int kSmallestFigure = 24;  // pixels of the shorter side; below are bullets and lines

// Of one call of Extract. Those begun earlier go first where they wait for children: documents then
// come to their ends one after another, and what is to be done with them goes beside the next ones.
struct DocumentOptions : ExtractOptions {
  DocumentOptions(const ExtractOptions& asked, int64_t turn_number)
      : ExtractOptions(asked), number(turn_number) {}
  Turn turn() const { return {deadline, Caller::kIngest, number}; }

  int64_t number;
};

struct Outcome {
  Reply reply;
  UniqueFd attachment;
};

// A child that answers so is broken or taken over; callers need not tell that from a crash.
absl::Status Nonsense() { return ReasonError(Reason::kCrashed); }

std::string ExtensionOf(absl::string_view file_name) {
  const size_t dot = file_name.rfind('.');
  if (dot == absl::string_view::npos || file_name.size() - dot > 16) return "";
  return absl::AsciiStrToLower(file_name.substr(dot + 1));
}

absl::StatusOr<std::string> ReadAttachment(const Outcome& outcome, int64_t max_bytes) {
  const int64_t size = outcome.reply.attachment_bytes;
  if (size <= 0 || size > max_bytes) return Nonsense();
  std::string bytes(static_cast<size_t>(size), '\0');
  if (!ReadMemoryFile(outcome.attachment.get(), bytes.size(), bytes.data()).ok()) return Nonsense();
  return bytes;
}

size_t TextBytes(const std::vector<TextBlock>& blocks) {
  size_t bytes = 0;
  for (const TextBlock& block : blocks) bytes += block.text.size();
  return bytes;
}

bool IsTextType(absl::string_view type) {
  return type == "text/plain" || type == "text/markdown" || type == "text/html" ||
         type == "text/csv" || type == "application/x-subrip" || type == "text/vtt";
}

// Rendered white paper, or anything else without a mark on it.
bool IsBlank(const Image& image) {
  constexpr int kTolerance = 2;  // JPEG noise
  const size_t channels = static_cast<size_t>(image.channels);
  for (size_t i = channels; i < image.pixels.size(); ++i) {
    if (std::abs(image.pixels[i] - image.pixels[i % channels]) > kTolerance) return false;
  }
  return true;
}

// What a child may call an office file, book, mail or archive.
bool IsContainerType(absl::string_view type) {
  static constexpr absl::string_view kTypes[] = {
      "application/zip",          "application/x-tar", "application/gzip",
      "application/x-bzip2",      "application/x-xz",  "application/zstd",
      "application/octet-stream", "message/rfc822",    "application/epub+zip"};
  constexpr size_t kMaxTypeBytes = 100;
  return std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes) ||
         (type.size() <= kMaxTypeBytes &&
          (absl::StartsWith(type, "application/vnd.openxmlformats-officedocument.") ||
           absl::StartsWith(type, "application/vnd.oasis.opendocument.")));
}

// For each figure of the page the last heading before it.
std::vector<std::string> HeadingsOf(const ReplyPage& page) {
  std::vector<std::string> out;
  for (const FigureRef& figure : page.figures) {
    std::string heading;
    for (size_t i = figure.block; i-- > 0 && heading.empty();) {
      if (page.blocks[i].kind == BlockKind::kHeading) heading = page.blocks[i].text;
    }
    out.push_back(std::move(heading));
  }
  return out;
}

// "notes.txt" of "notes.txt.gz".
std::string UnpackedName(absl::string_view file_name) {
  const absl::string_view stem = file_name.substr(0, file_name.rfind('.'));
  const auto path = SafeMemberPath(stem);
  return path.has_value() ? *path : "data";
}

// `all` holds the bytes of all members of the reply.
absl::Status GiveMember(const ReplyMember& from, absl::string_view all,
                        const ExtractOptions& options, const ExtractCallbacks& callbacks) {
  const auto size = static_cast<int64_t>(all.size());
  if (from.offset > size || from.size > size - from.offset) return Nonsense();
  ExtractedMember member;
  member.path = from.path;
  if (from.reason != Reason::kNone) {
    member.status = ReasonError(from.reason, 0, from.limit);
  } else {
    if (member.path.empty()) member.path = UnpackedName(options.file_name);
    if (SafeMemberPath(member.path) != member.path) return Nonsense();
    member.bytes = all.substr(static_cast<size_t>(from.offset), static_cast<size_t>(from.size));
  }
  return callbacks.on_member(std::move(member));
}

absl::Status CheckOptions(const MediaOptions& options) {
  const MediaLimits& limits = options.limits;
  if (options.workers < 1 || options.worker_memory_bytes < (int64_t{64} << 20)) {
    return absl::InvalidArgumentError(
        "media: expected workers >= 1 and worker_memory_bytes >= 64 MiB");
  }
  if (limits.max_bytes < 1 || limits.max_pixels < 1 || limits.max_side < 1 ||
      limits.max_side > 65'535 || limits.max_aspect < 1 || limits.max_pages < 1 ||
      limits.max_text_bytes < 1 || limits.max_text_bytes > (int64_t{1} << 30) ||
      limits.max_members < 1 || limits.max_unpacked_bytes < 1) {
    return absl::InvalidArgumentError(
        "media: expected limits >= 1, max_side <= 65535, max_text_bytes <= 1 GiB");
  }
  const VideoOptions& video = options.video;
  if (video.interval < absl::Milliseconds(100) || video.max_frames < 1 ||
      video.max_length < absl::Seconds(1) || video.timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        "media: expected of videos interval >= 0.1 s, max_frames >= 1, max_length >= 1 s and a "
        "timeout");
  }
  return absl::OkStatus();
}

bool IsVideoStep(Op op) {
  return op == Op::kVideoInfo || op == Op::kVideoScan || op == Op::kVideoFrame;
}

// What a request makes that is counted as one: a step of many is none.
int ItemsOf(Op op) {
  switch (op) {
    case Op::kPdfInfo:
    case Op::kVideoInfo:
    case Op::kVideoScan:
    case Op::kFigure:
    case Op::kUnpack: return 0;
    default: return 1;
  }
}

}  // namespace

class MediaClient::Impl {
 public:
  explicit Impl(const MediaOptions& options)
      : options_(options),
        pool_(options),
        decode_("decode", options.workers),
        render_("render", options.workers),
        ocr_("ocr", options.workers) {}

  absl::StatusOr<DecodedImage> DecodeImage(absl::string_view bytes, absl::Time deadline,
                                           Caller caller);
  absl::StatusOr<EncodedImage> Thumbnail(absl::string_view bytes, int max_side,
                                         absl::Time deadline);
  absl::StatusOr<EncodedImage> DrawHeat(absl::string_view bytes, const HeatGrid& heat,
                                        const HeatOptions& options, absl::Time deadline);
  absl::Status Extract(absl::string_view bytes, const ExtractOptions& asked,
                       const ExtractCallbacks& callbacks);
  absl::StatusOr<std::vector<TextBlock>> ReadWords(absl::string_view picture, const Turn& turn);
  std::vector<StageWork> stages() const { return {decode_.work(), render_.work(), ocr_.work()}; }
  const MediaLimits& limits() const { return options_.limits; }
  std::string settings() const;

 private:
  absl::Status CheckSize(absl::string_view bytes) const;
  absl::Status CheckPicture(absl::string_view bytes) const;
  bool IsPictureSize(int width, int height) const;
  absl::StatusOr<Outcome> Run(Role role, Request request, int fd, const Turn& turn);
  absl::StatusOr<Outcome> RunOn(Role role, const Request& request, absl::string_view bytes,
                                const Turn& turn);
  StageClock& ClockOf(Role role);
  absl::Duration TimeToPassOver(int64_t budget) const;
  absl::StatusOr<Reply> Exchange(ChildProcess& child, const Request& request, int fd,
                                 absl::Time stop, Caller caller, UniqueFd& attachment);
  absl::StatusOr<EncodedImage> TakeRenderedPage(const Outcome& outcome, int long_side) const;
  absl::StatusOr<EncodedImage> TakePicture(const Outcome& outcome, absl::string_view file) const;
  absl::Status ExtractWhole(absl::string_view bytes, const DocumentOptions& options,
                            bool is_picture, const ExtractCallbacks& callbacks);
  absl::Status ExtractPdf(absl::string_view bytes, const DocumentOptions& options,
                          const ExtractCallbacks& callbacks);
  absl::Status ExtractVideo(absl::string_view bytes, FileType container,
                            const DocumentOptions& options, const ExtractCallbacks& callbacks);
  absl::Status ExtractDocument(absl::string_view bytes, const DocumentOptions& options,
                               const ExtractCallbacks& callbacks);
  absl::Status GivePages(int fd, std::vector<ReplyPage> pages, const DocumentOptions& options,
                         const ExtractCallbacks& callbacks);
  absl::StatusOr<std::optional<EncodedImage>> ReadFigure(int fd, const std::string& part,
                                                         const Turn& turn);
  absl::Status GiveMembers(int fd, const DocumentOptions& options,
                           const ExtractCallbacks& callbacks);
  void ReadScan(int fd, const Request& page_request, const Turn& turn, ExtractedPage& page);
  absl::StatusOr<std::vector<PdfPageSize>> PdfPages(int fd, const DocumentOptions& options);
  ExtractedPage ReadPdfPage(int fd, int number, const PdfPageSize& size,
                            const DocumentOptions& options);

  const MediaOptions options_;
  ChildPool pool_;
  StageClock decode_;
  StageClock render_;
  StageClock ocr_;
  std::atomic<int64_t> next_document_ = 1;
};

absl::Status MediaClient::Impl::CheckSize(absl::string_view bytes) const {
  if (bytes.empty()) return ReasonError(Reason::kEmpty);
  const auto size = static_cast<int64_t>(bytes.size());
  if (size <= options_.limits.max_bytes) return absl::OkStatus();
  return ReasonError(Reason::kTooLarge, size, options_.limits.max_bytes);
}

absl::Status MediaClient::Impl::CheckPicture(absl::string_view bytes) const {
  SL_RETURN_IF_ERROR(CheckSize(bytes));
  const FileType type = SniffType(bytes);
  if (IsPicture(type)) return absl::OkStatus();
  return ReasonError(type == FileType::kUnknown ? Reason::kUnknownType : Reason::kTypeNotAllowed);
}

bool MediaClient::Impl::IsPictureSize(int width, int height) const {
  const MediaLimits& limits = options_.limits;
  return width >= 1 && height >= 1 && std::max(width, height) <= limits.max_side &&
         int64_t{width} * height <= limits.max_pixels;
}

StageClock& MediaClient::Impl::ClockOf(Role role) {
  switch (role) {
    case Role::kDecoder: return decode_;
    case Role::kDocuments: return render_;
    case Role::kReader: return ocr_;
  }
  return decode_;
}

absl::StatusOr<Reply> MediaClient::Impl::Exchange(ChildProcess& child, const Request& request,
                                                  int fd, absl::Time stop, Caller caller,
                                                  UniqueFd& attachment) {
  const size_t most = MaxReplyBytes(options_.limits);
  if (caller == Caller::kQuery) return child.Exchange(request, fd, most, stop, attachment);
  StageClock::Work work(ClockOf(child.role()));
  auto reply = child.Exchange(request, fd, most, stop, attachment);
  if (reply.ok() && reply->reason == Reason::kNone) {
    work.Done(ItemsOf(request.op), static_cast<int64_t>(SealedSize(fd).value_or(0)));
  }
  return reply;
}

// A packed archive is unpacked from its beginning each time; with bzip2 on a busy machine that is
// as slow as this.
absl::Duration MediaClient::Impl::TimeToPassOver(int64_t budget) const {
  constexpr int64_t kBytesPerSecond = 8 << 20;
  return absl::Seconds((options_.limits.max_unpacked_bytes - budget) / kBytesPerSecond);
}

// A child may have died since its last request, for reasons that are not this one's; so a dead
// child is replaced once. A file that kills the second one too is to blame itself.
absl::StatusOr<Outcome> MediaClient::Impl::Run(Role role, Request request, int fd,
                                               const Turn& turn) {
  const bool whole_document =
      role != Role::kDecoder || request.op == Op::kDocument || request.op == Op::kUnpack;
  absl::Duration timeout = IsVideoStep(request.op) ? kVideoStepTimeout
                           : whole_document        ? options_.page_timeout
                                                   : options_.image_timeout;
  if (request.op == Op::kUnpack) timeout += TimeToPassOver(request.budget);
  for (int attempt = 0; attempt < 2; ++attempt) {
    auto child = pool_.Take(role, turn);
    if (absl::IsDeadlineExceeded(child.status())) return ReasonError(Reason::kTimeout);
    if (absl::IsFailedPrecondition(child.status())) return child.status();
    if (!child.ok()) continue;
    const absl::Time stop = std::min(turn.deadline, absl::Now() + timeout);
    request.timeout_ms = absl::ToInt64Milliseconds(stop - absl::Now());
    Outcome outcome;
    auto reply = Exchange(**child, request, fd, stop, turn.caller, outcome.attachment);
    // Out of memory once, a child is not what it was.
    const bool keep = reply.ok() && reply->reason != Reason::kOutOfMemory;
    if (!keep) child->reset();
    pool_.Return(role, *std::move(child));
    if (absl::IsDeadlineExceeded(reply.status())) return ReasonError(Reason::kTimeout);
    if (!reply.ok()) continue;
    if (reply->reason != Reason::kNone) {
      return ReasonError(reply->reason, reply->found, reply->limit);
    }
    outcome.reply = *std::move(reply);
    return outcome;
  }
  return ReasonError(Reason::kCrashed);
}

absl::StatusOr<Outcome> MediaClient::Impl::RunOn(Role role, const Request& request,
                                                 absl::string_view bytes, const Turn& turn) {
  SL_ASSIGN_OR_RETURN(const UniqueFd file, MakeMemoryFile(bytes));
  return Run(role, request, file.get(), turn);
}

absl::StatusOr<DecodedImage> MediaClient::Impl::DecodeImage(absl::string_view bytes,
                                                            absl::Time deadline, Caller caller) {
  SL_RETURN_IF_ERROR(CheckPicture(bytes));
  Request request;
  request.op = Op::kDecodeImage;
  SL_ASSIGN_OR_RETURN(const Outcome outcome,
                      RunOn(Role::kDecoder, request, bytes, {deadline, caller}));
  const Reply& reply = outcome.reply;
  const bool channels_good = reply.channels == 3 || reply.channels == 4;
  if (!channels_good || !IsPictureSize(reply.width, reply.height)) return Nonsense();
  auto image = std::make_shared<Image>();
  image->width = reply.width;
  image->height = reply.height;
  image->channels = reply.channels;
  image->pixels.resize(size_t{1} * reply.width * reply.height * reply.channels);
  const absl::Status read =
      ReadMemoryFile(outcome.attachment.get(), image->pixels.size(), image->pixels.data());
  if (!read.ok()) return Nonsense();
  return DecodedImage{std::move(image), MediaTypeOf(SniffType(bytes))};
}

absl::StatusOr<EncodedImage> MediaClient::Impl::Thumbnail(absl::string_view bytes, int max_side,
                                                          absl::Time deadline) {
  SL_RETURN_IF_ERROR(CheckPicture(bytes));
  if (max_side < 1 || max_side > options_.limits.max_side) {
    return absl::InvalidArgumentError(
        absl::StrCat("thumbnail: expected max_side in 1..", options_.limits.max_side));
  }
  Request request;
  request.op = Op::kThumbnail;
  request.max_side = max_side;
  SL_ASSIGN_OR_RETURN(const Outcome outcome,
                      RunOn(Role::kDecoder, request, bytes, {deadline, Caller::kQuery}));
  return TakeRenderedPage(outcome, max_side);
}

absl::StatusOr<EncodedImage> MediaClient::Impl::DrawHeat(absl::string_view bytes,
                                                         const HeatGrid& heat,
                                                         const HeatOptions& options,
                                                         absl::Time deadline) {
  SL_RETURN_IF_ERROR(CheckPicture(bytes));
  const auto is_side = [](int side) { return side >= 1 && side <= kMaxHeatSide; };
  if (!is_side(heat.rows) || !is_side(heat.columns) ||
      heat.values.size() != size_t{1} * heat.rows * heat.columns) {
    return absl::InvalidArgumentError(absl::StrCat("heat: ", heat.values.size(), " values for ",
                                                   heat.rows, " x ", heat.columns,
                                                   " cells, sides are 1..", kMaxHeatSide));
  }
  if (options.max_side < 1 || options.max_side > options_.limits.max_side) {
    return absl::InvalidArgumentError(
        absl::StrCat("heat: expected max_side in 1..", options_.limits.max_side));
  }
  Request request;
  request.op = Op::kHeat;
  request.max_side = options.max_side;
  request.heat_columns = heat.columns;
  request.heat.assign(heat.values.begin(), heat.values.end());
  request.heat_alone = options.alone;
  SL_ASSIGN_OR_RETURN(const Outcome outcome,
                      RunOn(Role::kDecoder, request, bytes, {deadline, Caller::kQuery}));
  SL_ASSIGN_OR_RETURN(std::string png, ReadAttachment(outcome, kMaxPictureBytes));
  const Reply& reply = outcome.reply;
  if (SniffType(png) != FileType::kPng || !IsPictureSize(reply.width, reply.height) ||
      std::max(reply.width, reply.height) > options.max_side) {
    return Nonsense();
  }
  return EncodedImage{std::move(png), "image/png", reply.width, reply.height};
}

// A JPEG whose longer side is at most `long_side`, sizes taken from the bytes themselves.
absl::StatusOr<EncodedImage> MediaClient::Impl::TakeRenderedPage(const Outcome& outcome,
                                                                 int long_side) const {
  SL_ASSIGN_OR_RETURN(std::string bytes, ReadAttachment(outcome, kMaxPictureBytes));
  const auto header = ReadJpegHeader(bytes);
  if (!header.has_value() || std::max(header->width, header->height) > long_side) {
    return Nonsense();
  }
  return EncodedImage{std::move(bytes), "image/jpeg", header->width, header->height};
}

absl::StatusOr<EncodedImage> MediaClient::Impl::TakePicture(const Outcome& outcome,
                                                            absl::string_view file) const {
  const Reply& reply = outcome.reply;
  if (!IsPictureSize(reply.width, reply.height)) return Nonsense();
  EncodedImage picture;
  picture.width = reply.width;
  picture.height = reply.height;
  if (reply.picture_is_file) {
    picture.bytes = std::string(file);
  } else {
    SL_ASSIGN_OR_RETURN(picture.bytes, ReadAttachment(outcome, kMaxPictureBytes));
  }
  const FileType type = SniffType(picture.bytes);
  if (type != FileType::kJpeg && type != FileType::kPng && type != FileType::kWebp) {
    return Nonsense();
  }
  picture.media_type = MediaTypeOf(type);
  return picture;
}

absl::Status MediaClient::Impl::ExtractWhole(absl::string_view bytes,
                                             const DocumentOptions& options, bool is_picture,
                                             const ExtractCallbacks& callbacks) {
  Request request;
  request.op = Op::kExtract;
  request.media_type_hint = options.media_type_hint;
  request.extension = ExtensionOf(options.file_name);
  SL_ASSIGN_OR_RETURN(Outcome outcome, RunOn(Role::kDecoder, request, bytes, options.turn()));
  DocumentInfo info;
  info.is_picture = is_picture;
  ExtractedPage page;
  if (is_picture) {
    info.media_type = MediaTypeOf(SniffType(bytes));
    page.taken = outcome.reply.taken;
    SL_ASSIGN_OR_RETURN(page.picture, TakePicture(outcome, bytes));
    const bool wanted =
        options_.ocr_pictures == OcrPictures::kAll ||
        (options_.ocr_pictures == OcrPictures::kPages && outcome.reply.looks_like_page);
    if (wanted && !options_.ocr_languages.empty()) {
      auto words = ReadWords(page.picture->bytes, options.turn());
      if (words.ok()) page.blocks = *std::move(words);
    }
  } else {
    if (!IsTextType(outcome.reply.media_type)) return Nonsense();
    info.media_type = outcome.reply.media_type;
    page.blocks = std::move(outcome.reply.blocks);
  }
  SL_RETURN_IF_ERROR(callbacks.on_info(info));
  return callbacks.on_page(std::move(page));
}

// That words cannot be read is no failure of the picture: it is found by what it shows.
absl::StatusOr<std::vector<TextBlock>> MediaClient::Impl::ReadWords(absl::string_view picture,
                                                                    const Turn& turn) {
  Request request;
  request.op = Op::kReadWords;
  auto outcome = RunOn(Role::kReader, request, picture, turn);
  if (!outcome.ok()) {
    log::Info("the words of a picture were not read", {{"reason", ErrorReason(outcome.status())}});
    return outcome.status();
  }
  return std::move(outcome->reply.blocks);
}

// A scan is a page whose text layer is empty, or no more than a stamp over what it shows. It is
// drawn once more, larger than people and the encoder need it.
void MediaClient::Impl::ReadScan(int fd, const Request& page_request, const Turn& turn,
                                 ExtractedPage& page) {
  const size_t layer = TextBytes(page.blocks);
  if (options_.ocr_languages.empty() || layer >= kFewBytes) return;
  Request request = page_request;
  request.max_side = std::min(kLongSideToRead, options_.limits.max_side);
  const auto outcome = Run(Role::kDocuments, request, fd, turn);
  if (!outcome.ok() || outcome->reply.attachment_bytes == 0) return;
  const auto picture = TakeRenderedPage(*outcome, request.max_side);
  if (!picture.ok()) return;
  auto words = ReadWords(picture->bytes, turn);
  if (words.ok() && TextBytes(*words) > 4 * layer) page.blocks = *std::move(words);
}

std::string MediaClient::Impl::settings() const {
  std::string ocr;
  if (!options_.ocr_languages.empty()) {
    ocr = absl::StrCat(options_.ocr_languages, " ", static_cast<int>(options_.ocr_pictures));
  }
  return absl::StrCat(ocr, " ", absl::ToInt64Milliseconds(options_.video.interval), " ",
                      options_.video.max_frames);
}

// The child is told which container it is and asks nobody else, so that nothing is read but this
// file.
absl::Status MediaClient::Impl::ExtractVideo(absl::string_view bytes, FileType container,
                                             const DocumentOptions& options,
                                             const ExtractCallbacks& callbacks) {
  SL_ASSIGN_OR_RETURN(const UniqueFd file, MakeMemoryFile(bytes));
  const auto step = [&](Request request, absl::Time deadline) -> absl::StatusOr<VideoStep> {
    const Op op = request.op;
    SL_ASSIGN_OR_RETURN(Outcome outcome, Run(Role::kDocuments, std::move(request), file.get(),
                                             {deadline, Caller::kIngest, options.number}));
    VideoStep out;
    if (op == Op::kVideoFrame) {
      SL_ASSIGN_OR_RETURN(out.picture, TakeRenderedPage(outcome, options.render_long_side));
    }
    out.reply = std::move(outcome.reply);
    return out;
  };
  return ReadVideo(container, options_.video, options, callbacks, step);
}

absl::StatusOr<std::vector<PdfPageSize>> MediaClient::Impl::PdfPages(
    int fd, const DocumentOptions& options) {
  Request request;
  request.op = Op::kPdfInfo;
  request.password = options.password;
  SL_ASSIGN_OR_RETURN(Outcome outcome, Run(Role::kDocuments, request, fd, options.turn()));
  std::vector<PdfPageSize> pages = std::move(outcome.reply.pdf_pages);
  if (pages.size() > static_cast<size_t>(options_.limits.max_pages)) return Nonsense();
  const bool any = std::any_of(pages.begin(), pages.end(), [](const PdfPageSize& page) {
    return page.width > 0 && page.height > 0;
  });
  if (!any) return ReasonError(Reason::kBadPdf);
  return pages;
}

ExtractedPage MediaClient::Impl::ReadPdfPage(int fd, int number, const PdfPageSize& size,
                                             const DocumentOptions& options) {
  ExtractedPage page;
  page.number = number;
  if (size.width <= 0 || size.height <= 0) {
    page.status = ReasonError(Reason::kBadPage);
    return page;
  }
  Request request;
  request.op = Op::kPdfPage;
  request.password = options.password;
  request.page = number;
  request.page_width = size.width;
  request.page_height = size.height;
  request.max_side = options.render_pages ? options.render_long_side : 0;
  auto outcome = Run(Role::kDocuments, request, fd, options.turn());
  if (!outcome.ok()) {
    page.status = outcome.status();
    return page;
  }
  page.blocks = std::move(outcome->reply.blocks);
  page.partial_reason = ReasonName(outcome->reply.partial);
  if (outcome->reply.attachment_bytes == 0) {
    if (page.partial_reason.empty()) ReadScan(fd, request, options.turn(), page);
    return page;
  }
  auto picture = TakeRenderedPage(*outcome, options.render_long_side);
  if (!picture.ok()) {
    page.status = picture.status();
    return page;
  }
  // Tools draw what they can: a page with faults, no text and nothing on it is one they could not
  // read.
  if (outcome->reply.complaints && page.blocks.empty()) {
    auto drawn = DecodeImage(picture->bytes, options.deadline, Caller::kIngest);
    if (drawn.ok() && IsBlank(*drawn->image)) {
      page.status = ReasonError(Reason::kBadPage);
      return page;
    }
  }
  page.picture = *std::move(picture);
  ReadScan(fd, request, options.turn(), page);
  return page;
}

// One request a page: a crash or a slow page costs that page only, and no child is held while the
// caller works on a page. The next ones are read meanwhile, so that one document alone keeps all
// children at work.
absl::Status MediaClient::Impl::ExtractPdf(absl::string_view bytes, const DocumentOptions& options,
                                           const ExtractCallbacks& callbacks) {
  SL_ASSIGN_OR_RETURN(const UniqueFd file, MakeMemoryFile(bytes));
  SL_ASSIGN_OR_RETURN(const std::vector<PdfPageSize> pages, PdfPages(file.get(), options));
  DocumentInfo info;
  info.media_type = MediaTypeOf(FileType::kPdf);
  info.has_pages = true;
  info.pages = static_cast<int>(pages.size());
  SL_RETURN_IF_ERROR(callbacks.on_info(info));
  ReadAhead<ExtractedPage> ahead(
      info.pages, {.threads = options_.workers, .ahead = 2 * options_.workers},
      [&](int i) { return ReadPdfPage(file.get(), i + 1, pages[i], options); });
  for (int number = 1; number <= info.pages; ++number) {
    if (absl::Now() >= options.deadline) return ReasonError(Reason::kTimeout);
    SL_ASSIGN_OR_RETURN(ExtractedPage page, ahead.Next());
    if (absl::IsDeadlineExceeded(page.status) && absl::Now() >= options.deadline)
      return page.status;
    if (absl::IsFailedPrecondition(page.status)) return page.status;
    SL_RETURN_IF_ERROR(callbacks.on_page(std::move(page)));
  }
  return absl::OkStatus();
}

// The document in one request; its pictures in two each, since what comes out of an entry is a file
// of any kind again.
absl::Status MediaClient::Impl::ExtractDocument(absl::string_view bytes,
                                                const DocumentOptions& options,
                                                const ExtractCallbacks& callbacks) {
  SL_ASSIGN_OR_RETURN(const UniqueFd file, MakeMemoryFile(bytes));
  Request request;
  request.op = Op::kDocument;
  SL_ASSIGN_OR_RETURN(Outcome outcome, Run(Role::kDecoder, request, file.get(), options.turn()));
  Reply& reply = outcome.reply;
  if (reply.pages.size() > static_cast<size_t>(options_.limits.max_pages)) return Nonsense();
  if (!IsContainerType(reply.media_type)) return Nonsense();
  DocumentInfo info;
  info.media_type = std::move(reply.media_type);
  info.has_pages = reply.has_pages;
  info.pages = static_cast<int>(reply.pages.size());
  info.properties = std::move(reply.properties);
  SL_RETURN_IF_ERROR(callbacks.on_info(info));
  SL_RETURN_IF_ERROR(GivePages(file.get(), std::move(reply.pages), options, callbacks));
  if (!reply.has_members || !callbacks.on_member) return absl::OkStatus();
  return GiveMembers(file.get(), options, callbacks);
}

absl::Status MediaClient::Impl::GivePages(int fd, std::vector<ReplyPage> pages,
                                          const DocumentOptions& options,
                                          const ExtractCallbacks& callbacks) {
  std::set<std::pair<std::string, std::string>>
      given;  // one logo on a hundred slides is one figure
  int number = 0;
  for (ReplyPage& from : pages) {
    ExtractedPage page;
    page.number = ++number;
    if (from.reason != Reason::kNone) {
      page.status = ReasonError(from.reason, 0, options_.limits.max_unpacked_bytes);
    }
    page.partial_reason = ReasonName(from.partial);
    const std::vector<std::string> headings = HeadingsOf(from);
    page.blocks = std::move(from.blocks);
    SL_RETURN_IF_ERROR(callbacks.on_page(std::move(page)));
    for (size_t i = 0; callbacks.on_figure && i < from.figures.size(); ++i) {
      FigureRef& ref = from.figures[i];
      if (!given.emplace(ref.part, ref.caption).second) continue;
      if (absl::Now() >= options.deadline) return ReasonError(Reason::kTimeout);
      auto picture = ReadFigure(fd, ref.part, options.turn());
      if (absl::IsFailedPrecondition(picture.status())) return picture.status();
      ExtractedFigure figure;
      figure.page = number;
      figure.heading = headings[i];
      figure.caption = std::move(ref.caption);
      if (picture.ok()) figure.picture = *std::move(picture);
      if (!figure.picture.has_value() && figure.caption.empty()) continue;
      SL_RETURN_IF_ERROR(callbacks.on_figure(std::move(figure)));
    }
  }
  return absl::OkStatus();
}

// Empty where the entry is no picture that is read, or one too small to show anything.
absl::StatusOr<std::optional<EncodedImage>> MediaClient::Impl::ReadFigure(int fd,
                                                                          const std::string& part,
                                                                          const Turn& turn) {
  Request request;
  request.op = Op::kFigure;
  request.part = part;
  SL_ASSIGN_OR_RETURN(const Outcome entry, Run(Role::kDecoder, request, fd, turn));
  if (entry.reply.attachment_bytes == 0) return std::nullopt;
  SL_ASSIGN_OR_RETURN(const std::string bytes, ReadAttachment(entry, kMaxPictureBytes));
  if (!IsPicture(SniffType(bytes))) return std::nullopt;
  request = {};
  request.op = Op::kExtract;
  SL_ASSIGN_OR_RETURN(const Outcome outcome,
                      Run(Role::kDecoder, request, entry.attachment.get(), turn));
  SL_ASSIGN_OR_RETURN(EncodedImage picture, TakePicture(outcome, bytes));
  if (std::min(picture.width, picture.height) < kSmallestFigure) return std::nullopt;
  return picture;
}

absl::Status MediaClient::Impl::GiveMembers(int fd, const DocumentOptions& options,
                                            const ExtractCallbacks& callbacks) {
  Request request;
  request.op = Op::kUnpack;
  request.budget = options_.limits.max_unpacked_bytes;
  do {
    if (absl::Now() >= options.deadline) return ReasonError(Reason::kTimeout);
    const auto outcome = Run(Role::kDecoder, request, fd, options.turn());
    // Members that came already are not lost with the others.
    if (!outcome.ok() && request.first > 0) {
      return callbacks.on_member({.path = "", .status = outcome.status(), .bytes = ""});
    }
    SL_RETURN_IF_ERROR(outcome.status());
    const Reply& reply = outcome->reply;
    std::optional<MemoryFileView> view;
    if (reply.attachment_bytes > 0) {
      auto opened = MemoryFileView::Open(outcome->attachment.get());
      if (!opened.ok() || opened->bytes().size() != static_cast<size_t>(reply.attachment_bytes)) {
        return Nonsense();
      }
      view.emplace(*std::move(opened));
    }
    const absl::string_view all = view.has_value() ? view->bytes() : absl::string_view();
    for (const ReplyMember& member : reply.members) {
      SL_RETURN_IF_ERROR(GiveMember(member, all, options, callbacks));
    }
    if (reply.next != 0 && reply.next <= request.first) return Nonsense();
    request.first = reply.next;
    request.budget -= reply.attachment_bytes;
  } while (request.first != 0);
  return absl::OkStatus();
}

absl::Status MediaClient::Impl::Extract(absl::string_view bytes, const ExtractOptions& asked,
                                        const ExtractCallbacks& callbacks) {
  const DocumentOptions options(asked, next_document_++);
  SL_RETURN_IF_ERROR(CheckSize(bytes));
  if (options.render_long_side < 16 || options.render_long_side > options_.limits.max_side) {
    return absl::InvalidArgumentError(
        absl::StrCat("extract: expected render_long_side in 16..", options_.limits.max_side));
  }
  const FileType type = SniffType(bytes);
  if (type == FileType::kNotAllowed) return ReasonError(Reason::kTypeNotAllowed);
  if (type == FileType::kLocked) return ReasonError(Reason::kEncrypted);
  if (type == FileType::kPdf) return ExtractPdf(bytes, options, callbacks);
  if (IsVideo(type)) return ExtractVideo(bytes, type, options, callbacks);
  if (IsContainer(type)) return ExtractDocument(bytes, options, callbacks);
  const int64_t max_text_bytes = options_.limits.max_text_bytes;
  if (!IsPicture(type) && static_cast<int64_t>(bytes.size()) > max_text_bytes) {
    return ReasonError(Reason::kTooMuchText, 0, max_text_bytes);
  }
  return ExtractWhole(bytes, options, IsPicture(type), callbacks);
}

absl::StatusOr<std::unique_ptr<MediaClient>> MediaClient::Create(const MediaOptions& options) {
  SL_RETURN_IF_ERROR(CheckOptions(options));
  MediaOptions resolved = options;
  if (resolved.program.empty()) {
    SL_ASSIGN_OR_RETURN(const std::string folder, ProgramDirectory());
    resolved.program = absl::StrCat(folder, "/sightline-media");
  }
  SL_ASSIGN_OR_RETURN(OcrLanguages languages, FindOcrLanguages(options.ocr_languages));
  for (const std::string& name : languages.missing) {
    log::Warning("pictures are not read in a language: its data are missing",
                 {{"language", name}, {"expected in", kOcrDataFolder}});
  }
  resolved.ocr_languages = std::move(languages.installed);
  if (::access(resolved.program.c_str(), X_OK) != 0) {
    return absl::NotFoundError(absl::StrCat("media worker: no program at ", resolved.program));
  }
  return std::unique_ptr<MediaClient>(new MediaClient(std::make_unique<Impl>(resolved)));
}

MediaClient::MediaClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MediaClient::~MediaClient() = default;

absl::StatusOr<DecodedImage> MediaClient::DecodeImage(absl::string_view bytes, absl::Time deadline,
                                                      Caller caller) {
  return impl_->DecodeImage(bytes, deadline, caller);
}

absl::StatusOr<EncodedImage> MediaClient::Thumbnail(absl::string_view bytes, int max_side,
                                                    absl::Time deadline) {
  return impl_->Thumbnail(bytes, max_side, deadline);
}

absl::StatusOr<EncodedImage> MediaClient::DrawHeat(absl::string_view bytes, const HeatGrid& heat,
                                                   const HeatOptions& options,
                                                   absl::Time deadline) {
  return impl_->DrawHeat(bytes, heat, options, deadline);
}

absl::Status MediaClient::Extract(absl::string_view bytes, const ExtractOptions& options,
                                  const ExtractCallbacks& callbacks) {
  return impl_->Extract(bytes, options, callbacks);
}

absl::StatusOr<std::vector<TextBlock>> MediaClient::ReadWords(absl::string_view picture,
                                                              absl::Time deadline) {
  return impl_->ReadWords(picture, {deadline, Caller::kIngest});
}

std::vector<StageWork> MediaClient::stages() const { return impl_->stages(); }

std::string MediaClient::settings() const { return impl_->settings(); }

const MediaLimits& MediaClient::limits() const { return impl_->limits(); }

}  // namespace sightline::media
