#include "ingest/media/zip_file.h"

#include <sys/stat.h>
#include <zip.h>

namespace sightline::media {
namespace {

constexpr int kPieceBytes = 64 << 10;

bool IsLink(zip_t* archive, zip_uint64_t index) {
  zip_uint8_t system = 0;
  zip_uint32_t attributes = 0;
  if (zip_file_get_external_attributes(archive, index, 0, &system, &attributes) != 0) return false;
  const mode_t mode = attributes >> 16;
  return system == ZIP_OPSYS_UNIX && (mode & S_IFMT) != 0 && !S_ISREG(mode) && !S_ISDIR(mode);
}

}  // namespace

Reason ZipFile::Open(absl::string_view bytes, int64_t max_unpacked_bytes, int max_entries,
                     std::unique_ptr<ZipFile>& out) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  zip_t* archive = source == nullptr ? nullptr : zip_open_from_source(source, ZIP_RDONLY, &error);
  zip_error_fini(&error);
  if (archive == nullptr) {
    if (source != nullptr) zip_source_free(source);
    return Reason::kBadArchive;
  }
  out = std::unique_ptr<ZipFile>(new ZipFile(archive, max_unpacked_bytes));
  const zip_int64_t count = zip_get_num_entries(archive, 0);
  if (count > max_entries) return Reason::kTooManyMembers;
  for (zip_int64_t i = 0; i < count; ++i) {
    Entry& entry = out->entries_.emplace_back();
    const auto index = static_cast<zip_uint64_t>(i);
    const char* name = zip_get_name(archive, index, ZIP_FL_ENC_RAW);
    if (name != nullptr) entry.name = name;
    zip_stat_t stat;
    entry.encrypted = zip_stat_index(archive, index, 0, &stat) == 0 &&
                      (stat.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 &&
                      stat.encryption_method != ZIP_EM_NONE;
    entry.link = IsLink(archive, index);
    out->by_name_.emplace(entry.name, static_cast<size_t>(i));
  }
  return Reason::kNone;
}

ZipFile::~ZipFile() { zip_discard(archive_); }

std::optional<size_t> ZipFile::Find(absl::string_view name) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return std::nullopt;
  return found->second;
}

Reason ZipFile::Read(size_t index, std::string& out) {
  return Stream(index, [&](absl::string_view piece) {
    out.append(piece.data(), piece.size());
    return true;
  });
}

Reason ZipFile::Stream(size_t index, const std::function<bool(absl::string_view)>& on_bytes) {
  Reason reason = Reason::kNone;
  const std::unique_ptr<Member> member = OpenMember(index, reason);
  if (member == nullptr) return reason;
  const auto piece = std::make_unique<char[]>(kPieceBytes);
  int size = 0;
  while ((size = member->Read(piece.get(), kPieceBytes)) > 0) {
    if (!on_bytes({piece.get(), static_cast<size_t>(size)})) break;
  }
  return member->reason();
}

std::unique_ptr<ZipFile::Member> ZipFile::OpenMember(size_t index, Reason& reason) {
  if (entries_[index].encrypted) {
    reason = Reason::kEncrypted;
    return nullptr;
  }
  zip_file_t* file = zip_fopen_index(archive_, index, 0);
  if (file == nullptr) {
    reason = Reason::kBadArchive;
    return nullptr;
  }
  return std::unique_ptr<Member>(new Member(*this, file));
}

ZipFile::Member::~Member() { zip_fclose(file_); }

int ZipFile::Member::Read(char* out, int size) {
  if (reason_ != Reason::kNone) return -1;
  const zip_int64_t read = zip_fread(file_, out, static_cast<zip_uint64_t>(size));
  if (read < 0) {
    reason_ = Reason::kBadArchive;
    return -1;
  }
  owner_.budget_ -= read;
  if (owner_.budget_ < 0) {
    reason_ = Reason::kInflateLimit;
    return -1;
  }
  return static_cast<int>(read);
}

}  // namespace sightline::media
