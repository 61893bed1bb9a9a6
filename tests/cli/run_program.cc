#include "tests/cli/run_program.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "absl/time/clock.h"

namespace sightline::testing {

std::string Workplace::Write(const std::string& name, const std::string& content) const {
  const std::string file = path(name);
  std::filesystem::create_directories(std::filesystem::path(file).parent_path());
  EXPECT_TRUE(WriteFileAtomic(file, content).ok());
  return file;
}

std::unique_ptr<Process> Workplace::Start(const std::vector<std::string>& arguments,
                                          const std::string& program,
                                          const std::vector<std::string>& environment) const {
  ProcessOptions options;
  options.argv = {"/usr/bin/env", "-u", "SIGHTLINE_SERVER", "-C", folder_->path()};
  options.argv.insert(options.argv.end(), environment.begin(), environment.end());
  options.argv.push_back(program.empty() ? std::string(SIGHTLINE_BIN_DIR) + "/sightline" : program);
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.out = ChildStream::kFile;
  options.err = ChildStream::kFile;
  options.out_path = path("out");
  options.err_path = path("err");
  std::filesystem::remove(options.out_path);
  std::filesystem::remove(options.err_path);
  auto process = Process::Start(options);
  EXPECT_TRUE(process.ok()) << process.status();
  return std::move(process).value();
}

ProgramResult Workplace::Wait(Process& process) const {
  const auto exit = process.Wait(absl::Now() + absl::Seconds(60));
  EXPECT_TRUE(exit.ok()) << exit.status();
  ProgramResult result;
  result.code = exit.ok() && exit->signal == 0 ? exit->code : -1;
  result.out = ReadFile(path("out")).value_or("");
  result.err = ReadFile(path("err")).value_or("");
  return result;
}

ProgramResult Workplace::Run(const std::vector<std::string>& arguments, const std::string& program,
                             const std::vector<std::string>& environment) const {
  return Wait(*Start(arguments, program, environment));
}

}  // namespace sightline::testing
