#include "cli/s3/object_reader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace sightline::s3 {

ObjectReader::ObjectReader(const Client& client, const Location& location, const std::string& etag,
                           int64_t part_bytes)
    : client_(client),
      location_(location),
      part_bytes_(part_bytes),
      // Where there is no thread for it, it is fetched when it is asked for.
      first_(std::async(std::launch::async | std::launch::deferred,
                        [&client, location, etag, part_bytes] {
                          return client.Get(location, 0, part_bytes, etag);
                        })) {}

absl::Status ObjectReader::Open() {
  SL_ASSIGN_OR_RETURN(part_, first_.get());
  return absl::OkStatus();
}

absl::Status ObjectReader::Read(int64_t most, std::string& out) {
  const auto held = [this] {
    return part_begin_ + static_cast<int64_t>(part_.bytes.size()) - read_;
  };
  if (held() == 0 && !at_end()) {
    part_.bytes = std::string();  // before the next comes
    const int64_t total = part_.total;
    SL_ASSIGN_OR_RETURN(part_, client_.Get(location_, read_, part_bytes_, part_.etag));
    if (part_.total != total) {
      return absl::AbortedError(
          absl::StrCat(UrlOf(location_), ": the object changed while it was read"));
    }
    part_begin_ = read_;
  }
  const int64_t size = std::min(most, held());
  out.assign(part_.bytes, static_cast<size_t>(read_ - part_begin_), static_cast<size_t>(size));
  read_ += size;
  return absl::OkStatus();
}

}  // namespace sightline::s3
