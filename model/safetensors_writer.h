#pragma once

#include <cstdio>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/safetensors.h"

namespace sightline::model {

// Writes a safetensors file larger than memory, a piece at a time. One thread.
class SafetensorsWriter {
 public:
  // `layout` names the tensors in their order; their bytes are not looked at. The file appears
  // under `path` at Finish. kInvalidArgument: a name twice; kUnavailable: the system refused.
  static absl::StatusOr<std::unique_ptr<SafetensorsWriter>> Create(
      const std::string& path, std::span<const TensorView> layout);
  // Removes what was not finished.
  ~SafetensorsWriter();
  SafetensorsWriter(const SafetensorsWriter&) = delete;
  SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;

  // The next bytes of the data, whichever tensor's.
  absl::Status Append(absl::string_view bytes);

  // Syncs and renames. kInternal: not as many bytes as the layout says.
  absl::Status Finish();

 private:
  SafetensorsWriter(std::string path, std::FILE* file, uint64_t expected)
      : path_(std::move(path)), file_(file), expected_(expected) {}

  const std::string path_;
  std::FILE* file_;  // of path_ + ".partial"; null once finished
  const uint64_t expected_;
  uint64_t written_ = 0;
};

}  // namespace sightline::model
