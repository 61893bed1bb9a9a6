#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/status_matchers.h"

namespace sightline {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;

class FileTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK_AND_ASSIGN(dir_, TempDir::Create()); }
  std::string Path(const std::string& name) const { return dir_->path() + "/" + name; }
  std::unique_ptr<TempDir> dir_;
};

TEST_F(FileTest, WhatIsWrittenIsRead) {
  const std::string content("a\0b\n\xff", 5);
  ASSERT_THAT(WriteFileAtomic(Path("f"), content), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string read, ReadFile(Path("f")));
  EXPECT_EQ(read, content);
}

TEST_F(FileTest, WriteReplacesAndLeavesNoTemporaryFile) {
  ASSERT_THAT(WriteFileAtomic(Path("f"), "one"), IsOk());
  ASSERT_THAT(WriteFileAtomic(Path("f"), "two"), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string read, ReadFile(Path("f")));
  EXPECT_EQ(read, "two");
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir_->path())) {
    EXPECT_EQ(entry.path().filename(), "f");
    ++files;
  }
  EXPECT_EQ(files, 1);
}

TEST_F(FileTest, FailedWriteLeavesNothing) {
  EXPECT_THAT(WriteFileAtomic(Path("none/f"), "x"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_TRUE(std::filesystem::is_empty(dir_->path()));
}

TEST_F(FileTest, MissingFileIsNotFoundAndNamed) {
  EXPECT_THAT(ReadFile(Path("none")), StatusIs(absl::StatusCode::kNotFound, HasSubstr("none")));
  EXPECT_THAT(MappedFile::Open(Path("none")), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(FileTest, LimitIsInclusive) {
  ASSERT_THAT(WriteFileAtomic(Path("f"), "12345"), IsOk());
  EXPECT_THAT(ReadFile(Path("f"), 5), IsOk());
  EXPECT_THAT(ReadFile(Path("f"), 4), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(FileTest, FoldersAndFifosAreNotFiles) {
  ASSERT_EQ(::mkfifo(Path("fifo").c_str(), 0600), 0);
  EXPECT_THAT(ReadFile(Path("fifo")), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ReadFile(dir_->path()), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(MappedFile::Open(Path("fifo")), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(FileTest, MapShowsTheBytes) {
  ASSERT_THAT(WriteFileAtomic(Path("f"), "mapped"), IsOk());
  ASSERT_THAT(WriteFileAtomic(Path("empty"), ""), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto map, MappedFile::Open(Path("f")));
  EXPECT_EQ(map->bytes(), "mapped");
  ASSERT_OK_AND_ASSIGN(const auto empty, MappedFile::Open(Path("empty")));
  EXPECT_EQ(empty->bytes(), "");
}

TEST_F(FileTest, ReleasedPagesComeBackFromTheFile) {
  const std::string content(100'000, 'm');
  ASSERT_THAT(WriteFileAtomic(Path("f"), content), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto map, MappedFile::Open(Path("f")));
  EXPECT_EQ(map->bytes(), content);
  ReleasePages(map->bytes().substr(5'000, 50'001));
  ReleasePages({});
  EXPECT_EQ(map->bytes(), content);
}

TEST(TempDirTest, IsRemovedWithAllItHolds) {
  std::string path;
  {
    ASSERT_OK_AND_ASSIGN(auto dir, TempDir::Create("sightline-test"));
    path = dir->path();
    std::filesystem::create_directories(path + "/a/b");
    ASSERT_THAT(WriteFileAtomic(path + "/a/b/f", "x"), IsOk());
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ProgramDirectoryTest, IsWhereThisTestStands) {
  ASSERT_OK_AND_ASSIGN(const std::string folder, ProgramDirectory());
  EXPECT_TRUE(std::filesystem::exists(folder + "/base_test"));
}

}  // namespace
}  // namespace sightline
