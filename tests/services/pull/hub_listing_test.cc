#include "services/pull/hub_listing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace sightline::services {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kCommit[] = "0123456789abcdef0123456789abcdef01234567";
constexpr char kSha256[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

std::vector<std::string> Chosen(const std::vector<std::string>& paths,
                                const std::vector<std::string>& include = {},
                                const std::vector<std::string>& exclude = {}) {
  std::vector<HubFile> files;
  for (const std::string& path : paths) files.push_back({path, {}, {}});
  const auto chosen = ChooseFiles(files, include, exclude);
  EXPECT_THAT(chosen, IsOk());
  std::vector<std::string> out;
  for (const HubFile& file : *chosen) out.push_back(file.path);
  return out;
}

TEST(HubRepositoryTest, TakesOwnerNameAndRevision) {
  const auto plain = ParseHubRepository("Qwen/Qwen3-VL-2B-Instruct");
  ASSERT_THAT(plain, IsOk());
  EXPECT_EQ(plain->name, "Qwen/Qwen3-VL-2B-Instruct");
  EXPECT_EQ(plain->revision, "main");
  EXPECT_EQ(plain->short_name(), "Qwen3-VL-2B-Instruct");
  const auto pinned = ParseHubRepository("gpt2@refs/pr/1");
  ASSERT_THAT(pinned, IsOk());
  EXPECT_EQ(pinned->short_name(), "gpt2");
  EXPECT_EQ(ListingUrl("http://h", *pinned),
            "http://h/api/models/gpt2/revision/refs%2Fpr%2F1?blobs=true");
  for (const char* bad :
       {"", "/", "a/b/c", "../a", "a/..", "a b", "a/b@", "a?b", "a/b#c", ".a/b"}) {
    EXPECT_THAT(ParseHubRepository(bad), StatusIs(absl::StatusCode::kInvalidArgument)) << bad;
  }
}

TEST(HubListingTest, ReadsSizesAndChecksumsOfLargeAndSmallFiles) {
  const auto listing = ParseHubListing(
      std::string(R"({"sha":")") + kCommit +
      R"(","siblings":[{"rfilename":"a.json","size":3,"blobId":")" + kCommit +
      R"("},{"rfilename":"m.safetensors","size":134,"blobId":"x","lfs":{"size":9,"sha256":")" +
      kSha256 + R"("}},{"rfilename":"d/c.txt"}]})");
  ASSERT_THAT(listing, IsOk());
  EXPECT_EQ(listing->commit, kCommit);
  ASSERT_EQ(listing->files.size(), 3u);
  EXPECT_EQ(listing->files[0].size, 3);
  EXPECT_EQ(listing->files[0].checksum, (Checksum{Checksum::Kind::kGitBlob, kCommit}));
  EXPECT_EQ(listing->files[1].size, 9);
  EXPECT_EQ(listing->files[1].checksum, (Checksum{Checksum::Kind::kSha256, kSha256}));
  EXPECT_FALSE(listing->files[2].size.has_value() || listing->files[2].checksum.has_value());
}

TEST(HubListingTest, RefusesPathsThatCouldLeaveTheFolder) {
  for (const char* good : {"a", "a/b.json", "a b/ü.json", "...", "a/.hidden", ".partials"}) {
    EXPECT_THAT(CheckFilePath(good), IsOk()) << good;
  }
  for (const char* bad : {"", "/a", "a/", "..", "a/../b", "a//b", ".", "./a", "a\\b", "a\tb",
                          "\xff", ".partial/a", ".sightline-pull.json", ".partial"}) {
    EXPECT_THAT(CheckFilePath(bad), StatusIs(absl::StatusCode::kDataLoss)) << bad;
  }
  EXPECT_THAT(CheckFilePath(absl::string_view("a\0b", 3)), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(ChooseFilesTest, TakesWhatTheLoaderReadsAtTheTop) {
  EXPECT_THAT(Chosen({"config.json", "m.safetensors", "x/m.safetensors", "README.md", "merges.txt",
                      "chat_template.jinja", "a.bin", "a.pt", "a.safetensors.PKL"}),
              ElementsAre("config.json", "m.safetensors", "merges.txt", "chat_template.jinja"));
}

TEST(ChooseFilesTest, PatternsHoldForTheWholePath) {
  EXPECT_THAT(Chosen({"x/a.json", "y/a.json", "a.json"}, {"x/*", "?.json"}),
              ElementsAre("x/a.json", "a.json"));
  EXPECT_THAT(Chosen({"x/a.json", "b.json", "a.json"}, {"*"}, {"*a.json"}), ElementsAre("b.json"));
}

TEST(ChooseFilesTest, NeverTakesPickles) {
  const std::vector<HubFile> files = {{"config.json", {}, {}}, {"weights.bin", {}, {}}};
  EXPECT_THAT(ChooseFiles(files, {}, {}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("weights.bin")));
  EXPECT_THAT(ChooseFiles(files, {"*.bin"}, {}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("pickled")));
  EXPECT_THAT(ChooseFiles({}, {}, {}), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(ContentDigestTest, GivesTheKnownChecksums) {
  ContentDigest sha256(Checksum::Kind::kSha256, 3);
  sha256.Add("a");
  sha256.Add("bc");
  EXPECT_EQ(sha256.Finish().hex,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  ContentDigest blob(Checksum::Kind::kGitBlob, 0);  // git hash-object of an empty file
  EXPECT_EQ(blob.Finish().hex, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
}

}  // namespace
}  // namespace sightline::services
