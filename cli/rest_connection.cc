#include "cli/rest_connection.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"

namespace sightline::cli {
namespace {

constexpr size_t kReadBytes = 16 << 10;
constexpr timeval kPatience = {.tv_sec = 60, .tv_usec = 0};  // with a peer that says nothing

// The value of Content-Length; kInternal when there is none.
absl::StatusOr<size_t> BodyBytes(absl::string_view head) {
  for (const absl::string_view line : absl::StrSplit(head, "\r\n")) {
    const std::pair<absl::string_view, absl::string_view> field =
        absl::StrSplit(line, absl::MaxSplits(": ", 1));
    size_t bytes = 0;
    if (absl::EqualsIgnoreCase(field.first, "content-length") &&
        absl::SimpleAtoi(field.second, &bytes)) {
      return bytes;
    }
  }
  return absl::InternalError("the gateway's reply does not say how long it is");
}

}  // namespace

absl::StatusOr<std::unique_ptr<RestConnection>> RestConnection::Open(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) {
    return absl::InvalidArgumentError(absl::StrCat("\"", address, "\" is not HOST:PORT"));
  }
  addrinfo* found = nullptr;
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  const int error = getaddrinfo(address.substr(0, colon).c_str(), address.substr(colon + 1).c_str(),
                                &hints, &found);
  if (error != 0) {
    return absl::UnavailableError(absl::StrCat(address, ": ", gai_strerror(error)));
  }
  const absl::Cleanup free = [found] { freeaddrinfo(found); };
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    const int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
    if (fd < 0) continue;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
    if (connect(fd, at->ai_addr, at->ai_addrlen) == 0) {
      return std::unique_ptr<RestConnection>(new RestConnection(fd, address));
    }
    close(fd);
  }
  return absl::UnavailableError(
      absl::StrCat("no gateway answers at ", address, ": ", std::strerror(errno)));
}

RestConnection::~RestConnection() { close(fd_); }

absl::StatusOr<std::string> RestConnection::Post(absl::string_view path, absl::string_view json,
                                                 bool cached) {
  const auto broken = [] { return absl::UnavailableError("the connection to the gateway broke"); };
  const std::string request = absl::StrCat("POST ", path, " HTTP/1.1\r\nHost: ", host_,
                                           "\r\nContent-Type: application/json\r\n",
                                           cached ? "" : "Cache-Control: no-cache\r\n",
                                           "Content-Length: ", json.size(), "\r\n\r\n", json);
  for (size_t sent = 0; sent < request.size();) {
    const ssize_t n = send(fd_, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return broken();
    sent += static_cast<size_t>(n);
  }
  std::string reply;
  size_t body = std::string::npos;  // where it begins
  size_t bytes = 0;
  while (body == std::string::npos || reply.size() < body + bytes) {
    const size_t had = reply.size();
    reply.resize(had + kReadBytes);
    const ssize_t n = recv(fd_, reply.data() + had, kReadBytes, 0);
    if (n <= 0) return broken();
    reply.resize(had + static_cast<size_t>(n));
    if (body != std::string::npos) continue;
    const size_t end = reply.find("\r\n\r\n");
    if (end == std::string::npos) continue;
    SL_ASSIGN_OR_RETURN(bytes, BodyBytes(absl::string_view(reply).substr(0, end)));
    body = end + 4;
  }
  if (!absl::StartsWith(reply, "HTTP/1.1 200 ")) {
    return absl::InternalError(
        absl::StrCat("the gateway answered ", reply.substr(9, 3), ": ", reply.substr(body)));
  }
  return reply.substr(body);
}

}  // namespace sightline::cli
