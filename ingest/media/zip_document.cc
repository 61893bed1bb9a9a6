#include "ingest/media/zip_document.h"

#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "ingest/media/docx.h"
#include "ingest/media/epub.h"
#include "ingest/media/odf.h"
#include "ingest/media/office_package.h"
#include "ingest/media/page_list.h"
#include "ingest/media/pptx.h"
#include "ingest/media/xlsx.h"
#include "ingest/media/zip_file.h"

namespace sightline::media {
namespace {

constexpr size_t kMaxTypeBytes = 200;

// What EPUB and OpenDocument files call themselves, in an entry of that name; "" without one.
std::string NamedType(ZipFile& zip) {
  const auto index = zip.Find("mimetype");
  if (!index.has_value()) return "";
  std::string type;
  zip.Stream(*index, [&](absl::string_view piece) {
    type.append(piece.data(), std::min(piece.size(), kMaxTypeBytes));
    return type.size() < kMaxTypeBytes;
  });
  return std::string(absl::StripAsciiWhitespace(type));
}

Reply ReadOffice(OfficePackage& package, const MediaLimits& limits) {
  const std::string part = package.MainPart();
  if (absl::StartsWith(part, "word/")) return ReadDocx(package, part, limits);
  if (absl::StartsWith(part, "ppt/")) return ReadPptx(package, part, limits);
  if (absl::StartsWith(part, "xl/")) return ReadXlsx(package, part, limits);
  return Failure(part.empty() ? Reason::kBadDocument : Reason::kTypeNotAllowed);
}

}  // namespace

Reply ReadZipDocument(const Setup& setup, absl::string_view bytes) {
  const MediaLimits& limits = setup.limits;
  std::unique_ptr<ZipFile> zip;
  const Reason reason = ZipFile::Open(bytes, limits.max_unpacked_bytes, limits.max_members, zip);
  if (reason != Reason::kNone) return Failure(reason, 0, limits.max_members);
  OfficePackage package(*zip);
  constexpr absl::string_view kOdf = "application/vnd.oasis.opendocument.";
  const std::string type = NamedType(*zip);
  Reply reply;
  if (absl::StartsWith(type, kOdf) && package.Has("content.xml")) {
    reply = ReadOdf(package, type, limits);
  } else if (type == "application/epub+zip" || package.Has("META-INF/container.xml")) {
    reply = ReadEpub(*zip, package, limits);
  } else if (package.Has("[Content_Types].xml") && package.Has("_rels/.rels")) {
    reply = ReadOffice(package, limits);
  } else {
    reply.media_type = "application/zip";
    reply.has_members = true;
  }
  if (reply.reason == Reason::kInflateLimit) reply.limit = limits.max_unpacked_bytes;
  return reply;
}

Reply ReadZipMember(const Setup& setup, absl::string_view bytes, absl::string_view name,
                    std::string& out) {
  std::unique_ptr<ZipFile> zip;
  Reason reason = ZipFile::Open(bytes, setup.limits.max_bytes, setup.limits.max_members, zip);
  if (reason != Reason::kNone) return Failure(reason);
  const auto index = zip->Find(name);
  if (!index.has_value()) return Failure(Reason::kBadDocument);
  reason = zip->Read(*index, out);
  if (reason != Reason::kNone) return Failure(reason, 0, setup.limits.max_bytes);
  return {};
}

}  // namespace sightline::media
