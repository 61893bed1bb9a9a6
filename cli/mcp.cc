#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/bounded_queue.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "mcp/server.h"

namespace sightline::cli {
namespace {

constexpr size_t kMaxLineBytes = 64 << 20;  // a message, pictures included
constexpr size_t kWaiting = 64;             // requests that no worker has taken
constexpr int kWorkers = 8;
constexpr absl::Duration kRequestTimeout = absl::Minutes(10);

// Lines of standard input, until its end or an interrupt.
class Lines {
 public:
  // kOutOfRange at the end; kResourceExhausted: a line longer than kMaxLineBytes.
  absl::StatusOr<std::string> Next() {
    while (true) {
      if (const size_t end = buffer_.find('\n', searched_); end != std::string::npos) {
        std::string line = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        searched_ = 0;
        return line;
      }
      searched_ = buffer_.size();
      if (buffer_.size() > kMaxLineBytes) {
        return absl::ResourceExhaustedError(
            absl::StrCat("a message is longer than ", kMaxLineBytes, " bytes"));
      }
      if (!Fill()) return absl::OutOfRangeError("the end");
    }
  }

 private:
  bool Fill() {
    while (!Interrupted()) {
      pollfd waiting = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
      if (poll(&waiting, 1, 200) == 0) continue;
      char piece[64 << 10];
      const ssize_t count = read(STDIN_FILENO, piece, sizeof(piece));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      buffer_.append(piece, static_cast<size_t>(count));
      return true;
    }
    return false;
  }

  std::string buffer_;
  size_t searched_ = 0;  // bytes of it that hold no line end
};

// Runs requests side by side; each reply is one line, whole.
class Workers {
 public:
  Workers() : waiting_(kWaiting) {
    for (int i = 0; i < kWorkers; ++i) threads_.emplace_back([this] { Run(); });
  }
  // False when too many wait.
  bool Take(mcp::Server::Work& work) { return waiting_.TryPush(work); }
  // Waits for what was taken.
  void Finish() {
    waiting_.Close();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  void Reply(const std::string& line) {
    absl::MutexLock lock(&mu_);
    PrintLine(line);
    std::fflush(stdout);
  }

 private:
  void Run() {
    while (auto work = waiting_.Pop()) {
      if (const std::optional<std::string> line = (*work)(); line.has_value()) Reply(*line);
    }
  }

  BoundedQueue<mcp::Server::Work> waiting_;
  std::vector<std::thread> threads_;
  absl::Mutex mu_;
};

int Mcp(const CommonArguments& arguments, const Environment& environment) {
  const auto connection = Connect(arguments, environment, kRequestTimeout);
  if (!connection.ok()) return ReportFailure(connection.status(), arguments.json);
  mcp::Server server((*connection)->channel(),
                     {.version = environment.version,
                      .authorization = {},
                      .timeout = (*connection)->Deadline() - absl::Now()});
  const OnInterrupt interrupted([&server] { server.CancelAll(); });
  Workers workers;
  Lines lines;
  absl::Status status;
  while (status.ok()) {
    absl::StatusOr<std::string> line = lines.Next();
    status = line.status();
    if (!status.ok() || line->find_first_not_of(" \t\r") == std::string::npos) continue;
    mcp::Server::Work work = server.Accept(*line);
    if (work == nullptr) continue;
    // With every worker busy and the queue full, the reader is the next worker.
    if (!workers.Take(work)) {
      if (const auto reply = work(); reply.has_value()) workers.Reply(*reply);
    }
  }
  workers.Finish();
  return absl::IsOutOfRange(status) ? kDone : ReportFailure(status, arguments.json);
}

}  // namespace

void AddMcp(Arguments& program, const Environment& environment) {
  auto arguments = std::make_shared<CommonArguments>();
  Arguments command = program.Command(
      "mcp", "Serve assistants: the Model Context Protocol on standard input and output",
      "sightline mcp --data ./corpus\n"
      "sightline mcp --server 127.0.0.1:50051",
      [arguments, &environment] { return Mcp(*arguments, environment); });
  AddCommonArguments(command, *arguments);
}

}  // namespace sightline::cli
