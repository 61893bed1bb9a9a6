#include "ingest/media/channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/status.h"
#include "ingest/media/wire.h"

namespace sightline::media {
namespace {

constexpr uint32_t kMagic = 0x314D4C53;  // "SLM1"
constexpr size_t kHeaderBytes = 8;

absl::Status Gone() { return absl::UnavailableError("the other side of the channel is gone"); }
absl::Status Malformed() { return absl::InternalError("malformed message on the channel"); }
bool MustWait(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

int PollTimeoutMs(absl::Time deadline) {
  if (deadline == absl::InfiniteFuture()) return -1;
  const absl::Duration left = absl::Ceil(deadline - absl::Now(), absl::Milliseconds(1));
  return static_cast<int>(std::clamp<int64_t>(absl::ToInt64Milliseconds(left), 0, 1'000'000'000));
}

}  // namespace

absl::Status Channel::WaitFor(short events, absl::Time deadline) const {
  while (true) {
    pollfd waiting = {socket_.get(), events, 0};
    const int n = ::poll(&waiting, 1, PollTimeoutMs(deadline));
    if (n > 0) return absl::OkStatus();
    if (n < 0 && errno != EINTR) return Gone();
    if (n == 0 && absl::Now() >= deadline) return absl::DeadlineExceededError("no answer in time");
  }
}

bool Channel::IsQuiet() const {
  pollfd waiting = {socket_.get(), POLLIN, 0};
  return ::poll(&waiting, 1, 0) == 0;
}

absl::Status Channel::SendAll(absl::string_view bytes, absl::Time deadline) {
  while (!bytes.empty()) {
    SL_RETURN_IF_ERROR(WaitFor(POLLOUT, deadline));
    const ssize_t n =
        ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && MustWait(errno)) continue;
    if (n <= 0) return Gone();
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

absl::Status Channel::Send(absl::string_view body, int fd, absl::Time deadline) {
  WireWriter writer;
  writer.U32(kMagic);
  writer.U32(static_cast<uint32_t>(body.size()));
  std::string header = writer.Take();

  iovec part = {header.data(), header.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &fd, sizeof(int));
  }
  ssize_t sent = -1;
  while (sent < 0) {
    SL_RETURN_IF_ERROR(WaitFor(POLLOUT, deadline));
    sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && !MustWait(errno)) return Gone();
  }
  SL_RETURN_IF_ERROR(
      SendAll(absl::string_view(header).substr(static_cast<size_t>(sent)), deadline));
  return SendAll(body, deadline);
}

absl::Status Channel::ReceiveAll(char* out, size_t size, absl::Time deadline) {
  while (size > 0) {
    SL_RETURN_IF_ERROR(WaitFor(POLLIN, deadline));
    const ssize_t n = ::recv(socket_.get(), out, size, MSG_DONTWAIT);
    if (n < 0 && MustWait(errno)) continue;
    if (n <= 0) return Gone();
    out += n;
    size -= static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

absl::Status Channel::ReceiveHeader(char* header, size_t size, UniqueFd& fd, absl::Time deadline) {
  iovec part = {header, size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t received = -1;
  while (received < 0) {
    SL_RETURN_IF_ERROR(WaitFor(POLLIN, deadline));
    received = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (received < 0 && !MustWait(errno)) return Gone();
  }
  if (received == 0) return Gone();
  int descriptors = 0;
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    // Room for one is, by alignment, room for two: all that came must be owned before judging.
    for (size_t at = CMSG_LEN(0); at + sizeof(int) <= c->cmsg_len; at += sizeof(int)) {
      int passed = -1;
      std::memcpy(&passed, reinterpret_cast<const char*>(c) + at, sizeof(int));
      fd = UniqueFd(passed);
      ++descriptors;
    }
  }
  if (descriptors > 1 || (message.msg_flags & MSG_CTRUNC) != 0) return Malformed();
  return ReceiveAll(header + received, size - static_cast<size_t>(received), deadline);
}

absl::StatusOr<Frame> Channel::Receive(size_t max_body, absl::Time deadline) {
  Frame frame;
  char header[kHeaderBytes];
  SL_RETURN_IF_ERROR(ReceiveHeader(header, sizeof(header), frame.fd, deadline));
  WireReader reader(absl::string_view(header, sizeof(header)));
  if (reader.U32() != kMagic) return Malformed();
  const size_t size = reader.U32();
  if (size > max_body) return Malformed();
  frame.body.resize(size);
  SL_RETURN_IF_ERROR(ReceiveAll(frame.body.data(), size, deadline));
  return frame;
}

}  // namespace sightline::media
