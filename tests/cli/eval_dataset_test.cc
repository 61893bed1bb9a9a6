#include "cli/eval_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "base/file.h"
#include "tests/support/status_matchers.h"

namespace sightline::cli {
namespace {

using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DatasetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(dir_, TempDir::Create());
    WriteGoodFiles();
  }

  void WriteGoodFiles() {
    Write("corpus.jsonl",
          "{\"_id\":\"d1\",\"title\":\"T\",\"text\":\"one\",\"url\":\"passed over\"}\n"
          "{\"_id\":\"d2\",\"image\":\"p.png\",\"text\":\"two\"}\n\n");
    Write("queries.jsonl",
          "{\"_id\":\"q1\",\"text\":\"which?\",\"answer\":[\"a\",\"b\"]}\n"
          "{\"_id\":\"q2\",\"image\":\"p.png\"}\n"
          "{\"_id\":\"q3\",\"text\":\"not judged\"}\n"
          "{\"_id\":\"q4\",\"text\":\"no answer\",\"answer\":[]}\n");
    Write("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\nq2\td2\t1\r\n");
    Write("p.png", "picture");
  }

  void Write(const std::string& name, const std::string& content) {
    const std::string path = dir_->path() + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    ASSERT_TRUE(WriteFileAtomic(path, content).ok());
  }

  absl::StatusOr<Dataset> Open(const std::string& split = "test") {
    return Dataset::Open(dir_->path(), split);
  }
  void Remove(const std::string& name) { std::filesystem::remove_all(dir_->path() + "/" + name); }

  std::unique_ptr<TempDir> dir_;
};

TEST_F(DatasetTest, ReadsDocumentsQueriesAndJudgements) {
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, Open());
  EXPECT_EQ(dataset.documents(), 2);
  ASSERT_EQ(dataset.queries().size(), 3u);
  EXPECT_THAT(*dataset.queries()[0].answers, ElementsAre("a", "b"));
  EXPECT_EQ(dataset.queries()[1].image,
            std::filesystem::canonical(dir_->path() + "/p.png").string());
  EXPECT_FALSE(dataset.queries()[1].answers.has_value());
  EXPECT_EQ(dataset.queries()[2].id, "q4");
  EXPECT_TRUE(dataset.queries()[2].answers->empty());
  EXPECT_EQ(dataset.gains("q1"), (Gains{{"d1", 2}}));
  EXPECT_TRUE(dataset.gains("q4").empty());
  std::vector<std::string> seen;
  ASSERT_TRUE(dataset
                  .VisitDocuments([&](const DatasetItem& item) {
                    seen.push_back(item.id + " " + item.title + " " + item.text);
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_THAT(seen, ElementsAre("d1 T one", "d2  two"));
}

TEST_F(DatasetTest, JudgementsMayLieInTheirOwnFolder) {
  std::filesystem::remove(dir_->path() + "/qrels.tsv");
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kInvalidArgument));
  Write("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq2\td1\t1\n");
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, Open());
  EXPECT_EQ(dataset.gains("q2"), (Gains{{"d1", 1}}));
}

TEST_F(DatasetTest, FoldersOfHubsAreReadAsJsonLines) {
  for (const char* name : {"corpus.jsonl", "queries.jsonl", "qrels.tsv"}) Remove(name);
  Write("corpus/part-0.jsonl", "{\"corpus-id\":1,\"image\":{\"path\":\"p.png\",\"bytes\":null}}\n");
  Write("corpus/part-1.jsonl",
        "{\"corpus_id\":2,\"image\":{\"bytes\":\"cGl4ZWxz\",\"path\":\"2.png\"}}\n"
        "{\"id\":\"three\",\"text\":\"3\",\"image\":null}\n");
  Write("queries/test.jsonl", "{\"query-id\":0,\"query\":\"which?\",\"language\":\"en\"}\n");
  Write("queries/dev.jsonl", "{\"query_id\":0,\"query\":\"of dev\"}\n");
  Write("qrels/test-00000-of-00001.jsonl",
        "{\"query-id\":0,\"corpus-id\":2,\"score\":2}\n{\"query_id\":0,\"corpus_id\":1,\"score\":0}"
        "\n");
  Write("qrels/dev.jsonl", "{\"query-id\":\"0\",\"corpus-id\":\"three\",\"score\":1.0}\n");
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, Open());
  ASSERT_EQ(dataset.queries().size(), 1u);
  EXPECT_EQ(dataset.queries()[0].text, "which?");
  EXPECT_EQ(dataset.gains("0"), (Gains{{"2", 2}}));
  std::vector<std::string> seen;
  ASSERT_TRUE(dataset
                  .VisitDocuments([&](const DatasetItem& item) {
                    seen.push_back(item.id + " " + item.image_bytes +
                                   (item.image.empty() ? "" : "file"));
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_THAT(seen, ElementsAre("1 file", "2 pixels", "three "));
  ASSERT_OK_AND_ASSIGN(const Dataset dev, Open("dev"));
  EXPECT_EQ(dev.queries()[0].text, "of dev");
  EXPECT_EQ(dev.gains("0"), (Gains{{"three", 1}}));
  EXPECT_EQ(dev.corpus_hash(), dataset.corpus_hash());
  const auto none = Open("train");
  EXPECT_THAT(none, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(std::string(none.status().message()), HasSubstr("qrels/train.tsv"));
}

TEST_F(DatasetTest, WrongJudgementsInJsonAreNamed) {
  Remove("qrels.tsv");
  for (const auto& [line, message] : std::map<std::string, std::string>{
           {"[]", "not a JSON object"},
           {"{\"query-id\":\"q1\",\"score\":1}", "no \"query-id\" or \"corpus-id\""},
           {"{\"query-id\":\"q1\",\"corpus-id\":\"d1\"}", "\"score\" must be a number"},
           {"{\"query-id\":\"q1\",\"corpus-id\":\"d8\",\"score\":1}", "no document d8"}}) {
    Write("qrels/test.jsonl", line);
    EXPECT_THAT(std::string(Open().status().message()), HasSubstr("test.jsonl:1: " + message));
  }
}

TEST_F(DatasetTest, ParquetIsToldHowToBeConverted) {
  Remove("corpus.jsonl");
  Write("corpus/test-00000-of-00001.parquet", "PAR1");
  EXPECT_THAT(std::string(Open().status().message()), HasSubstr("from_parquet.py"));
}

TEST_F(DatasetTest, FaultsAreNamedByFileAndLine) {
  std::filesystem::create_directory(dir_->path() + "/inner");
  struct Case {
    const char* file;
    const char* content;
    const char* message;
  };
  const std::vector<Case> cases = {
      {"corpus.jsonl", "{\"_id\":\"d1\",\"text\":\"x\"}\nnonsense",
       "corpus.jsonl:2: not a JSON object"},
      {"corpus.jsonl", "{\"text\":\"x\"}", "corpus.jsonl:1: no \"_id\""},
      {"corpus.jsonl", "{\"_id\":7.5,\"text\":\"x\"}", "\"_id\" must be text or a whole number"},
      {"corpus.jsonl", "{\"_id\":\"d\",\"image\":{\"bytes\":\"*\"}}", "must be base64"},
      {"corpus.jsonl", "{\"_id\":\"d\",\"image\":{\"width\":1}}", "neither \"path\" nor"},
      {"corpus.jsonl", "{\"_id\":\"d\",\"image\":{\"path\":\"../../../etc/passwd\"}}", "outside"},
      {"corpus.jsonl", "{\"_id\":\"d\"}", "neither text nor image"},
      {"corpus.jsonl", "{\"_id\":\"d\",\"text\":\"x\"}\n{\"_id\":\"d\",\"text\":\"y\"}",
       "corpus.jsonl:2: id d stands twice"},
      {"corpus.jsonl", "{\"_id\":\"d\",\"image\":\"none.png\"}", "image none.png"},
      {"corpus.jsonl", "{\"_id\":\"d\",\"image\":\"inner\"}", "not a file"},
      {"corpus.jsonl", "{\"_id\":\"d\",\"image\":\"../../../../etc/passwd\"}", "outside"},
      {"corpus.jsonl", "{\"_id\":\"d\",\"image\":\"/etc/passwd\"}", "outside"},
      {"corpus.jsonl", "{\"_id\":\"d\",\"image\":\"link\"}", "outside"},
      {"queries.jsonl", "{\"_id\":\"q\",\"text\":\"x\",\"answer\":3}",
       "queries.jsonl:1: \"answer\""},
      {"qrels.tsv", "query-id\tcorpus-id\tscore\nq1\td1", "qrels.tsv:2: expected"},
      {"qrels.tsv", "query-id\tcorpus-id\tscore\nq1\td1\thigh", "qrels.tsv:2: score high"},
      {"qrels.tsv", "q1\td1\t1\nq9\td1\t1", "qrels.tsv:2: no query q9"},
      {"qrels.tsv", "q1\td9\t1", "qrels.tsv:1: no document d9"},
  };
  std::filesystem::create_symlink("/etc/passwd", dir_->path() + "/link");
  for (const Case& bad : cases) {
    WriteGoodFiles();
    Write(bad.file, bad.content);
    const auto opened = Open();
    EXPECT_THAT(opened, StatusIs(absl::StatusCode::kInvalidArgument)) << bad.message;
    EXPECT_THAT(std::string(opened.status().message()), HasSubstr(bad.message));
  }
}

}  // namespace
}  // namespace sightline::cli
