// `pull …` alone, without the network and its start-up time.

#include <CLI/CLI.hpp>

#include "services/pull/pull_command.h"

int main(int argc, char** argv) {
  CLI::App app;
  sightline::services::PullWords words;
  sightline::services::AddPullCommand(app, words);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  return sightline::services::RunPullCommand(words);
}
