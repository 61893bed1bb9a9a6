#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/process.h"

namespace sightline::testing {

struct ProgramResult {
  int code = 0;
  std::string out;
  std::string err;
};

// A folder to run programs in, with helpers to put files there.
class Workplace {
 public:
  Workplace() : folder_(TempDir::Create("sightline-cli").value()) {}

  std::string path(const std::string& name) const { return folder_->path() + "/" + name; }
  // Makes the folders above it too; returns its path.
  std::string Write(const std::string& name, const std::string& content) const;

  // Runs `program` (default the built sightline) to its end, at most 60 seconds, in this folder.
  ProgramResult Run(const std::vector<std::string>& arguments, const std::string& program = "",
                    const std::vector<std::string>& environment = {}) const;

  // Starts it and leaves it running; its output goes to the files "out" and "err".
  std::unique_ptr<Process> Start(const std::vector<std::string>& arguments,
                                 const std::string& program = "",
                                 const std::vector<std::string>& environment = {}) const;

  // How a program that was started ended.
  ProgramResult Wait(Process& process) const;

 private:
  std::unique_ptr<TempDir> folder_;
};

}  // namespace sightline::testing
