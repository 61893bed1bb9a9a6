#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline::index {

// What a file must be: its length and the checksum of each block of 1 MiB (the last may be
// shorter).
struct BlockSums {
  uint64_t length = 0;
  std::vector<uint64_t> sums;
};

// Writes a new file from front to end and takes its checksums. Not thread-safe.
class BlockFileWriter {
 public:
  // kUnavailable, kResourceExhausted: the system refused. The file must not exist.
  static absl::StatusOr<std::unique_ptr<BlockFileWriter>> Create(const std::string& path);
  ~BlockFileWriter();

  absl::Status Append(absl::string_view bytes);
  // Writes what is left and syncs the file.
  absl::StatusOr<BlockSums> Finish();

 private:
  BlockFileWriter(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  absl::Status FlushBlock();

  const std::string path_;
  const int fd_;
  std::string block_;
  BlockSums sums_;
};

// Reads such a file from front to end; no byte is given out before its block's checksum held. The
// reader of the whole must drop everything when a later block fails. Not thread-safe.
class BlockFileReader {
 public:
  // kDataLoss: another length than `sums` says; kNotFound.
  static absl::StatusOr<std::unique_ptr<BlockFileReader>> Open(const std::string& path,
                                                               BlockSums sums);
  ~BlockFileReader();

  // Fills `out`. kDataLoss: a checksum fails, or the file is at its end.
  absl::Status Read(char* out, size_t size);
  // Bytes not read yet.
  uint64_t left() const { return left_; }

 private:
  BlockFileReader(std::string path, int fd, BlockSums sums);
  absl::Status NextBlock();

  const std::string path_;
  const int fd_;
  const BlockSums sums_;
  uint64_t left_;
  size_t next_block_ = 0;
  std::string block_;
  size_t place_ = 0;  // in block_
};

// Makes a folder's entries durable.
absl::Status SyncFolder(const std::string& path);

}  // namespace sightline::index
