#include "model/safetensors_writer.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace sightline::model {
namespace {

absl::Status Refused(absl::string_view what, const std::string& path) {
  return absl::UnavailableError(absl::StrCat(what, " ", path, ": ", std::strerror(errno)));
}

std::string PartialPath(const std::string& path) { return path + ".partial"; }

}  // namespace

absl::StatusOr<std::unique_ptr<SafetensorsWriter>> SafetensorsWriter::Create(
    const std::string& path, std::span<const TensorView> layout) {
  SL_ASSIGN_OR_RETURN(const std::string header, SafetensorsHeader(layout, {}));
  uint64_t expected = 0;
  for (const TensorView& tensor : layout) {
    expected += static_cast<uint64_t>(tensor.elements()) * DTypeBytes(tensor.dtype);
  }
  std::FILE* const file = std::fopen(PartialPath(path).c_str(), "wb");
  if (file == nullptr) return Refused("cannot create", path);
  std::unique_ptr<SafetensorsWriter> writer(new SafetensorsWriter(path, file, expected));
  if (std::fwrite(header.data(), 1, header.size(), file) != header.size()) {
    return Refused("cannot write", path);
  }
  return writer;
}

SafetensorsWriter::~SafetensorsWriter() {
  if (file_ == nullptr) return;
  std::fclose(file_);
  std::error_code ignored;
  std::filesystem::remove(PartialPath(path_), ignored);
}

absl::Status SafetensorsWriter::Append(absl::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) {
    return Refused("cannot write", path_);
  }
  written_ += bytes.size();
  return absl::OkStatus();
}

absl::Status SafetensorsWriter::Finish() {
  if (written_ != expected_) {
    return absl::InternalError(
        absl::StrCat(path_, ": ", written_, " bytes written of ", expected_));
  }
  if (std::fflush(file_) != 0 || ::fsync(::fileno(file_)) != 0) {
    return Refused("cannot write", path_);
  }
  std::fclose(file_);
  file_ = nullptr;
  if (std::rename(PartialPath(path_).c_str(), path_.c_str()) != 0) {
    return Refused("cannot rename", path_);
  }
  return absl::OkStatus();
}

}  // namespace sightline::model
