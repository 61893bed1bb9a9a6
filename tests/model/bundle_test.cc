#include "model/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;

class BundleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TempDir::Create();
    ASSERT_THAT(folder, IsOk());
    folder_ = *std::move(folder);
    std::filesystem::create_directory(folder_->path() + "/part");
  }
  absl::StatusOr<BundleLayout> Read(const std::string& json) {
    const absl::Status written = WriteFileAtomic(folder_->path() + "/sightline.json", json);
    if (!written.ok()) return written;
    return ReadBundle(folder_->path());
  }
  std::unique_ptr<TempDir> folder_;
};

TEST_F(BundleTest, NamesTheFoldersOfItsParts) {
  ASSERT_OK_AND_ASSIGN(
      const BundleLayout layout,
      Read(R"({"encoder":"part","reranker":"part","untrained":true,"max_image_pixels":4096})"));
  EXPECT_EQ(layout.encoder, (PartLayout{folder_->path() + "/part", ""}));
  EXPECT_EQ(layout.reranker, layout.encoder);
  EXPECT_EQ(layout.generator, std::nullopt);
  EXPECT_TRUE(layout.untrained);
  EXPECT_EQ(layout.max_image_pixels, 4096);
  EXPECT_FALSE(layout.quotes);
  EXPECT_EQ(layout.abstain_above, 1);
  EXPECT_FALSE(layout.rereads);
  EXPECT_EQ(layout.rerank_weight, 0);
  ASSERT_OK_AND_ASSIGN(const BundleLayout quoting,
                       Read(R"({"generator":"part","answers":"quoted","abstain_above":0.25,
                                "rereads":true,"rerank_weight":0.02})"));
  EXPECT_TRUE(quoting.quotes);
  EXPECT_EQ(quoting.abstain_above, 0.25);
  EXPECT_TRUE(quoting.rereads);
  EXPECT_EQ(quoting.rerank_weight, 0.02);
}

TEST_F(BundleTest, ARerankersWeightIsAShare) {
  for (const char* weight : {"0", "-1", "1.5", "\"x\"", "null"}) {
    EXPECT_THAT(Read(absl::StrCat(R"({"reranker":"part","rerank_weight":)", weight, "}")),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("rerank_weight")))
        << weight;
  }
}

TEST_F(BundleTest, APartMayHaveAnAdapterAndCallsMayChooseOthers) {
  ASSERT_OK_AND_ASSIGN(const BundleLayout layout,
                       Read(R"({"encoder":{"folder":"part","adapter":"part"},"generator":"part",
                                "adapters":{"other":"part"}})"));
  const std::string part = folder_->path() + "/part";
  EXPECT_EQ(layout.encoder, (PartLayout{part, part}));
  EXPECT_EQ(layout.generator, (PartLayout{part, ""}));
  EXPECT_EQ(layout.adapters, (std::map<std::string, std::string>{{"other", part}}));
}

TEST_F(BundleTest, RefusesWhatItDoesNotUnderstand) {
  for (const char* json :
       {"[]", "{", "{}", R"({"encoder":3})", R"({"encoder":"../part"})", R"({"encoder":"/tmp"})",
        R"({"encoder":"part","untrained":1})", R"({"encoder":"part","answers":"short"})",
        R"({"encoder":"part","max_image_pixels":0})", R"({"encodr":"part"})",
        R"({"encoder":{"adapter":"part"}})", R"({"encoder":{"dir":"part"}})",
        R"({"encoder":"part","adapters":["part"]})"}) {
    EXPECT_THAT(Read(json),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("sightline.json")))
        << json;
  }
  EXPECT_THAT(Read(R"({"encoder":"absent"})"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(BundleTest, WithoutAFileTheNameDecides) {
  const auto layout = [&](const std::string& name) {
    const std::string folder = folder_->path() + "/" + name;
    std::filesystem::create_directory(folder);
    return ReadBundle(folder).value();
  };
  const BundleLayout chat = layout("Qwen3-VL-2B-Instruct");
  EXPECT_TRUE(chat.encoder.has_value() && chat.generator.has_value() && !chat.reranker.has_value());
  const BundleLayout embedding = layout("Qwen3-VL-Embedding-2B");
  EXPECT_TRUE(embedding.encoder.has_value() && !embedding.generator.has_value());
  const BundleLayout reranker = layout("Qwen3-VL-Reranker-2B");
  EXPECT_TRUE(reranker.reranker.has_value() && !reranker.encoder.has_value());
}

TEST_F(BundleTest, AFileIsNoModel) {
  const std::string path = folder_->path() + "/model.gguf";
  ASSERT_THAT(WriteFileAtomic(path, "GGUF"), IsOk());
  EXPECT_THAT(ReadBundle(path),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("is a file")));
}

TEST_F(BundleTest, AMissingFolderIsNotFound) {
  EXPECT_THAT(ReadBundle(folder_->path() + "/nowhere"), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace sightline::model
