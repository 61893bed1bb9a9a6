// Stands in for sightline-server where the command line starts one: same flags, same ready line.

#include <signal.h>

#include <cstdio>
#include <string>

#include "tests/cli/fake_server.h"

int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::string grpc = "127.0.0.1:0";
  std::string http = "off";
  std::string data;
  for (int i = 1; i + 1 < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--grpc") grpc = argv[i + 1];
    if (flag == "--http") http = argv[i + 1];
    if (flag == "--data") data = argv[i + 1];
  }
  const sightline::testing::FakeServer server(grpc);
  std::fprintf(stderr, "serving %s\n", data.c_str());
  std::printf("ready grpc=%s http=%s\n", grpc.c_str(), http.c_str());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  std::fprintf(stderr, "stopped by a signal\n");
  return 0;
}
