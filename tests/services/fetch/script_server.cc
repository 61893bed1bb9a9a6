#include "tests/services/fetch/script_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace sightline::testing {
namespace {

[[noreturn]] void Die(const char* what) {
  std::perror(what);
  std::abort();
}

}  // namespace

ScriptServer::ScriptServer(Script script) : script_(std::move(script)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (listener_ < 0 || bind(listener_, generic, size) != 0 || listen(listener_, 16) != 0 ||
      getsockname(listener_, generic, &size) != 0) {
    Die("ScriptServer");
  }
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { Accept(); });
}

ScriptServer::~ScriptServer() {
  std::list<std::thread> serving;
  shutdown(listener_, SHUT_RDWR);
  accepting_.join();
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
    for (const int socket : sockets_) shutdown(socket, SHUT_RDWR);
    serving = std::move(serving_);
  }
  for (std::thread& thread : serving) thread.join();
  for (const int socket : sockets_) close(socket);
  close(listener_);
}

std::string ScriptServer::Url(absl::string_view path, absl::string_view host) const {
  return absl::StrCat("http://", host, ":", port_, path);
}

int ScriptServer::connections() const {
  absl::MutexLock lock(&mu_);
  return static_cast<int>(sockets_.size());
}

std::vector<std::string> ScriptServer::requests() const {
  absl::MutexLock lock(&mu_);
  return requests_;
}

void ScriptServer::Accept() {
  while (true) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    absl::MutexLock lock(&mu_);
    sockets_.push_back(socket);
    serving_.emplace_back([this, socket] { Serve(socket); });
  }
}

void ScriptServer::Serve(int socket) {
  std::string request;
  char buffer[4096];
  while (request.find("\r\n\r\n") == std::string::npos) {
    const ssize_t got = recv(socket, buffer, sizeof(buffer), 0);
    if (got <= 0) return;
    request.append(buffer, static_cast<size_t>(got));
  }
  {
    absl::MutexLock lock(&mu_);
    requests_.push_back(request);
  }
  script_(request, [this, socket](absl::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    absl::MutexLock lock(&mu_);
    return !stopping_;
  });
  shutdown(socket, SHUT_WR);
}

std::string HttpOk(absl::string_view body, absl::string_view headers) {
  return absl::StrFormat("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s", body.size(), headers,
                         body);
}

std::string HttpRedirect(absl::string_view location) {
  return absl::StrCat("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: ", location,
                      "\r\n\r\n");
}

}  // namespace sightline::testing
