#pragma once

#include <functional>
#include <list>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace sightline::testing {

// Sends; false once the client is gone or the server stops.
using SendFunction = std::function<bool(absl::string_view bytes)>;
// Answers one request, given up to its empty line; the connection closes when it returns.
using Script = std::function<void(const std::string& request, const SendFunction& send)>;

// An HTTP server on 127.0.0.1 that says what a test tells it to, well-formed or not. Any thread.
class ScriptServer {
 public:
  explicit ScriptServer(Script script);
  ~ScriptServer();

  int port() const { return port_; }
  std::string Url(absl::string_view path, absl::string_view host = "127.0.0.1") const;
  int connections() const;
  std::vector<std::string> requests() const;

 private:
  void Accept();
  void Serve(int socket);

  const Script script_;
  int listener_ = -1;
  int port_ = 0;
  mutable absl::Mutex mu_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<int> sockets_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> requests_ ABSL_GUARDED_BY(mu_);
  std::list<std::thread> serving_ ABSL_GUARDED_BY(mu_);
  std::thread accepting_;  // last: starts when the rest stands
};

// "HTTP/1.1 200 OK" with its length.
std::string HttpOk(absl::string_view body, absl::string_view headers = "");
std::string HttpRedirect(absl::string_view location);

}  // namespace sightline::testing
