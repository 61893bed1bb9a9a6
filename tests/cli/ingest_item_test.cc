#include "cli/ingest_item.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "tests/support/status_matchers.h"

namespace sightline::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::StatusIs;

TEST(ManifestTest, ReadsALine) {
  const auto item = ParseManifestLine(
      R"({"path":"a/b.png","id":"7","caption":"中文","media_type":"image/png"})", "/base", "");
  ASSERT_THAT(item, IsOk());
  EXPECT_EQ(item->path, "/base/a/b.png");
  EXPECT_EQ(item->id, "7");
  EXPECT_EQ(item->metadata, R"({"caption":"中文"})");
  EXPECT_EQ(item->media_type, "image/png");
}

TEST(ManifestTest, AnAbsolutePathStaysAndTheLinesMetadataWins) {
  const auto item =
      ParseManifestLine(R"({"path":"/x/y","metadata":{"a":2}})", "/base", R"({"a":1,"b":true})");
  ASSERT_THAT(item, IsOk());
  EXPECT_EQ(item->path, "/x/y");
  EXPECT_EQ(item->metadata, R"({"a":2,"b":true})");
}

TEST(ManifestTest, RefusesWrongLines) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "not a JSON object"},
      {"[1]", "not a JSON object"},
      {"{\"path\":\"a\"} x", "not a JSON object"},
      {"{\"path\":\"\xff\"}", "not a JSON object"},
      {"{}", "exactly one of"},
      {R"({"path":"a","uri":"https://b"})", "exactly one of"},
      {R"({"path":1})", "\"path\" must be text, not number"},
      {R"({"uri":"file:///etc/passwd"})", "must begin with http"},
      {R"({"path":"a","metadata":[]})", "\"metadata\" must be an object, not array"},
      {R"({"path":"a","caption":null})", "\"caption\" must be text, not null"},
      {R"({"path":"a","captoin":"x"})", "unknown key \"captoin\""}};
  for (const auto& [line, message] : cases) {
    EXPECT_THAT(ParseManifestLine(line, "/", "").status(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)))
        << line;
  }
}

TEST(ManifestTest, AFailedLineIsReadBack) {
  IngestItem item;
  item.path = "/in/a \"b\".pdf";
  item.id = "7";
  item.metadata = R"({"year":2024})";
  item.media_type = "application/pdf";
  const auto back = ParseManifestLine(FailedLine(item, "bad_pdf", "no trailer"), "/other", "");
  ASSERT_THAT(back, IsOk());
  EXPECT_EQ(back->path, item.path);
  EXPECT_EQ(back->id, item.id);
  EXPECT_EQ(back->metadata, item.metadata);
  EXPECT_EQ(back->media_type, item.media_type);
}

TEST(ManifestTest, AFailedLineOfANameThatIsNotUtf8IsStillJson) {
  IngestItem item;
  item.path = "/in/\xff";
  EXPECT_THAT(ParseManifestLine(FailedLine(item, "name_not_utf8", ""), "/", ""), IsOk());
}

TEST(MetadataTest, ValuesAreNumbersAndTruthsWhereTheyLookLikeIt) {
  EXPECT_EQ(MetadataFromPairs({"year=2024", "ok=true", "name=a=b", "id=\"7\"", "empty="}).value(),
            R"({"empty":"","id":"7","name":"a=b","ok":true,"year":2024})");
  EXPECT_EQ(MetadataFromPairs({}).value(), "");
  EXPECT_THAT(MetadataFromPairs({"=x"}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(MetadataFromPairs({"k=\xff"}), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(VisitSourcesTest, NamesComeInOrderAndALinkThatWasNamedIsFollowed) {
  const auto dir = TempDir::Create().value();
  const std::string root = std::filesystem::canonical(dir->path()).string();
  for (const char* name : {"b", "a", "c"}) {
    ASSERT_THAT(WriteFileAtomic(root + "/" + name, name), IsOk());
  }
  std::filesystem::create_symlink("a", root + "/link");
  std::vector<std::string> names;
  IngestVisitor visitor;
  visitor.item = [&](IngestItem item) {
    names.push_back(item.source());
    return absl::OkStatus();
  };
  IngestSources sources;
  sources.paths = {root + "/link", "https://example.org/x", root + "/."};
  ASSERT_THAT(VisitSources(sources, visitor), IsOk());
  EXPECT_THAT(names, ElementsAre(root + "/link", "https://example.org/x", root + "/a", root + "/b",
                                 root + "/c"));
}

TEST(VisitSourcesTest, TheVisitEndsAtTheVisitorsFailure) {
  const auto dir = TempDir::Create().value();
  ASSERT_THAT(WriteFileAtomic(dir->path() + "/a", ""), IsOk());
  ASSERT_THAT(WriteFileAtomic(dir->path() + "/b", ""), IsOk());
  int visited = 0;
  IngestVisitor visitor;
  visitor.item = [&](IngestItem) {
    ++visited;
    return absl::AbortedError("enough");
  };
  IngestSources sources;
  sources.paths = {dir->path()};
  EXPECT_THAT(VisitSources(sources, visitor), StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(visited, 1);
}

}  // namespace
}  // namespace sightline::cli
