#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace sightline::gateway {

// One HTTP request as the routes see it: checked, decoded, without the connection.
struct Request {
  std::string id;                     // for the log and the X-Request-Id header
  std::string method;                 // "GET"; HEAD arrives as GET
  std::vector<std::string> segments;  // of the path, percent-decoded: /v1/jobs -> {"v1","jobs"}
  std::map<std::string, std::string> query;  // decoded; a name given twice was refused
  std::string content_type;                  // as sent, "" when absent
  int64_t content_length = -1;               // -1 = not said
  std::string authorization;                 // passed on to the server
  std::string if_none_match;
  std::string mcp_protocol_version;
  bool no_cache = false;      // Cache-Control says no-store or no-cache
  bool wants_events = false;  // Accept names text/event-stream
  bool wants_png = false;     // Accept names image/png or image/*
  absl::Time deadline;
  bool timeout_given = false;  // the request named its timeout
  absl::Duration max_timeout;  // a `timeout` in the body may move `deadline` within it
  std::string body;            // whole, except on routes that take it piece by piece
};

// What goes back. Header values are ours or were checked: no control characters.
struct Reply {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool streamed = false;  // `body` is empty and the pieces come from Exchange::Next
};

// The work behind one request. The session calls Start once and then, for a streamed reply, Next
// until it gives nullopt, never two at once. A callback comes exactly once for each call, from any
// thread, possibly before the call returns. Kept as shared_ptr; may outlive the session.
class Exchange {
 public:
  virtual ~Exchange() = default;

  // Start may take as long as the work does.
  virtual void Start(std::function<void(Reply)> done) = 0;
  virtual void Next(std::function<void(std::optional<std::string>)> done) { done(std::nullopt); }

  // The client is gone, or the server stops: ends the work upstream soon; what is awaited then
  // comes with `why`. Any thread, any time, more than once.
  virtual void Cancel(absl::Status why) {}

  // Called several times a second while the session waits. A stream may give a comment instead of
  // what Next is to give, so that proxies on the way keep the connection.
  virtual void Tick(absl::Time now) {}
};

// An exchange that takes the request's body piece by piece, before Start.
class BodyExchange : public Exchange {
 public:
  // `done(false)`: the reply is ready and the rest of the body is of no use. The next piece is
  // given only after `done`, which bounds what is held.
  virtual void Consume(std::string piece, std::function<void(bool)> done) = 0;
};

// A reply that needs no work.
class ReadyExchange final : public Exchange {
 public:
  explicit ReadyExchange(Reply reply) : reply_(std::move(reply)) {}
  void Start(std::function<void(Reply)> done) override { done(std::move(reply_)); }

 private:
  Reply reply_;
};

inline std::shared_ptr<Exchange> Ready(Reply reply) {
  return std::make_shared<ReadyExchange>(std::move(reply));
}

}  // namespace sightline::gateway
