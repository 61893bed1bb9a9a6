#include "services/query/picture_file.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "services/edge/error_details.h"
#include "tests/support/status_matchers.h"

namespace sightline::query {
namespace {

class PictureFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(folder_, TempDir::Create());
    root_ = folder_->path() + "/root";
    std::filesystem::create_directories(root_ + "/deep");
    ASSERT_TRUE(WriteFileAtomic(root_ + "/deep/a b.png", "picture").ok());
    ASSERT_TRUE(WriteFileAtomic(folder_->path() + "/secret", "secret").ok());
  }
  std::string Fault(const std::string& url) const {
    return edge::Reason(ReadPictureFile(root_, url, 100).status());
  }

  std::unique_ptr<TempDir> folder_;
  std::string root_;
};

TEST_F(PictureFileTest, ReadsAFileBelowTheRoot) {
  const std::string url = "file://" + root_ + "/deep/a%20b.png";
  for (const std::string& root : {root_, root_ + "/"}) {
    ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadPictureFile(root, url, 7));
    EXPECT_EQ(bytes, "picture");
  }
  EXPECT_EQ(edge::Reason(ReadPictureFile(root_, url, 6).status()), "too_large");
}

TEST_F(PictureFileTest, NothingOutsideIsRead) {
  const std::string outside = folder_->path() + "/secret";
  EXPECT_EQ(Fault("file://" + outside), "url_not_allowed");
  EXPECT_EQ(Fault("file://" + root_ + "/../secret"), "url_not_allowed");
  EXPECT_EQ(Fault("file://" + root_ + "/deep/%2e%2E/../secret"), "url_not_allowed");
  EXPECT_EQ(Fault("file://" + root_ + "-other/a.png"), "url_not_allowed");
  EXPECT_EQ(Fault("file://" + root_), "url_not_allowed");
  std::filesystem::create_symlink(outside, root_ + "/link");
  std::filesystem::create_directory_symlink(folder_->path(), root_ + "/up");
  EXPECT_EQ(Fault("file://" + root_ + "/link"), "url_not_allowed");
  EXPECT_EQ(Fault("file://" + root_ + "/up/secret"), "url_not_allowed");
  EXPECT_EQ(edge::Reason(ReadPictureFile("", "file://" + outside, 100).status()),
            "url_not_allowed");
}

TEST_F(PictureFileTest, WhatIsNoFileIsNamed) {
  EXPECT_EQ(Fault("file://" + root_ + "/none.png"), "picture_not_found");
  EXPECT_EQ(Fault("file://" + root_ + "/deep"), "picture_not_found");
  EXPECT_EQ(Fault("file://host/a.png"), "bad_file_url");
  EXPECT_EQ(Fault("file:///a%2"), "bad_file_url");
  EXPECT_EQ(Fault("file:///a%00b"), "bad_file_url");
  EXPECT_EQ(Fault("file:///a?b"), "bad_file_url");
}

}  // namespace
}  // namespace sightline::query
