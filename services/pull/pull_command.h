#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace sightline::services {

// The words of `model pull`.
struct PullWords {
  bool chosen = false;  // this command was given
  std::string repository;
  std::string folder;
  std::string endpoint;
  std::vector<std::string> mirrors;
  std::string token_file;
  std::vector<std::string> include, exclude;
  int jobs = 4;
  int retries = 5;
  bool json = false;
};

// `words` is borrowed and outlives `app`.
void AddPullCommand(CLI::App& app, PullWords& words);

// Runs it, reading HF_TOKEN where no --token-file is given. Exit code: 0 done, 1 failed, 2 wrong
// usage, 130 stopped by SIGINT or SIGTERM.
int RunPullCommand(const PullWords& words);

}  // namespace sightline::services
