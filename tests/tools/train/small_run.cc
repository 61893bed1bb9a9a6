#include "tests/tools/train/small_run.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/demo_world/questions.h"

namespace sightline::testing {
namespace {

std::unique_ptr<TempDir> Write() {
  auto folder = TempDir::Create("sightline-train-test");
  EXPECT_TRUE(folder.ok()) << folder.status();
  if (!folder.ok()) return nullptr;
  const std::string& path = (*folder)->path();
  const std::string text = absl::StrJoin(demo_world::SampleText(3, 4000), "\n");
  EXPECT_TRUE(WriteFileAtomic(path + "/text", text).ok());
  const std::string command = absl::StrCat(
      "python3 " SIGHTLINE_SOURCE_DIR "/tools/train/make_checkpoint.py ", path, "/run --text ",
      path,
      "/text --hidden 64 --layers 2 --heads 2 --kv-heads 1 --head-dim 32 --inner 128"
      " --vision-hidden 64 --vision-layers 2 --vision-heads 2 --vision-inner 128 --deepstack 0"
      " >/dev/null");
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  return *std::move(folder);
}

}  // namespace

std::unique_ptr<TempDir> SmallRun() {
  static const std::unique_ptr<TempDir> original = Write();
  auto copy = TempDir::Create("sightline-train-test");
  EXPECT_TRUE(copy.ok()) << copy.status();
  if (original == nullptr || !copy.ok()) return nullptr;
  std::error_code error;
  std::filesystem::copy(original->path() + "/run", (*copy)->path(), error);
  EXPECT_FALSE(error) << error.message();
  return *std::move(copy);
}

}  // namespace sightline::testing
