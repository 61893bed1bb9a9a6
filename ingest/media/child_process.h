#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ingest/media/channel.h"
#include "ingest/media/messages.h"

namespace sightline::media {

// A running sightline-media and our end of its channel. Not thread-safe.
class ChildProcess {
 public:
  // Starts the program; it has not said anything yet. The child dies with the calling *thread*
  // (PR_SET_PDEATHSIG), so call this from one that lives as long as the child may.
  // kUnavailable: the system refuses to start it.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(const std::string& program,
                                                             bool keep_stderr);
  ~ChildProcess();  // kills and reaps it
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Tells it what it is for and waits until it has shut itself in.
  // kFailedPrecondition: it cannot; kUnavailable, kDeadlineExceeded: it does not come up.
  absl::Status SetUp(const Setup& setup, absl::Time deadline);

  // One request and its answer; `fd` is the file, as a sealed memory file. The reply's attachment,
  // when it has one, is in `attachment`. kUnavailable: the child died; kDeadlineExceeded;
  // kInternal: it talks nonsense. After an error destroy the child.
  absl::StatusOr<Reply> Exchange(const Request& request, int fd, size_t max_reply_bytes,
                                 absl::Time deadline, UniqueFd& attachment);

  // As far as can be seen, it lives and waits for a request.
  bool IsReady() const { return channel_.IsQuiet(); }
  Role role() const { return role_; }
  int requests() const { return requests_; }

 private:
  ChildProcess(pid_t pid, UniqueFd socket) : pid_(pid), channel_(std::move(socket)) {}

  const pid_t pid_;
  Channel channel_;
  Role role_ = Role::kDecoder;
  int requests_ = 0;
};

}  // namespace sightline::media
