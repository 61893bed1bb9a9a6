#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "ingest/media/unique_fd.h"

namespace sightline::media {

// One message and the file descriptor that came with it, if any.
struct Frame {
  std::string body;
  UniqueFd fd;
};

// Messages over one end of a stream socket pair: 4 bytes "SLM1", the body's length as 32 bits, the
// body; a file descriptor travels with the first byte. Not thread-safe. After an error the channel
// is no good.
class Channel {
 public:
  explicit Channel(UniqueFd socket) : socket_(std::move(socket)) {}

  // kUnavailable: the other side is gone; kDeadlineExceeded.
  absl::Status Send(absl::string_view body, int fd, absl::Time deadline);

  // kUnavailable: the other side is gone; kDeadlineExceeded; kInternal: not a message of ours, or
  // its body is longer than `max_body`; nothing is allocated for it then.
  absl::StatusOr<Frame> Receive(size_t max_body, absl::Time deadline);

  // Nothing waits to be read and the other side is still there.
  bool IsQuiet() const;

 private:
  absl::Status WaitFor(short events, absl::Time deadline) const;
  absl::Status SendAll(absl::string_view bytes, absl::Time deadline);
  absl::Status ReceiveAll(char* out, size_t size, absl::Time deadline);
  absl::Status ReceiveHeader(char* header, size_t size, UniqueFd& fd, absl::Time deadline);

  UniqueFd socket_;
};

}  // namespace sightline::media
