#include "services/gateway/static_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "tests/support/status_matchers.h"

namespace sightline::gateway {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Pair;

class StaticFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(folder_, TempDir::Create());
    root_ = folder_->path() + "/dist";
    std::filesystem::create_directories(root_ + "/assets");
    ASSERT_THAT(WriteFileAtomic(folder_->path() + "/secret.txt", "secret"), IsOk());
    ASSERT_THAT(WriteFileAtomic(root_ + "/index.html", "<p>page</p>"), IsOk());
    ASSERT_THAT(WriteFileAtomic(root_ + "/assets/a-1f.js", "run()"), IsOk());
    ASSERT_THAT(WriteFileAtomic(root_ + "/.hidden", "x"), IsOk());
    std::filesystem::create_symlink(folder_->path() + "/secret.txt", root_ + "/link.txt");
  }

  std::unique_ptr<TempDir> folder_;
  std::string root_;
};

TEST_F(StaticFilesTest, ServesFilesUnderTheirTypesWithAStrictPolicy) {
  ASSERT_OK_AND_ASSIGN(const StaticFiles files, StaticFiles::Load(root_));
  const auto page = files.Find("", "");
  ASSERT_TRUE(page.has_value());
  EXPECT_EQ(page->body, "<p>page</p>");
  EXPECT_EQ(page->content_type, "text/html; charset=utf-8");
  EXPECT_THAT(page->headers, Contains(Pair("Cache-Control", "no-cache")));
  EXPECT_THAT(page->headers,
              Contains(Pair("Content-Security-Policy", HasSubstr("script-src 'self'"))));
  const auto script = files.Find("assets/a-1f.js", "");
  ASSERT_TRUE(script.has_value());
  EXPECT_EQ(script->content_type, "text/javascript; charset=utf-8");
  EXPECT_THAT(script->headers, Contains(Pair("Cache-Control", HasSubstr("immutable"))));
}

TEST_F(StaticFilesTest, KnownTagGives304) {
  ASSERT_OK_AND_ASSIGN(const StaticFiles files, StaticFiles::Load(root_));
  const auto first = files.Find("index.html", "");
  ASSERT_THAT(first->headers, Contains(Key("ETag")));
  const auto again = files.Find("index.html", first->headers[0].second);
  EXPECT_EQ(again->status, 304);
  EXPECT_EQ(again->body, "");
}

TEST_F(StaticFilesTest, HasNoWayOutOfItsFolder) {
  ASSERT_OK_AND_ASSIGN(const StaticFiles files, StaticFiles::Load(root_));
  for (const char* path : {"../secret.txt", "assets/../../secret.txt", "link.txt", ".hidden",
                           "/etc/passwd", "assets", "assets/"}) {
    EXPECT_EQ(files.Find(path, ""), std::nullopt) << path;
  }
}

TEST_F(StaticFilesTest, AMissingFolderIsAnErrorAndNoFolderIsNot) {
  EXPECT_THAT(StaticFiles::Load(root_ + "/nowhere"), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK_AND_ASSIGN(const StaticFiles none, StaticFiles::Load(""));
  EXPECT_EQ(none.Find("", ""), std::nullopt);
}

}  // namespace
}  // namespace sightline::gateway
