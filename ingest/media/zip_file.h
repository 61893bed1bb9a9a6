#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "ingest/media/reason.h"

struct zip;
struct zip_file;

namespace sightline::media {

// A ZIP file in memory. What it says of itself is not believed: bytes are counted as they come out
// of it, over all that is read through one ZipFile, and what passes the bound is kInflateLimit. Of
// two entries with one name the first is the one that names find.
class ZipFile {
 public:
  struct Entry {
    std::string name;  // as stored: any bytes
    bool encrypted = false;
    bool link = false;  // symbolic link, device, …: neither a file nor a folder
  };

  // `bytes` outlives the result. kBadArchive: no directory of a ZIP file in it; kTooManyMembers.
  static Reason Open(absl::string_view bytes, int64_t max_unpacked_bytes, int max_entries,
                     std::unique_ptr<ZipFile>& out);
  ~ZipFile();

  const std::vector<Entry>& entries() const { return entries_; }
  std::optional<size_t> Find(absl::string_view name) const;

  // The whole of an entry, appended. kEncrypted, kInflateLimit, kBadArchive (damaged, checksum).
  Reason Read(size_t index, std::string& out);
  // The same, handed on in pieces as it inflates; ends early when `on_bytes` says false.
  Reason Stream(size_t index, const std::function<bool(absl::string_view)>& on_bytes);

  // An entry that is read bit by bit.
  class Member {
   public:
    ~Member();
    // At most `size` bytes to `out`; 0 at the end, -1 on errors, which reason() names.
    int Read(char* out, int size);
    Reason reason() const { return reason_; }

   private:
    friend class ZipFile;
    Member(ZipFile& owner, zip_file* file) : owner_(owner), file_(file) {}
    ZipFile& owner_;
    zip_file* file_;
    Reason reason_ = Reason::kNone;
  };
  // Null, and `reason` says why, when it cannot be opened.
  std::unique_ptr<Member> OpenMember(size_t index, Reason& reason);

 private:
  ZipFile(zip* archive, int64_t budget) : archive_(archive), budget_(budget) {}

  zip* const archive_;
  int64_t budget_;  // bytes that may still come out
  std::vector<Entry> entries_;
  absl::flat_hash_map<std::string, size_t> by_name_;
};

}  // namespace sightline::media
