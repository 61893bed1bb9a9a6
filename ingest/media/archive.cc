#include "ingest/media/archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "ingest/media/member_names.h"
#include "ingest/media/member_writer.h"
#include "ingest/media/zip_file.h"

namespace sightline::media {
namespace {

constexpr size_t kPieceBytes = 64 << 10;

using ArchivePtr = std::unique_ptr<archive, int (*)(archive*)>;

ArchivePtr OpenTar(absl::string_view bytes) {
  ArchivePtr tar(archive_read_new(), &archive_read_free);
  archive_read_support_filter_gzip(tar.get());
  archive_read_support_filter_bzip2(tar.get());
  archive_read_support_filter_xz(tar.get());
  archive_read_support_filter_zstd(tar.get());
  archive_read_support_format_tar(tar.get());
  archive_read_support_format_raw(tar.get());
  if (archive_read_open_memory(tar.get(), bytes.data(), bytes.size()) != ARCHIVE_OK)
    return {nullptr, &archive_read_free};
  return tar;
}

bool IsHeader(int result) { return result == ARCHIVE_OK || result == ARCHIVE_WARN; }

// libarchive gives a file that it cannot make sense of as its own only entry.
bool IsItself(archive* tar) {
  return archive_format(tar) == ARCHIVE_FORMAT_RAW &&
         archive_filter_code(tar, 0) == ARCHIVE_FILTER_NONE;
}

std::string NameOf(archive_entry* entry) {
  const char* name = archive_entry_pathname_utf8(entry);
  if (name == nullptr) name = archive_entry_pathname(entry);
  std::vector<std::string> names = {name == nullptr ? "" : name};
  DecodeMemberNames(names);
  return names.front();
}

const char* PackedType(archive* tar) {
  switch (archive_filter_code(tar, 0)) {
    case ARCHIVE_FILTER_GZIP: return "application/gzip";
    case ARCHIVE_FILTER_BZIP2: return "application/x-bzip2";
    case ARCHIVE_FILTER_XZ: return "application/x-xz";
    case ARCHIVE_FILTER_ZSTD: return "application/zstd";
    default: return "application/octet-stream";
  }
}

// The bytes of the entry at hand.
Reason CopyEntry(archive* tar, MemberWriter& writer) {
  const auto piece = std::make_unique<char[]>(kPieceBytes);
  while (true) {
    const la_ssize_t size = archive_read_data(tar, piece.get(), kPieceBytes);
    if (size == 0) return Reason::kNone;
    if (size < 0) return Reason::kBadArchive;
    if (!writer.Append({piece.get(), static_cast<size_t>(size)})) return Reason::kNone;
  }
}

void ReadEntry(archive* tar, archive_entry* entry, MemberWriter& writer) {
  if (archive_format(tar) == ARCHIVE_FORMAT_RAW) {
    writer.BeginUnnamed();
    writer.End(CopyEntry(tar, writer));
    return;
  }
  if (archive_entry_filetype(entry) == AE_IFDIR) return;
  const std::string name = NameOf(entry);
  if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != nullptr) {
    writer.Refuse(name, Reason::kNotAFile);
  } else if (writer.Begin(name)) {
    writer.End(CopyEntry(tar, writer));
  }
}

bool IsFolder(absl::string_view name) {
  return absl::EndsWith(name, "/") || absl::EndsWith(name, "\\");
}

}  // namespace

Reply ReadTarHead(absl::string_view bytes) {
  const ArchivePtr tar = OpenTar(bytes);
  archive_entry* entry = nullptr;
  if (tar == nullptr) return Failure(Reason::kBadArchive);
  const int result = archive_read_next_header(tar.get(), &entry);
  if (result != ARCHIVE_EOF && !IsHeader(result)) return Failure(Reason::kBadArchive);
  if (IsItself(tar.get())) return Failure(Reason::kBadArchive);
  Reply reply;
  reply.has_members = true;
  reply.media_type =
      archive_format(tar.get()) == ARCHIVE_FORMAT_RAW ? PackedType(tar.get()) : "application/x-tar";
  return reply;
}

Reply UnpackZip(const Setup& setup, const Request& request, absl::string_view bytes,
                UniqueFd& attachment) {
  std::unique_ptr<ZipFile> zip;
  const MediaLimits& limits = setup.limits;
  const Reason reason = ZipFile::Open(bytes, limits.max_unpacked_bytes, limits.max_members, zip);
  if (reason != Reason::kNone) return Failure(reason, 0, limits.max_members);
  std::vector<std::string> names;
  for (const ZipFile::Entry& entry : zip->entries()) names.push_back(entry.name);
  DecodeMemberNames(names);
  MemberWriter writer(setup, request);
  size_t index = static_cast<size_t>(request.first);
  for (; index < names.size() && !writer.IsFull() && !writer.IsSpent(); ++index) {
    const ZipFile::Entry& entry = zip->entries()[index];
    if (IsFolder(names[index])) continue;
    if (entry.link) {
      writer.Refuse(names[index], Reason::kNotAFile);
    } else if (writer.Begin(names[index])) {
      writer.End(zip->Stream(index, [&](absl::string_view piece) { return writer.Append(piece); }));
    }
  }
  const bool done = writer.IsSpent() || index >= names.size();
  return writer.Finish(done ? 0 : static_cast<int>(index), attachment);
}

Reply UnpackTar(const Setup& setup, const Request& request, absl::string_view bytes,
                UniqueFd& attachment) {
  const MediaLimits& limits = setup.limits;
  const ArchivePtr tar = OpenTar(bytes);
  if (tar == nullptr) return Failure(Reason::kBadArchive);
  MemberWriter writer(setup, request);
  bool done = false;
  int index = 0;
  for (; !done && !writer.IsFull(); ++index) {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(tar.get(), &entry);
    done = result == ARCHIVE_EOF || !IsHeader(result);
    if (result == ARCHIVE_EOF) break;
    if (done) {
      if (index == 0) return Failure(Reason::kBadArchive);
      writer.Refuse("", Reason::kBadArchive);
    } else if (archive_filter_bytes(tar.get(), 0) > limits.max_unpacked_bytes) {
      // What was passed over costs time as well.
      writer.Refuse("", Reason::kInflateLimit, limits.max_unpacked_bytes);
      done = true;
    } else if (index >= limits.max_members) {
      writer.Refuse("", Reason::kTooManyMembers, limits.max_members);
      done = true;
    } else if (index >= request.first) {
      ReadEntry(tar.get(), entry, writer);
      done = writer.IsSpent();
    }
  }
  return writer.Finish(done ? 0 : index, attachment);
}

}  // namespace sightline::media
