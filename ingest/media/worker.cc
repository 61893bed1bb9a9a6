#include "ingest/media/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/status.h"
#include "ingest/media/archive.h"
#include "ingest/media/channel.h"
#include "ingest/media/csv.h"
#include "ingest/media/html.h"
#include "ingest/media/mail.h"
#include "ingest/media/markdown.h"
#include "ingest/media/memory_file.h"
#include "ingest/media/messages.h"
#include "ingest/media/ocr.h"
#include "ingest/media/pdf.h"
#include "ingest/media/picture.h"
#include "ingest/media/plain_text.h"
#include "ingest/media/sandbox.h"
#include "ingest/media/sniff.h"
#include "ingest/media/subtitles.h"
#include "ingest/media/video.h"
#include "ingest/media/worker_protocol.h"
#include "ingest/media/zip_document.h"

namespace sightline::media {
namespace {

constexpr size_t kMaxRequestBytes = 1 << 20;
constexpr int64_t kMaxEncodedBytes = int64_t{256} << 20;

// The file a reply carries besides its words.
struct Answer {
  Reply reply;
  UniqueFd attachment;
};

// Seals `encoded` into the answer's attachment.
Answer WithAttachment(Reply reply, const std::string& encoded) {
  if (reply.reason != Reason::kNone || encoded.empty()) return {std::move(reply), UniqueFd()};
  auto file = MakeMemoryFile(encoded);
  if (!file.ok()) return {Failure(Reason::kOutOfMemory), UniqueFd()};
  return {std::move(reply), *std::move(file)};
}

Reply ReadText(const Setup& setup, const Request& request, absl::string_view bytes) {
  const int64_t max_text_bytes = setup.limits.max_text_bytes;
  const auto text = DecodeText(bytes);
  if (!text.has_value()) return Failure(Reason::kUnknownType);
  // Other encodings grow when they become UTF-8.
  if (static_cast<int64_t>(text->size()) > 2 * max_text_bytes) {
    return Failure(Reason::kTooMuchText, 0, max_text_bytes);
  }
  BlockSink sink(max_text_bytes);
  const TextFormat format = FormatOf(*text, request.media_type_hint, request.extension);
  Reason reason = Reason::kNone;
  if (format == TextFormat::kHtml) {
    reason = ReadHtml(*text, sink);
  } else if (format == TextFormat::kMarkdown) {
    reason = ReadMarkdown(*text, sink);
  } else if (format == TextFormat::kCsv) {
    ReadCsv(*text, GuessDelimiter(*text), sink);
  } else if (format == TextFormat::kSubRip || format == TextFormat::kWebVtt) {
    ReadSubtitles(*text, sink);
  } else {
    ReadPlainText(*text, sink);
  }
  if (reason != Reason::kNone) return Failure(reason);
  if (sink.overflowed()) return Failure(Reason::kTooMuchText, 0, max_text_bytes);
  Reply reply;
  reply.media_type = MediaTypeOf(format);
  reply.blocks = sink.Take();
  return reply;
}

Reply ReadDocument(const Setup& setup, absl::string_view bytes) {
  switch (SniffType(bytes)) {
    case FileType::kZip: return ReadZipDocument(setup, bytes);
    case FileType::kTar: return ReadTarHead(bytes);
    case FileType::kMail: return ReadMail(setup, bytes);
    default: return Failure(Reason::kTypeNotAllowed);
  }
}

Reply Unpack(const Setup& setup, const Request& request, absl::string_view bytes,
             UniqueFd& attachment) {
  switch (SniffType(bytes)) {
    case FileType::kZip: return UnpackZip(setup, request, bytes, attachment);
    case FileType::kTar: return UnpackTar(setup, request, bytes, attachment);
    case FileType::kMail: return UnpackMail(setup, request, bytes, attachment);
    default: return Failure(Reason::kTypeNotAllowed);
  }
}

Answer Decode(const Setup& setup, const Request& request, absl::string_view bytes) {
  std::string encoded;
  Answer answer;
  switch (request.op) {
    case Op::kDecodeImage:
      answer.reply = DecodePicture(setup, bytes, answer.attachment);
      return answer;
    case Op::kThumbnail:
      answer.reply = MakeThumbnail(setup, bytes, request.max_side, encoded);
      return WithAttachment(std::move(answer.reply), encoded);
    case Op::kHeat:
      answer.reply = DrawHeat(setup, bytes, request, encoded);
      return WithAttachment(std::move(answer.reply), encoded);
    case Op::kExtract:
      if (!IsPicture(SniffType(bytes))) return {ReadText(setup, request, bytes), UniqueFd()};
      answer.reply = ExtractPicture(setup, bytes, encoded);
      return WithAttachment(std::move(answer.reply), encoded);
    case Op::kDocument: return {ReadDocument(setup, bytes), UniqueFd()};
    case Op::kFigure:
      answer.reply = ReadZipMember(setup, bytes, request.part, encoded);
      return WithAttachment(std::move(answer.reply), encoded);
    case Op::kUnpack:
      answer.reply = Unpack(setup, request, bytes, answer.attachment);
      return answer;
    case Op::kPdfInfo:
    case Op::kPdfPage:
    case Op::kReadWords:
    case Op::kVideoInfo:
    case Op::kVideoScan:
    case Op::kVideoFrame: break;
  }
  return {Failure(Reason::kTypeNotAllowed), UniqueFd()};
}

Answer RunTools(const Setup& setup, const Request& request, int file) {
  std::string picture;
  switch (request.op) {
    case Op::kPdfInfo: return {ReadPdfInfo(setup, request, file), UniqueFd()};
    case Op::kPdfPage: {
      Reply reply = ReadPdfPage(setup, request, file, picture);
      return WithAttachment(std::move(reply), picture);
    }
    case Op::kVideoInfo: return {ReadVideoInfo(setup, request, file), UniqueFd()};
    case Op::kVideoScan: return {ScanVideo(setup, request, file), UniqueFd()};
    case Op::kVideoFrame: {
      Reply reply = DrawVideoFrame(setup, request, file, picture);
      return WithAttachment(std::move(reply), picture);
    }
    default: return {Failure(Reason::kTypeNotAllowed), UniqueFd()};
  }
}

// A request may use as much processor as it may take time; the parent's clock is the other guard.
void LimitProcessor(int64_t timeout_ms) {
  rusage used = {};
  ::getrusage(RUSAGE_SELF, &used);
  rlimit limit = {};
  ::getrlimit(RLIMIT_CPU, &limit);
  const int64_t seconds =
      used.ru_utime.tv_sec + used.ru_stime.tv_sec + std::max<int64_t>(0, timeout_ms) / 1000 + 3;
  limit.rlim_cur = std::min(limit.rlim_max, static_cast<rlim_t>(seconds));
  ::setrlimit(RLIMIT_CPU, &limit);
}

// `reader` is null in the other roles.
absl::StatusOr<Answer> Serve(const Setup& setup, WordReader* reader, const Frame& frame) {
  auto request = ParseRequest(frame.body);
  if (!request.ok()) return request.status();
  LimitProcessor(request->timeout_ms);
  if (setup.role == Role::kDocuments) return RunTools(setup, *request, frame.fd.get());
  auto file = MemoryFileView::Open(frame.fd.get());
  if (!file.ok()) return Answer{Failure(Reason::kOutOfMemory), UniqueFd()};
  try {
    if (setup.role == Role::kReader) {
      if (request->op != Op::kReadWords)
        return Answer{Failure(Reason::kTypeNotAllowed), UniqueFd()};
      return Answer{reader->Read(setup, *request, file->bytes()), UniqueFd()};
    }
    return Decode(setup, *request, file->bytes());
  } catch (const std::bad_alloc&) {
    return Answer{Failure(Reason::kOutOfMemory), UniqueFd()};
  }
}

absl::Status ServeAll(const Setup& setup, WordReader* reader, Channel& channel) {
  while (true) {
    SL_ASSIGN_OR_RETURN(const Frame frame,
                        channel.Receive(kMaxRequestBytes, absl::InfiniteFuture()));
    SL_ASSIGN_OR_RETURN(Answer answer, Serve(setup, reader, frame));
    if (answer.attachment.valid()) {
      SL_ASSIGN_OR_RETURN(const size_t size, SealedSize(answer.attachment.get()));
      answer.reply.attachment_bytes = static_cast<int64_t>(size);
    }
    SL_RETURN_IF_ERROR(channel.Send(SerializeReply(answer.reply), answer.attachment.get(),
                                    absl::InfiniteFuture()));
  }
}

// All that needs files or unfiltered system calls comes before the last step.
Reason ShutIn(const Setup& setup, const char* argv0, std::unique_ptr<WordReader>& reader) {
  const UniqueFd meter = OpenMemoryMeter();
  if (!HideFiles()) return Reason::kNoSandbox;
  if (setup.role != Role::kDocuments && !StartPictures(argv0)) return Reason::kNoSandbox;
  if (setup.role == Role::kReader) {
    reader = WordReader::Start(setup.ocr_languages);
    if (reader == nullptr) return Reason::kToolMissing;
  }
  const int64_t max_pixel_bytes = 4 * setup.limits.max_pixels;
  LimitResources(meter, setup.memory_bytes, std::max(max_pixel_bytes, kMaxEncodedBytes));
  return FilterSystemCalls(setup.role) ? Reason::kNone : Reason::kNoSandbox;
}

}  // namespace

int RunWorker(const char* argv0, int parent) {
  ::signal(SIGPIPE, SIG_IGN);
  ::fcntl(kChannelFd, F_SETFD, FD_CLOEXEC);
  ::close_range(kChannelFd + 1, ~0U, 0);
  if (!DieWithParent(parent)) return 1;
  Channel channel{UniqueFd(kChannelFd)};
  const auto first = channel.Receive(kMaxRequestBytes, absl::InfiniteFuture());
  if (!first.ok()) return 1;
  const auto setup = ParseSetup(first->body);
  if (!setup.ok()) return 1;
  log::Configure(setup->debug_log ? log::Level::kDebug : log::Level::kError, log::Format::kText);
  std::unique_ptr<WordReader> reader;
  const Hello hello = {ShutIn(*setup, argv0, reader)};
  if (!channel.Send(SerializeHello(hello), -1, absl::InfiniteFuture()).ok()) return 1;
  if (hello.problem != Reason::kNone) return 1;
  const absl::Status end = ServeAll(*setup, reader.get(), channel);
  log::Write(log::Level::kDebug, "media worker ends", {{"reason", end.message()}});
  return 0;
}

}  // namespace sightline::media
