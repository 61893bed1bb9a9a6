#include "services/gateway/http_server.h"

#include <grpcpp/channel.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "services/edge/callback_queue.h"
#include "services/edge/error_details.h"
#include "services/gateway/serving_threads.h"
#include "services/gateway/session.h"
#include "services/gateway/static_files.h"

namespace sightline::gateway {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr auto kWatchPeriod = std::chrono::milliseconds(100);
constexpr absl::Duration kLastWords = absl::Seconds(2);  // for replies to cancelled requests
constexpr absl::string_view kFull =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
    "Content-Length: 0\r\n\r\n";

absl::StatusOr<tcp::endpoint> ParseAddress(const std::string& address) {
  const auto bad = absl::InvalidArgumentError(
      absl::StrCat("http address: \"", address, "\" is not IP:PORT or [IPv6]:PORT"));
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) return bad;
  absl::string_view host = absl::string_view(address).substr(0, colon);
  const absl::string_view port_text = absl::string_view(address).substr(colon + 1);
  if (absl::ConsumePrefix(&host, "[") && !absl::ConsumeSuffix(&host, "]")) return bad;
  error_code error;
  const asio::ip::address ip = asio::ip::make_address(
      host == "localhost" ? std::string("127.0.0.1") : std::string(host), error);
  int port = 0;
  if (error || !absl::SimpleAtoi(port_text, &port) || port < 0 || port > 65535) return bad;
  return tcp::endpoint(ip, static_cast<uint16_t>(port));
}

absl::Status CheckOptions(const HttpOptions& options) {
  if (options.threads < 1 || options.max_connections < 1 || options.max_requests < 1 ||
      options.max_body_bytes < 1 || options.max_upload_bytes < 1 ||
      options.max_buffered_bytes < options.max_body_bytes || options.min_bytes_per_second < 1 ||
      options.max_timeout <= absl::ZeroDuration() ||
      options.default_timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        "http options: every limit is at least 1, and max_buffered_bytes at least max_body_bytes");
  }
  return absl::OkStatus();
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(const HttpOptions& options, bool only_local_names, std::unique_ptr<Api> api)
      : threads_(std::max<int>(options.threads, std::thread::hardware_concurrency())),
        shared_(options, only_local_names, std::move(api), threads_),
        acceptor_(asio::make_strand(threads_.first().context())),
        watch_timer_(acceptor_.get_executor()) {}

  absl::Status Listen(const tcp::endpoint& endpoint) {
    error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (!error) endpoint_ = acceptor_.local_endpoint(error);
    if (error) {
      return absl::UnavailableError(absl::StrCat("cannot listen on ",
                                                 endpoint.address().to_string(), ":",
                                                 endpoint.port(), ": ", error.message()));
    }
    return absl::OkStatus();
  }

  void Run() {
    absl::MutexLock once(&stop_mu_);
    asio::co_spawn(acceptor_.get_executor(), Accept(), asio::detached);
    asio::co_spawn(acceptor_.get_executor(), Watch(), asio::detached);
    threads_.Start();
    running_ = true;
  }

  std::string address() const {
    const std::string ip = endpoint_.address().to_string();
    return absl::StrCat(endpoint_.address().is_v6() ? absl::StrCat("[", ip, "]") : ip, ":",
                        endpoint_.port());
  }

  void Stop(absl::Time deadline) {
    absl::MutexLock once(&stop_mu_);
    if (!running_) return;
    shared_.stopping = true;
    asio::post(acceptor_.get_executor(), [this] {
      error_code ignored;
      acceptor_.close(ignored);
    });
    CloseAll(/*only_if_idle=*/true);
    if (!WaitUntilEmpty(deadline)) {
      shared_.active.CancelAll(
          edge::WithReason(absl::UnavailableError("the server is shutting down"), "shutting_down"));
      WaitUntilEmpty(absl::Now() + kLastWords);
      CloseAll(/*only_if_idle=*/false);
      // Each session is past its socket now and waits at most for a cancelled call.
      WaitUntilEmpty(absl::InfiniteFuture());
    }
    // A session may end before the thread that called it back has returned from the call.
    while (shared_.callbacks > 0) absl::SleepFor(absl::Milliseconds(1));
    asio::post(acceptor_.get_executor(), [this] { watch_timer_.cancel(); });
    threads_.Join();
    running_ = false;
  }

  ServingThreads threads_;
  SharedState shared_;

 private:
  asio::awaitable<void> Accept() {
    while (!shared_.stopping) {
      ServingLoop& loop = threads_.Next();
      auto [error, socket] =
          co_await acceptor_.async_accept(asio::make_strand(loop.context()), kTuple);
      if (error == asio::error::operation_aborted || !acceptor_.is_open()) co_return;
      if (error) {
        // Out of descriptors or memory: without a pause this would spin until some are freed.
        log::Warning("cannot accept a connection", {{"reason", error.message()}});
        asio::steady_timer pause(acceptor_.get_executor(), kWatchPeriod);
        co_await pause.async_wait(kTuple);
        continue;
      }
      if (IsFull()) {
        error_code ignored;
        socket.non_blocking(true, ignored);
        socket.write_some(asio::buffer(kFull.data(), kFull.size()), ignored);
        continue;
      }
      StartSession(shared_, loop, std::move(socket));
    }
  }

  asio::awaitable<void> Watch() {
    while (!shared_.stopping || !IsEmpty()) {
      watch_timer_.expires_after(kWatchPeriod);
      co_await watch_timer_.async_wait(kTuple);
      shared_.active.Watch(absl::Now());
    }
  }

  bool IsFull() {
    absl::MutexLock lock(&shared_.mu);
    return static_cast<int>(shared_.sessions.size()) >= shared_.options.max_connections;
  }
  bool IsEmpty() {
    absl::MutexLock lock(&shared_.mu);
    return shared_.sessions.empty();
  }
  bool WaitUntilEmpty(absl::Time deadline) {
    absl::MutexLock lock(&shared_.mu);
    return shared_.mu.AwaitWithDeadline(
        absl::Condition(
            +[](std::set<std::shared_ptr<Session>>* sessions) { return sessions->empty(); },
            &shared_.sessions),
        deadline);
  }

  void CloseAll(bool only_if_idle) {
    absl::MutexLock lock(&shared_.mu);
    for (const auto& session : shared_.sessions) CloseSession(session, only_if_idle);
  }

  tcp::acceptor acceptor_;
  asio::steady_timer watch_timer_;
  tcp::endpoint endpoint_;
  absl::Mutex stop_mu_;
  bool running_ ABSL_GUARDED_BY(stop_mu_) = false;
};

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(
    const HttpOptions& options, std::shared_ptr<grpc::Channel> channel, ServerState state,
    const LocalServices* local) {
  edge::KeepCallbackQueue();
  SL_RETURN_IF_ERROR(CheckOptions(options));
  SL_ASSIGN_OR_RETURN(const tcp::endpoint endpoint, ParseAddress(options.address));
  SL_ASSIGN_OR_RETURN(StaticFiles files, StaticFiles::Load(options.web_root));
  const bool only_local_names = endpoint.address().is_loopback();
  auto request_done = state.request_done;
  return CatchStatus("http server", [&]() -> absl::StatusOr<std::unique_ptr<HttpServer>> {
    auto impl = std::make_unique<Impl>(options, only_local_names,
                                       std::make_unique<Api>(Upstream(std::move(channel), local),
                                                             std::move(state), std::move(files)));
    impl->shared_.request_done = std::move(request_done);
    SL_RETURN_IF_ERROR(impl->Listen(endpoint));
    impl->Run();
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
  });
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() { Stop(absl::InfinitePast()); }

std::string HttpServer::address() const { return impl_->address(); }

void HttpServer::Stop(absl::Time deadline) { impl_->Stop(deadline); }

}  // namespace sightline::gateway
