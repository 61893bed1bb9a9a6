#include "ingest/spool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "tests/support/status_matchers.h"

namespace sightline::ingest {
namespace {

using sightline::testing::IsOk;
using sightline::testing::StatusIs;

class SpoolTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(dir_, TempDir::Create());
    folder_ = dir_->path() + "/spool";
  }

  std::unique_ptr<TempDir> dir_;
  std::string folder_;
};

TEST_F(SpoolTest, GivesBackWhatWasWritten) {
  ASSERT_OK_AND_ASSIGN(const Spool spool, Spool::Open(folder_));
  ASSERT_THAT(spool.Write("job", std::string("a\0b", 3)), IsOk());
  ASSERT_OK_AND_ASSIGN(const Spool again, Spool::Open(folder_));
  ASSERT_OK_AND_ASSIGN(const auto file, again.Map("job"));
  EXPECT_EQ(file->bytes(), absl::string_view("a\0b", 3));
  EXPECT_TRUE(again.Holds("job"));
}

TEST_F(SpoolTest, IsReadableByItsOwnerOnly) {
  ASSERT_THAT(Spool::Open(folder_), IsOk());
  EXPECT_EQ(std::filesystem::status(folder_).permissions(), std::filesystem::perms::owner_all);
}

TEST_F(SpoolTest, RemovedFilesAreGone) {
  ASSERT_OK_AND_ASSIGN(const Spool spool, Spool::Open(folder_));
  ASSERT_THAT(spool.Write("job", "x"), IsOk());
  spool.Remove("job");
  spool.Remove("job");
  spool.Remove("");
  EXPECT_FALSE(spool.Holds("job"));
  EXPECT_THAT(spool.Map("job"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_TRUE(std::filesystem::is_directory(folder_));
}

TEST_F(SpoolTest, RemovesWhatNobodyKnows) {
  ASSERT_OK_AND_ASSIGN(const Spool spool, Spool::Open(folder_));
  for (const char* name : {"a", "b", "c.123.tmp"}) ASSERT_THAT(spool.Write(name, "x"), IsOk());
  EXPECT_EQ(spool.RemoveOthers({"b", "missing"}), 2);
  EXPECT_FALSE(spool.Holds("a"));
  EXPECT_TRUE(spool.Holds("b"));
}

TEST_F(SpoolTest, SaysWhereItCannotBeMade) {
  ASSERT_THAT(WriteFileAtomic(dir_->path() + "/file", "x"), IsOk());
  EXPECT_THAT(Spool::Open(dir_->path() + "/file/spool"),
              StatusIs(absl::StatusCode::kUnavailable, ::testing::HasSubstr("/file/spool")));
}

}  // namespace
}  // namespace sightline::ingest
