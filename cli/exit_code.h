#pragma once

namespace sightline::cli {

// What the program returns.
enum ExitCode {
  kDone = 0,
  kFailed = 1,
  kWrongUsage = 2,     // the command line, or what the server says about an argument
  kSomeFailed = 3,     // finished, but some items failed; their list was written
  kInterrupted = 130,  // Ctrl-C or SIGTERM
};

}  // namespace sightline::cli
