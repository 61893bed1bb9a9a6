#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace sightline::media {

// How a tool that reads one foreign file is run.
struct ToolRun {
  std::string name;                    // e.g. "pdfinfo", looked for where systems keep programs
  std::vector<std::string> arguments;  // kToolInput stands for the file
  int file = -1;                       // the file, as a descriptor
  absl::Duration timeout;
  int64_t memory_bytes = 0;  // address space in all
  size_t max_output_bytes = 0;
};

inline constexpr char kToolInput[] = "/dev/fd/4";

enum class ToolEnd {
  kExited,   // see exit_code
  kMissing,  // not installed, or not to be started
  kTimeout,  // took longer than it may, of time or processor
  kCrashed,  // ended by another signal
  kTooMuch,  // wrote more than it may
};

struct ToolResult {
  ToolEnd end = ToolEnd::kMissing;
  int exit_code = 0;
  std::string output;
  std::string errors;  // the first 16 KiB of what it complained about

  bool Succeeded() const { return end == ToolEnd::kExited && exit_code == 0; }
};

// Runs a tool to its end, within its bounds. It inherits the sandbox, and cannot write files.
ToolResult RunTool(const ToolRun& run);

}  // namespace sightline::media
