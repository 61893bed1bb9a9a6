#include "services/gateway/session.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/defer.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "services/edge/error_details.h"
#include "services/gateway/error_reply.h"
#include "services/gateway/request_head.h"

namespace sightline::gateway {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using beast::error_code;
using Parser = http::request_parser<http::buffer_body>;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr size_t kPieceBytes = 64 << 10;
constexpr uint32_t kMaxHeadBytes = 16 << 10;
constexpr size_t kMaxBufferBytes = 128 << 10;  // of the connection; a head and a piece fit
constexpr int64_t kMaxLingerBytes = 1 << 20;
constexpr absl::Duration kLinger = absl::Seconds(2);

std::chrono::nanoseconds ToChrono(absl::Duration duration) {
  return absl::ToChronoNanoseconds(duration);
}

// Waits for a callback that may come from any thread, and goes on in the coroutine's own strand.
// `begin` captures by reference only: GCC 12 destroys an owning temporary of a co_await twice.
// Whoever calls back may keep the callback as long as it likes: after the call it holds nothing of
// the connection, and `callbacks` counts the calls that are not over.
template <typename T, typename Begin>
asio::awaitable<T> Await(std::atomic<int>& callbacks, Begin begin) {
  static_assert(std::is_trivially_destructible_v<Begin>);
  return asio::async_initiate<const asio::use_awaitable_t<>&, void(T)>(
      [](auto handler, std::atomic<int>* count, Begin start) {
        using Handler = decltype(handler);
        auto slot = std::make_shared<std::optional<Handler>>(std::move(handler));
        ++*count;
        start([slot, count](T value) {
          {
            Handler taken = *std::move(*slot);
            slot->reset();
            auto executor = asio::get_associated_executor(taken);
            // Of one of our own threads it is what comes next, without waking another for it.
            asio::defer(executor, [taken = std::move(taken), value = std::move(value)]() mutable {
              std::move(taken)(std::move(value));
            });
          }
          --*count;  // the last that is touched of the server
        });
      },
      asio::use_awaitable, &callbacks, std::move(begin));
}

RawHead TakeHead(const Parser& parser) {
  const auto& message = parser.get();
  RawHead raw;
  raw.method = std::string(message.method_string());
  raw.target = std::string(message.target());
  raw.version = static_cast<int>(message.version());
  for (const auto& field : message) {
    raw.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  return raw;
}

// The reply to bytes that are not HTTP.
Reply MalformedReply(error_code error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return ErrorReply(431, "headers_too_large", "the request's head is larger than 16 KiB");
  }
  return ErrorReply(400, "malformed_request", "the request is not well-formed HTTP/1.1");
}

Reply TooLarge(int64_t limit) {
  return ErrorReply(413, "too_large",
                    absl::StrCat("the body is larger than ", limit, " bytes, the limit here"));
}

asio::const_buffer Buffer(absl::string_view bytes) { return {bytes.data(), bytes.size()}; }

bool HasHeader(const Reply& reply, absl::string_view name) {
  for (const auto& header : reply.headers) {
    if (header.first == name) return true;
  }
  return false;
}

}  // namespace

// One connection: a coroutine on the connection's strand reads a request, has it answered, and goes
// on with the next. Requests sent ahead wait in the buffer.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(SharedState& shared, ServingLoop& loop, tcp::socket socket)
      : shared_(shared),
        loop_(loop),
        stream_(std::move(socket)),
        timer_(stream_.get_executor()),
        buffer_(kMaxBufferBytes) {}

  asio::awaitable<void> Run();

  void Close(bool only_if_idle) {
    asio::post(stream_.get_executor(), [self = shared_from_this(), only_if_idle] {
      if (!only_if_idle || self->idle_) self->stream_.close();
    });
  }

 private:
  // The request being served.
  struct Current {
    Head head;
    std::string route = "none";
    absl::Time begin = absl::Now();
    int version = 11;
    bool keep_alive = false;
    int status = 0;
    int64_t reserved_bytes = 0;
  };

  // How an attempt to read ended.
  enum class Got { kBytes, kTimeout, kEnd };
  // Adds bytes to the buffer, or says why there are none. The socket stays usable after a timeout,
  // so that the client can be told.
  asio::awaitable<Got> Fill(absl::Duration timeout);
  asio::awaitable<bool> ServeOne();
  asio::awaitable<bool> ReadHeader(Parser& parser, Current& current);
  asio::awaitable<void> Dispatch(Parser& parser, Current& current);
  asio::awaitable<void> ServeBuffered(Parser& parser, const Route& route, Current& current);
  asio::awaitable<void> ServeUpload(Parser& parser, const Route& route, Current& current);
  // False: nothing came in time, or at all; `failure` then is the reply, if there is anyone to read
  // it.
  asio::awaitable<bool> ReadPiece(Parser& parser, std::string& piece,
                                  std::optional<Reply>& failure);
  asio::awaitable<void> SendContinue(const Current& current);
  // Replies without reading what is left of the body, which ends the connection.
  asio::awaitable<void> Refuse(Reply reply, Current& current);
  // Frees `place` before the client can see the end of the reply: who got its reply may come again.
  // `exchange` is null for a reply that is not streamed and that nothing has to be told of.
  asio::awaitable<void> SendExchange(std::shared_ptr<Exchange> exchange, Reply reply,
                                     std::unique_ptr<ActiveRequests::Place> place,
                                     Current& current);
  asio::awaitable<bool> SendReply(Reply reply, Current& current);
  asio::awaitable<bool> Write(absl::string_view bytes);
  asio::awaitable<void> Linger();
  void Finish(const Current& current);

  SharedState& shared_;
  ServingLoop& loop_;
  beast::tcp_stream stream_;
  asio::steady_timer timer_;
  bool expired_ = false;  // the timer of the present wait
  int64_t wait_ = 0;      // raised when a wait begins and when it ends
  beast::flat_buffer buffer_;
  bool idle_ = true;     // no request is under way
  bool linger_ = false;  // the client may still be sending
  bool broken_ = false;  // nothing more can be written
  int64_t body_bytes_ = 0;
  absl::Duration body_wait_;  // spent waiting for the body of the current request
};

asio::awaitable<void> Session::Run() {
  while (!shared_.stopping) {
    idle_ = true;
    if (buffer_.size() == 0) {
      const Got got = co_await Fill(shared_.options.idle_timeout);
      if (got != Got::kBytes) break;
    }
    idle_ = false;
    if (!co_await ServeOne()) break;
  }
  if (linger_ && !broken_) co_await Linger();
  error_code ignored;
  stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
  stream_.close();
}

asio::awaitable<Session::Got> Session::Fill(absl::Duration timeout) {
  if (buffer_.size() >= kMaxBufferBytes) co_return Got::kEnd;
  stream_.expires_never();
  const int64_t mine = ++wait_;
  expired_ = false;
  timer_.expires_after(ToChrono(std::max(timeout, absl::ZeroDuration())));
  timer_.async_wait([self = shared_from_this(), mine](error_code error) {
    // A timer that fired as the wait ended must not cancel what came after it.
    if (error || self->wait_ != mine) return;
    self->expired_ = true;
    self->stream_.cancel();
  });
  const size_t room = std::min(kPieceBytes, kMaxBufferBytes - buffer_.size());
  Got got = Got::kEnd;
  for (;;) {
    const auto [waited] = co_await stream_.socket().async_wait(tcp::socket::wait_read, kTuple);
    if (waited) {
      if (expired_ && stream_.socket().is_open()) got = Got::kTimeout;
      break;
    }
    error_code error;
    const size_t bytes = stream_.socket().read_some(buffer_.prepare(room), error);
    // A wait may end for bytes that an earlier read has taken already.
    if (error == asio::error::would_block) {
      if (!expired_) continue;
      got = Got::kTimeout;
    } else if (!error) {
      buffer_.commit(bytes);
      got = Got::kBytes;
    }
    break;
  }
  ++wait_;
  timer_.cancel();
  co_return got;
}

// False when the connection ends.
asio::awaitable<bool> Session::ServeOne() {
  Current current;
  Parser parser;
  parser.header_limit(kMaxHeadBytes);
  // Bytes are counted here, piece by piece: one rule, whether the length is declared or not.
  parser.body_limit(boost::none);
  if (!co_await ReadHeader(parser, current)) {
    Finish(current);
    co_return false;
  }
  current.version = static_cast<int>(parser.get().version());
  current.keep_alive = parser.keep_alive();
  body_bytes_ = 0;
  body_wait_ = absl::ZeroDuration();
  co_await Dispatch(parser, current);
  shared_.buffered_bytes -= current.reserved_bytes;
  Finish(current);
  co_return current.keep_alive && !broken_;
}

// The buffer holds the first bytes already. False when there is no head; the client then knows.
asio::awaitable<bool> Session::ReadHeader(Parser& parser, Current& current) {
  while (!parser.is_header_done()) {
    error_code error;
    buffer_.consume(parser.put(buffer_.data(), error));
    if (error == http::error::need_more) {
      const Got got = co_await Fill(shared_.options.header_timeout - (absl::Now() - current.begin));
      if (got == Got::kBytes) continue;
      if (got == Got::kTimeout) {
        Reply late = ErrorReply(408, "header_timeout", "the request's head took too long");
        co_await Refuse(std::move(late), current);
      }
      co_return false;
    }
    if (error) {
      co_await Refuse(MalformedReply(error), current);
      co_return false;
    }
  }
  co_return true;
}

asio::awaitable<void> Session::Dispatch(Parser& parser, Current& current) {
  auto head = ReadHead(TakeHead(parser), shared_.options, shared_.only_local_names);
  if (!head.ok()) {
    co_await Refuse(ErrorReply(head.status(), current.head.request.id), current);
    co_return;
  }
  current.head = *std::move(head);
  const Api::Match match = shared_.api->Find(current.head.request);
  if (match.route == nullptr) {
    if (current.head.has_body) {
      co_await Refuse(match.reply, current);
    } else {
      co_await SendReply(match.reply, current);
    }
    co_return;
  }
  current.route = match.route->pattern;
  if (match.route->open) {
    co_await ServeUpload(parser, *match.route, current);
  } else {
    co_await ServeBuffered(parser, *match.route, current);
  }
}

asio::awaitable<void> Session::ServeBuffered(Parser& parser, const Route& route, Current& current) {
  const int64_t limit = shared_.options.max_body_bytes;
  Request& request = current.head.request;
  if (request.content_length > limit) {
    co_await Refuse(TooLarge(limit), current);
    co_return;
  }
  co_await SendContinue(current);
  std::string piece;
  while (!parser.is_done()) {
    std::optional<Reply> failure;
    if (!co_await ReadPiece(parser, piece, failure)) {
      if (failure.has_value()) co_await Refuse(*std::move(failure), current);
      co_return;
    }
    if (body_bytes_ > limit) {
      co_await Refuse(TooLarge(limit), current);
      co_return;
    }
    const auto size = static_cast<int64_t>(piece.size());
    current.reserved_bytes += size;
    if ((shared_.buffered_bytes += size) > shared_.options.max_buffered_bytes) {
      co_await Refuse(ErrorReply(503, "overloaded", "too much is being sent at once"), current);
      co_return;
    }
    request.body += piece;
  }
  std::unique_ptr<ActiveRequests::Place> place =
      route.is_probe ? nullptr : shared_.active.Enter(stream_.socket().native_handle(), false);
  if (place == nullptr && !route.is_probe) {
    co_await SendReply(ErrorReply(429, "overloaded", "too many requests are at work"), current);
    co_return;
  }
  // Off the connection's strand, which is to take notice of other things meanwhile. What is
  // captured by reference stands until `done` is called.
  const auto start = [&](std::function<void(Reply)> done) {
    shared_.threads.Defer(loop_, [&, done = std::move(done)]() mutable {
      const std::shared_ptr<Exchange> exchange = route.handle(request);
      request.body = std::string();
      if (place != nullptr) place->Attach(exchange);
      exchange->Start(std::move(done));
    });
  };
  Reply reply = co_await Await<Reply>(shared_.callbacks, start);
  // The thread that attached it may be another one; a probe's is not needed any more.
  std::shared_ptr<Exchange> exchange = place == nullptr ? nullptr : place->exchange();
  co_await SendExchange(std::move(exchange), std::move(reply), std::move(place), current);
}

asio::awaitable<void> Session::ServeUpload(Parser& parser, const Route& route, Current& current) {
  const int64_t limit = shared_.options.max_upload_bytes;
  const Request& request = current.head.request;
  if (request.content_length > limit) {
    co_await Refuse(TooLarge(limit), current);
    co_return;
  }
  std::unique_ptr<ActiveRequests::Place> place =
      shared_.active.Enter(stream_.socket().native_handle(), true);
  if (place == nullptr) {
    co_await Refuse(ErrorReply(429, "overloaded", "too many uploads are at work"), current);
    co_return;
  }
  auto upload = route.open(request);
  if (!upload.ok()) {
    co_await Refuse(ErrorReply(upload.status(), request.id), current);
    co_return;
  }
  const std::shared_ptr<BodyExchange> exchange = *std::move(upload);
  place->Attach(exchange);
  co_await SendContinue(current);
  std::string piece;
  bool wanted = true;
  while (wanted && !parser.is_done()) {
    std::optional<Reply> failure;
    bool read = co_await ReadPiece(parser, piece, failure);
    if (read && body_bytes_ > limit) {
      failure = TooLarge(limit);
      read = false;
    }
    if (!read) {
      exchange->Cancel(absl::CancelledError("the upload broke off"));
      if (failure.has_value()) co_await Refuse(*std::move(failure), current);
      co_return;
    }
    const auto consume = [&exchange, &piece](std::function<void(bool)> done) {
      exchange->Consume(std::move(piece), std::move(done));
    };
    wanted = co_await Await<bool>(shared_.callbacks, consume);
  }
  const auto start = [&exchange](std::function<void(Reply)> done) {
    exchange->Start(std::move(done));
  };
  Reply reply = co_await Await<Reply>(shared_.callbacks, start);
  if (!parser.is_done()) {
    current.keep_alive = false;
    linger_ = true;
  }
  co_await SendExchange(exchange, std::move(reply), std::move(place), current);
}

asio::awaitable<bool> Session::ReadPiece(Parser& parser, std::string& piece,
                                         std::optional<Reply>& failure) {
  // After the grace the body must have come at the least rate. Time in which we did not read, since
  // the server took its time, does not count.
  const absl::Duration allowed =
      shared_.options.body_grace +
      absl::Seconds(static_cast<double>(body_bytes_) / shared_.options.min_bytes_per_second);
  const auto left = parser.content_length_remaining();
  piece.resize(std::clamp<uint64_t>(left.value_or(kPieceBytes), 1, kPieceBytes));
  auto& body = parser.get().body();
  body.data = piece.data();
  body.size = piece.size();
  body.more = true;
  while (body.size == piece.size() && !parser.is_done()) {
    error_code error = http::error::need_more;
    if (buffer_.size() > 0) buffer_.consume(parser.put(buffer_.data(), error));
    if (error == http::error::need_buffer) error = {};
    if (!error) continue;
    if (error != http::error::need_more) {
      failure = MalformedReply(error);
      co_return false;
    }
    const absl::Time begin = absl::Now();
    const Got got = co_await Fill(allowed - body_wait_);
    body_wait_ += absl::Now() - begin;
    if (got == Got::kBytes) continue;
    if (got == Got::kTimeout) {
      failure = ErrorReply(408, "body_timeout", "the request's body comes too slowly");
    } else if (buffer_.size() >= kMaxBufferBytes) {
      failure = MalformedReply(http::error::bad_chunk);
    } else {
      broken_ = true;
    }
    co_return false;
  }
  piece.resize(piece.size() - body.size);
  body_bytes_ += static_cast<int64_t>(piece.size());
  co_return true;
}

asio::awaitable<void> Session::SendContinue(const Current& current) {
  if (!current.head.expects_continue || !current.head.has_body || buffer_.size() > 0) co_return;
  co_await Write("HTTP/1.1 100 Continue\r\n\r\n");
}

asio::awaitable<void> Session::Refuse(Reply reply, Current& current) {
  current.keep_alive = false;
  linger_ = true;
  co_await SendReply(std::move(reply), current);
}

asio::awaitable<void> Session::SendExchange(std::shared_ptr<Exchange> exchange, Reply reply,
                                            std::unique_ptr<ActiveRequests::Place> place,
                                            Current& current) {
  const bool streamed = reply.streamed;
  const bool chunked = current.version >= 11;
  if (streamed && !chunked) current.keep_alive = false;
  if (!streamed) place.reset();
  bool sent = co_await SendReply(std::move(reply), current);
  while (streamed && sent) {
    const auto next = [&exchange](std::function<void(std::optional<std::string>)> done) {
      exchange->Next(std::move(done));
    };
    std::optional<std::string> piece =
        co_await Await<std::optional<std::string>>(shared_.callbacks, next);
    if (!piece.has_value()) break;
    const std::string framed =
        chunked ? absl::StrCat(absl::Hex(piece->size()), "\r\n", *piece, "\r\n") : *piece;
    sent = co_await Write(framed);
  }
  place.reset();
  if (!sent && exchange != nullptr) {
    exchange->Cancel(absl::CancelledError("the client closed the connection"));
  } else if (sent && streamed && chunked) {
    co_await Write("0\r\n\r\n");
  }
}

asio::awaitable<bool> Session::SendReply(Reply reply, Current& current) {
  if (shared_.stopping) current.keep_alive = false;
  current.status = reply.status;
  std::string head = absl::StrCat("HTTP/1.1 ", reply.status, " ", ReasonPhrase(reply.status),
                                  "\r\nConnection: ", current.keep_alive ? "keep-alive" : "close",
                                  "\r\nX-Content-Type-Options: nosniff"
                                  "\r\nReferrer-Policy: no-referrer"
                                  "\r\nCross-Origin-Resource-Policy: same-origin\r\n");
  if (!current.head.request.id.empty()) {
    absl::StrAppend(&head, "X-Request-Id: ", current.head.request.id, "\r\n");
  }
  if (!HasHeader(reply, "Content-Security-Policy")) {
    absl::StrAppend(&head,
                    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n");
  }
  if (!HasHeader(reply, "Cache-Control")) absl::StrAppend(&head, "Cache-Control: no-store\r\n");
  for (const auto& [name, value] : reply.headers) absl::StrAppend(&head, name, ": ", value, "\r\n");
  if (reply.status != 204 && reply.status != 304) {
    absl::StrAppend(&head, "Content-Type: ", reply.content_type, "\r\n");
    if (!reply.streamed) {
      absl::StrAppend(&head, "Content-Length: ", reply.body.size(), "\r\n");
    } else if (current.version >= 11) {
      absl::StrAppend(&head, "Transfer-Encoding: chunked\r\n");
    }
  }
  absl::StrAppend(&head, "\r\n");
  const bool with_body = !current.head.is_head && reply.status != 204 && reply.status != 304;
  if (with_body && reply.body.size() <= kPieceBytes) {
    head += reply.body;  // one packet for what fits
    co_return co_await Write(head);
  }
  bool sent = co_await Write(head);
  if (with_body && sent) sent = co_await Write(reply.body);
  co_return sent;
}

// Piece by piece, each within the time that the least rate allows.
asio::awaitable<bool> Session::Write(absl::string_view bytes) {
  // What the socket takes at once needs no waiting; the error of a closed one comes below.
  error_code ignored;
  if (!broken_) bytes.remove_prefix(stream_.socket().write_some(Buffer(bytes), ignored));
  while (!bytes.empty() && !broken_) {
    const absl::string_view piece = bytes.substr(0, 2 * kPieceBytes);
    stream_.expires_after(ToChrono(
        shared_.options.body_grace +
        absl::Seconds(static_cast<double>(piece.size()) / shared_.options.min_bytes_per_second)));
    const auto [error, written] = co_await asio::async_write(stream_, Buffer(piece), kTuple);
    if (error) broken_ = true;
    bytes.remove_prefix(piece.size());
  }
  co_return !broken_;
}

// A connection closed while bytes arrive is reset, and the reply may be lost on the way: says that
// no more comes from here, then takes what the client still sends for a moment.
asio::awaitable<void> Session::Linger() {
  error_code ignored;
  stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  stream_.expires_after(ToChrono(kLinger));
  int64_t total = 0;
  while (total < kMaxLingerBytes) {
    buffer_.clear();
    const auto [error, bytes] =
        co_await stream_.async_read_some(buffer_.prepare(kPieceBytes), kTuple);
    if (error) break;
    total += static_cast<int64_t>(bytes);
  }
}

void Session::Finish(const Current& current) {
  if (current.status == 0) return;
  const absl::Duration elapsed = absl::Now() - current.begin;
  if (shared_.request_done) {
    shared_.request_done(absl::StrCat(current.head.request.method, " ", current.route),
                         current.status, elapsed);
  }
  const bool probe =
      current.route == "/livez" || current.route == "/readyz" || current.route == "/metrics";
  log::Write(probe ? log::Level::kDebug : log::Level::kInfo, "http",
             {{"request_id", current.head.request.id},
              {"method", current.head.request.method},
              {"route", current.route},
              {"status", current.status},
              {"bytes_in", body_bytes_},
              {"ms", absl::ToDoubleMilliseconds(elapsed)}});
}

void StartSession(SharedState& shared, ServingLoop& loop, tcp::socket socket) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.non_blocking(true, ignored);
  auto executor = socket.get_executor();
  auto session = std::make_shared<Session>(shared, loop, std::move(socket));
  {
    absl::MutexLock lock(&shared.mu);
    shared.sessions.insert(session);
  }
  asio::co_spawn(
      executor, [session]() -> asio::awaitable<void> { co_await session->Run(); },
      [&shared, session](std::exception_ptr error) {
        if (error) log::Error("connection ended by an exception");
        absl::MutexLock lock(&shared.mu);
        shared.sessions.erase(session);
      });
}

void CloseSession(const std::shared_ptr<Session>& session, bool only_if_idle) {
  session->Close(only_if_idle);
}

}  // namespace sightline::gateway
