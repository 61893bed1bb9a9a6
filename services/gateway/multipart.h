#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline::gateway {

// What stands before a part's bytes.
struct PartHeader {
  std::string name;
  std::optional<std::string> filename;  // set for a file, even if empty
  std::string content_type;             // "" when not said
};

// Takes the parts in the order of the body. An error stops the parser and comes back from Feed.
class PartSink {
 public:
  virtual ~PartSink() = default;
  virtual absl::Status OnPartBegin(const PartHeader& header) = 0;
  virtual absl::Status OnPartData(absl::string_view bytes) = 0;
  virtual absl::Status OnPartEnd() = 0;
};

// Reads multipart/form-data (RFC 7578) piece by piece; holds at most one part's header or a
// boundary's length of the body. Not thread-safe.
// Errors are kInvalidArgument with reason "invalid_multipart".
class MultipartParser {
 public:
  // `content_type` is the request's header with its boundary; `sink` outlives the parser.
  static absl::StatusOr<MultipartParser> Create(absl::string_view content_type, PartSink* sink);

  // The next bytes of the body.
  absl::Status Feed(absl::string_view bytes);
  // The body has ended: an error unless the closing boundary was seen.
  absl::Status Finish() const;

 private:
  enum class State { kPreamble, kBoundaryEnd, kHeaders, kData, kEpilogue };

  MultipartParser(std::string delimiter, PartSink* sink)
      : delimiter_(std::move(delimiter)), sink_(sink) {}

  absl::StatusOr<bool> Step();
  absl::StatusOr<bool> SkipPreamble();
  absl::StatusOr<bool> ReadBoundaryEnd();
  absl::StatusOr<bool> ReadHeaders();
  absl::StatusOr<bool> ReadData();

  const std::string delimiter_;  // CRLF "--" boundary
  PartSink* const sink_;
  State state_ = State::kPreamble;
  // Not yet used. Starts with the line end that a first boundary may do without.
  std::string buffer_ = "\r\n";
  bool at_data_start_ = false;  // `buffer_` begins with the line end before a part's first byte
  int parts_ = 0;
};

// The value of parameter `name` of a header such as `multipart/form-data; boundary=x`, unquoted.
std::optional<std::string> HeaderParameter(absl::string_view header, absl::string_view name);

// The part before the parameters, lower case: "application/json".
std::string MediaType(absl::string_view header);

}  // namespace sightline::gateway
