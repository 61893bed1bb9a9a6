#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file.h"

namespace sightline::model {

enum class DType {
  kBool,
  kU8,
  kI8,
  kU16,
  kI16,
  kF16,
  kBF16,
  kU32,
  kI32,
  kF32,
  kU64,
  kI64,
  kF64,
  kF8E4M3,
  kF8E5M2,
};

int DTypeBytes(DType dtype);
// As the format spells it: "F32", "BF16", "F8_E4M3", …
absl::string_view DTypeName(DType dtype);

// One tensor inside a mapped file: row-major, little-endian. `bytes` starts at any address: copy,
// or check the alignment before reading it as wider elements.
struct TensorView {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;  // each >= 0; empty = a scalar
  absl::string_view bytes;     // elements() * DTypeBytes(dtype) bytes

  int64_t elements() const;
};

// The tensors of a safetensors file image, in the order of their bytes; the views point into
// `file`. kFailedPrecondition, naming the fault: another format (GGUF, a zip archive, a pickle, a
// Git LFS pointer), a header length beyond the file or above 8 MiB, JSON that is not the format's,
// duplicate names, more than 65536 tensors, an unknown dtype, sizes that overflow or disagree with
// the offsets, and offsets that overlap, leave gaps or end elsewhere than the file. `metadata`,
// when not null, receives the __metadata__ strings.
absl::StatusOr<std::vector<TensorView>> ParseSafetensors(
    absl::string_view file, std::map<std::string, std::string>* metadata = nullptr);

// A mapped safetensors file. Immutable; any thread. Views live as long as it does.
class SafetensorsFile {
 public:
  // Errors of MappedFile::Open and ParseSafetensors, with the path.
  static absl::StatusOr<std::unique_ptr<SafetensorsFile>> Open(const std::string& path);

  const std::vector<TensorView>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  // Null when there is none of that name.
  const TensorView* Find(absl::string_view name) const;
  // The whole file.
  absl::string_view bytes() const { return file_->bytes(); }

 private:
  SafetensorsFile() = default;
  std::unique_ptr<MappedFile> file_;
  std::vector<TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
  absl::flat_hash_map<std::string, size_t> by_name_;
};

// What stands before the data of such a file: the header's length, then the header, padded to a
// multiple of eight bytes. The tensors' bytes are not looked at. kInvalidArgument: a name twice, or
// a shape whose size no file could have.
absl::StatusOr<std::string> SafetensorsHeader(std::span<const TensorView> tensors,
                                              const std::map<std::string, std::string>& metadata);

// Writes the tensors in the given order, atomically (WriteFileAtomic).
// kInvalidArgument: a name twice, or bytes that disagree with dtype and shape.
absl::Status WriteSafetensors(const std::string& path, std::span<const TensorView> tensors,
                              const std::map<std::string, std::string>& metadata = {});

// The weights of one checkpoint folder: model.safetensors, or model.safetensors.index.json and its
// shards. Immutable; any thread.
class CheckpointWeights {
 public:
  // kNotFound: no weights, or a shard the index names is missing (the message names it);
  // kFailedPrecondition: a malformed file, an index that disagrees with its shards, one tensor in
  // two shards, or only pickle files (.bin, .pt, .pth, .ckpt, …), which are never opened, or GGUF.
  static absl::StatusOr<std::unique_ptr<CheckpointWeights>> Open(const std::string& folder);

  // Tries `name`, then the same with a leading "model." added or taken away. Null when absent.
  const TensorView* Find(absl::string_view name) const;
  // As Find, but kFailedPrecondition naming the tensor when absent or of another shape.
  absl::StatusOr<const TensorView*> Get(absl::string_view name,
                                        std::span<const int64_t> shape) const;
  // All names as stored, sorted.
  std::vector<std::string> Names() const;
  // Whether `address` lies in the memory map of one of the files.
  bool Maps(const void* address) const;
  const std::string& folder() const { return folder_; }

 private:
  CheckpointWeights() = default;
  std::string folder_;
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  absl::flat_hash_map<std::string, const TensorView*> by_name_;
};

}  // namespace sightline::model
