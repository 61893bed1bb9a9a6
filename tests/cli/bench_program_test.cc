// `sightline bench` against a server that answers at once.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "tests/cli/fake_server.h"
#include "tests/cli/run_program.h"

namespace sightline::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class BenchProgramTest : public ::testing::Test {
 protected:
  ProgramResult Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "bench");
    arguments.insert(arguments.end(), {"--server", server_.address(), "--json"});
    return work_.Run(arguments);
  }

  FakeServer server_{"127.0.0.1:0"};
  Workplace work_;
};

TEST_F(BenchProgramTest, SearchesAreCountedAndTheirTimesSplit) {
  const ProgramResult result = Run({"search", "how?", "-c", "c", "--seconds", "1"});
  ASSERT_EQ(result.code, 0) << result.err;
  const auto report = nlohmann::json::parse(result.out);
  EXPECT_EQ(report["bench"], "search");
  EXPECT_EQ(report["documents"], 7);
  EXPECT_GT(report["calls"], 0);
  EXPECT_GE(report["seconds"], 1.0);
  EXPECT_NEAR(report["calls_per_second"].get<double>(),
              report["calls"].get<double>() / report["seconds"].get<double>(),
              report["calls_per_second"].get<double>() * 0.01);
  EXPECT_EQ(report["latency_ms"]["search"]["calls"], report["calls"]);
  EXPECT_EQ(report["latency_ms"]["search"]["stages"]["total"]["p50"], 12.5);
  EXPECT_TRUE(server_.query.last().no_cache());
}

// Answers every request on every connection with the same reply, and keeps the last one it got.
class CannedGateway {
 public:
  explicit CannedGateway(const std::string& reply) : reply_(reply) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 8), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    address_ = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
    thread_ = std::thread([this] {
      for (int fd; (fd = accept(listener_, nullptr, nullptr)) >= 0; close(fd)) Serve(fd);
    });
  }
  ~CannedGateway() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }

  const std::string& address() const { return address_; }
  std::string last() {
    absl::MutexLock lock(&mu_);
    return last_;
  }

 private:
  // A request comes in one piece.
  void Serve(int fd) {
    char bytes[8192];
    for (ssize_t n; (n = recv(fd, bytes, sizeof(bytes), 0)) > 0;) {
      {
        absl::MutexLock lock(&mu_);
        last_.assign(bytes, n);
      }
      // In two pieces.
      send(fd, reply_.data(), 30, MSG_NOSIGNAL);
      send(fd, reply_.data() + 30, reply_.size() - 30, MSG_NOSIGNAL);
    }
  }

  const std::string reply_;
  int listener_ = -1;
  std::string address_;
  std::thread thread_;
  absl::Mutex mu_;
  std::string last_ ABSL_GUARDED_BY(mu_);
};

TEST_F(BenchProgramTest, SearchesGoOverRestWhereToldTo) {
  const std::string body = R"({"hits":[],"timings_ms":{"lexical":0.25,"fuse":0.5,"total":2.5}})";
  CannedGateway gateway(absl::StrCat("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n",
                                     "Content-Length: ", body.size(), "\r\n\r\n", body));
  const std::vector<std::string> search = {
      "search", "how \"so\"?", "-c", "c",      "--seconds",
      "1",      "--clients",   "1",  "--rest", gateway.address()};
  const ProgramResult result = Run(search);
  ASSERT_EQ(result.code, 0) << result.err;
  const auto report = nlohmann::json::parse(result.out);
  EXPECT_EQ(report["over"], "rest");
  EXPECT_GT(report["calls"], 0);
  EXPECT_EQ(report["latency_ms"]["search"]["stages"]["total"]["p50"], 2.5);
  EXPECT_THAT(gateway.last(), StartsWith("POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1:"));
  EXPECT_THAT(gateway.last(), HasSubstr("Cache-Control: no-cache\r\n"));
  EXPECT_THAT(gateway.last(), HasSubstr(R"("text":"how \"so\"?","mode":"hybrid","k":10)"));
  EXPECT_EQ(Run({"search", "how?", "-c", "c", "--rest", "nowhere"}).code, 2);
  EXPECT_EQ(Run({"search", "how?", "-c", "c", "--rest", "127.0.0.1:1"}).code, 1);
}

TEST_F(BenchProgramTest, WhatRestRefusesIsAFailure) {
  CannedGateway gateway("HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\nmissing");
  const ProgramResult result = Run({"search", "how?", "-c", "c", "--rest", gateway.address()});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.out + result.err, HasSubstr("404: missing"));
}

TEST_F(BenchProgramTest, QueriesComeFromAFile) {
  work_.Write("queries.txt", "one\n\n two \n");
  const ProgramResult result =
      Run({"search", "-c", "c", "--seconds", "1", "--queries", "queries.txt"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(nlohmann::json::parse(result.out)["queries"], 2);
  work_.Write("queries.txt", "\n \n");
  EXPECT_EQ(Run({"search", "-c", "c", "--queries", "queries.txt"}).code, 2);
}

TEST_F(BenchProgramTest, OrFromTheCollectionsOwnPassages) {
  const ProgramResult none = Run({"search", "-c", "c", "--seconds", "1"});
  EXPECT_EQ(none.code, 1);
  EXPECT_THAT(none.out + none.err, HasSubstr("--queries"));
  work_.Write("a.txt", "a");
  ASSERT_EQ(work_.Run({"ingest", "a.txt", "-c", "c", "--server", server_.address()}).code, 0);
  const ProgramResult result = Run({"search", "-c", "c", "--seconds", "1"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_GT(nlohmann::json::parse(result.out)["queries"], 0);
}

TEST_F(BenchProgramTest, AnswersAndTheirTokensAreCounted) {
  const ProgramResult result = Run({"answer", "how?", "-c", "c", "--seconds", "1"});
  ASSERT_EQ(result.code, 0) << result.err;
  const auto report = nlohmann::json::parse(result.out);
  EXPECT_EQ(report["abstained"], 0);
  EXPECT_EQ(report["completion_tokens"], 0);
  EXPECT_EQ(report["latency_ms"]["answer"]["calls"], report["calls"]);
}

TEST_F(BenchProgramTest, WhatIsIngestedIsDeletedAgain) {
  work_.Write("in/a.txt", "a");
  work_.Write("in/fail.txt", "b");
  const ProgramResult result = Run({"ingest", "in"});
  EXPECT_EQ(result.code, 3) << result.err;
  const auto report = nlohmann::json::parse(result.out);
  EXPECT_EQ(report["documents"], 1);
  EXPECT_EQ(report["failed"], 1);
  EXPECT_THAT(server_.collections.deleted(), ElementsAre(StartsWith("bench-")));
  work_.Write("empty/sub/a.txt", "a");
  EXPECT_EQ(Run({"ingest", "empty"}).code, 2);
}

TEST_F(BenchProgramTest, AFailureIsAFailureNotAFigure) {
  const ProgramResult result = Run({"search", "how?", "-c", "missing", "--seconds", "1"});
  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(nlohmann::json::parse(result.out + result.err)["error"]["code"], "not_found")
      << result.out << result.err;
}

}  // namespace
}  // namespace sightline::testing
