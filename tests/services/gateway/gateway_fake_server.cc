// The gateway and the page over an in-memory backend, for tests of the page. Prints
// "ready http://IP:PORT" and serves until standard input closes.
//   gateway_fake_server WEB_ROOT
#include <cstdio>
#include <iostream>
#include <string>

#include "services/gateway/http_server.h"
#include "tests/services/gateway/fake_backend.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: gateway_fake_server WEB_ROOT\n");
    return 2;
  }
  sightline::gateway::FakeBackend backend;
  backend.word_delay_ms = 25;
  sightline::gateway::HttpOptions options;
  options.address = "127.0.0.1:0";
  options.web_root = argv[1];
  sightline::gateway::ServerState state;
  state.version = "fake";
  auto server = sightline::gateway::HttpServer::Start(options, backend.channel(), state);
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", server.status().ToString().c_str());
    return 1;
  }
  std::printf("ready http://%s\n", (*server)->address().c_str());
  std::fflush(stdout);
  std::string line;
  while (std::getline(std::cin, line)) {
  }
  (*server)->Stop(absl::Now() + absl::Seconds(1));
  return 0;
}
