#include "ingest/file_name.h"

#include "absl/strings/ascii.h"

namespace sightline::ingest {

std::string FileName(absl::string_view source) {
  if (source.find("://") != absl::string_view::npos) {
    source = source.substr(0, source.find_first_of("?#"));
  }
  return std::string(source.substr(source.find_last_of("/\\") + 1));
}

std::string Extension(absl::string_view source) {
  const std::string name = FileName(source);
  const size_t dot = name.rfind('.');
  return dot == std::string::npos ? "" : absl::AsciiStrToLower(name.substr(dot));
}

}  // namespace sightline::ingest
