#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline {

// The whole file. kNotFound: no such file; kResourceExhausted: larger than `max_bytes`;
// kInvalidArgument: not a regular file; kUnavailable: the system refused, with its reason.
absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t max_bytes = UINT64_MAX);

// Writes through a temporary file beside `path`, syncs it, renames it, syncs the folder: after a
// crash `path` holds the old content or the new, never a part.
absl::Status WriteFileAtomic(const std::string& path, absl::string_view content);

// A read-only memory map of a whole file. Immutable; any thread.
class MappedFile {
 public:
  // Errors as ReadFile. An empty file maps to an empty view.
  static absl::StatusOr<std::unique_ptr<MappedFile>> Open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  absl::string_view bytes() const { return {data_, size_}; }

 private:
  MappedFile(const char* data, size_t size) : data_(data), size_(size) {}
  const char* const data_;
  const size_t size_;
};

// Gives back the memory that reading `mapped`, bytes of a MappedFile, has brought in; the next read
// brings it in again. For files larger than memory that are read through once.
void ReleasePages(absl::string_view mapped);

// A folder that is made at construction and removed with all it holds at destruction.
class TempDir {
 public:
  // Under $TMPDIR, or /tmp.
  static absl::StatusOr<std::unique_ptr<TempDir>> Create(absl::string_view prefix = "sightline");
  ~TempDir();
  const std::string& path() const { return path_; }

 private:
  explicit TempDir(std::string path) : path_(std::move(path)) {}
  const std::string path_;
};

// The folder that holds the running program, e.g. to find its sister programs.
absl::StatusOr<std::string> ProgramDirectory();

}  // namespace sightline
