#include "tests/services/gateway/raw_http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace sightline::gateway {

RawConnection::RawConnection(const std::string& address) {
  const size_t colon = address.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(std::atoi(address.c_str() + colon + 1)));
  inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
  fd_ = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof(to)) != 0) Close();
}

RawConnection::~RawConnection() { Close(); }

void RawConnection::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

bool RawConnection::Send(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool RawConnection::Fill() {
  pollfd wait{fd_, POLLIN, 0};
  if (fd_ < 0 || poll(&wait, 1, 20000) <= 0) return false;
  char bytes[65536];
  const ssize_t got = recv(fd_, bytes, sizeof(bytes), 0);
  if (got <= 0) return false;
  buffer_.append(bytes, static_cast<size_t>(got));
  return true;
}

std::string RawConnection::ReadSome(size_t bytes) {
  if (buffer_.empty()) Fill();
  std::string out = buffer_.substr(0, bytes);
  buffer_.erase(0, out.size());
  return out;
}

bool RawConnection::IsClosed() { return buffer_.empty() && !Fill(); }

RawReply RawConnection::Read(bool head_only) {
  RawReply reply;
  size_t end;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!Fill()) return reply;
  }
  const std::string head = buffer_.substr(0, end);
  buffer_.erase(0, end + 4);
  const std::vector<std::string> lines = absl::StrSplit(head, "\r\n");
  reply.status = std::atoi(lines[0].c_str() + 9);
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(lines[i], absl::MaxSplits(": ", 1));
    reply.headers[absl::AsciiStrToLower(parts.first)] = parts.second;
  }
  if (head_only || reply.status == 204 || reply.status == 304 || reply.status == 100) return reply;
  if (reply.headers.count("transfer-encoding") > 0) {
    for (;;) {
      size_t line;
      while ((line = buffer_.find("\r\n")) == std::string::npos) {
        if (!Fill()) return reply;
      }
      const size_t size = std::strtoul(buffer_.c_str(), nullptr, 16);
      while (buffer_.size() < line + 2 + size + 2) {
        if (!Fill()) return reply;
      }
      reply.body += buffer_.substr(line + 2, size);
      buffer_.erase(0, line + 2 + size + 2);
      if (size == 0) return reply;
    }
  }
  size_t length = 0;
  if (absl::SimpleAtoi(reply.headers["content-length"], &length)) {
    while (buffer_.size() < length && Fill()) {
    }
    reply.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
  } else {
    while (Fill()) {
    }
    reply.body = std::move(buffer_);
    buffer_.clear();
  }
  return reply;
}

std::string RequestText(absl::string_view method, absl::string_view target, absl::string_view body,
                        const std::vector<std::string>& headers) {
  std::string out = absl::StrCat(method, " ", target, " HTTP/1.1\r\nHost: localhost\r\n");
  for (const std::string& header : headers) absl::StrAppend(&out, header, "\r\n");
  if (!body.empty()) absl::StrAppend(&out, "Content-Length: ", body.size(), "\r\n");
  absl::StrAppend(&out, "\r\n", body);
  return out;
}

RawReply Fetch(const std::string& address, absl::string_view method, absl::string_view target,
               absl::string_view body, const std::vector<std::string>& headers) {
  RawConnection connection(address);
  connection.Send(RequestText(method, target, body, headers));
  return connection.Read(method == "HEAD");
}

RawReply PostJson(const std::string& address, absl::string_view target, absl::string_view json,
                  std::vector<std::string> headers) {
  headers.push_back("Content-Type: application/json");
  return Fetch(address, "POST", target, json, headers);
}

std::string FormText(const std::vector<Part>& parts) {
  std::string out;
  for (const Part& part : parts) {
    absl::StrAppend(&out, "--frontier\r\nContent-Disposition: form-data; name=\"", part.name, "\"");
    if (!part.filename.empty()) absl::StrAppend(&out, "; filename=\"", part.filename, "\"");
    absl::StrAppend(&out, "\r\n\r\n", part.value, "\r\n");
  }
  return out + "--frontier--\r\n";
}

}  // namespace sightline::gateway
