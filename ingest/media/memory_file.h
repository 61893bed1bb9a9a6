#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ingest/media/unique_fd.h"

namespace sightline::media {

// Anonymous files in memory carry what is too large for a message from one process to the other.
// They are sealed before they are sent: from then on nobody, the sender included, can change or cut
// them.

// An unsealed, empty one. kResourceExhausted: the system refuses.
absl::StatusOr<UniqueFd> CreateMemoryFile();
// Appends. kResourceExhausted: no memory, or the process's file size limit.
absl::Status AppendToMemoryFile(int fd, const void* data, size_t size);
absl::Status SealMemoryFile(int fd);

// A sealed file that holds `bytes`.
absl::StatusOr<UniqueFd> MakeMemoryFile(absl::string_view bytes);

// The size of a sealed memory file. kInvalidArgument: it is anything else, such as a pipe that
// would never answer, or a file that the other side could still cut.
absl::StatusOr<size_t> SealedSize(int fd);

// Copies a sealed file of exactly `size` bytes. kInvalidArgument: not sealed, or of another size.
absl::Status ReadMemoryFile(int fd, size_t size, void* out);

// A read-only view of a sealed memory file.
class MemoryFileView {
 public:
  static absl::StatusOr<MemoryFileView> Open(int fd);
  MemoryFileView(MemoryFileView&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  MemoryFileView& operator=(MemoryFileView&&) = delete;
  ~MemoryFileView();

  absl::string_view bytes() const { return {data_, size_}; }

 private:
  MemoryFileView(const char* data, size_t size) : data_(data), size_(size) {}

  const char* data_;
  size_t size_;
};

}  // namespace sightline::media
