#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "model/tokenizer.h"
#include "tests/model/random_text.h"
#include "tests/support/golden.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::FullGoldenDir;
using ::sightline::testing::GoldenJson;
using ::sightline::testing::GoldenPath;
using ::sightline::testing::IsOk;
using ::sightline::testing::JsonFile;
using ::sightline::testing::Nfc;
using ::sightline::testing::RandomText;

std::unique_ptr<Tokenizer> Open(const std::string& folder) {
  auto tokenizer = Tokenizer::Open(folder);
  EXPECT_THAT(tokenizer, IsOk());
  return *std::move(tokenizer);
}

void ExpectVectors(const Tokenizer& tokenizer, const nlohmann::json& cases) {
  ASSERT_FALSE(cases.empty());
  for (const auto& one : cases) {
    const std::string text = one["text"];
    SCOPED_TRACE(text);
    auto ids = tokenizer.Encode(text);
    ASSERT_THAT(ids, IsOk());
    EXPECT_EQ(*ids, one["ids"].get<std::vector<int32_t>>());
    if (!one.contains("decoded")) continue;
    EXPECT_EQ(tokenizer.Decode(*ids, false), one["decoded"].get<std::string>());
    EXPECT_EQ(tokenizer.Decode(*ids, true), one["decoded_skip_special"].get<std::string>());
  }
}

TEST(TokenizerGoldenTest, TinyVocabularyGivesTheReferenceIdsAndText) {
  ExpectVectors(*Open(GoldenPath("tiny-dense")), GoldenJson("tokenizer/tiny_dense.json"));
}

TEST(TokenizerGoldenTest, TheThreeOlderFilesGiveTheSameAsTokenizerJson) {
  const std::string folder = GoldenPath("tiny-dense") + "/";
  auto older = Tokenizer::FromVocabAndMerges(*ReadFile(folder + "vocab.json"),
                                             *ReadFile(folder + "merges.txt"),
                                             *ReadFile(folder + "tokenizer_config.json"));
  ASSERT_THAT(older, IsOk());
  ExpectVectors(**older, GoldenJson("tokenizer/tiny_dense.json"));
}

TEST(TokenizerGoldenTest, StreamedPiecesJoinToTheWholeText) {
  auto tokenizer = Open(GoldenPath("tiny-dense"));
  for (const auto& one : GoldenJson("tokenizer/tiny_dense.json")) {
    const auto ids = one["ids"].get<std::vector<int32_t>>();
    for (bool skip : {false, true}) {
      StreamDecoder decoder(*tokenizer, skip);
      std::string text;
      for (int32_t id : ids) text += decoder.Push(id);
      text += decoder.Finish();
      EXPECT_EQ(text, tokenizer->Decode(ids, skip));
    }
  }
}

TEST(TokenizerGoldenTest, RealVocabularyGivesThePublishedIds) {
  const auto folder = FullGoldenDir();
  if (!folder) {
    GTEST_SKIP()
        << "the published vocabulary is not part of the tree; set SIGHTLINE_GOLDEN_DIR to a "
           "folder that has qwen2-vocab/ and tokenizer/";
  }
  auto tokenizer = Open(*folder + "/qwen2-vocab");
  const auto vectors = JsonFile(*folder + "/tokenizer/qwen2_vectors.json");
  EXPECT_EQ(vectors.size(), 47u);
  ExpectVectors(*tokenizer, vectors);
  ExpectVectors(*tokenizer, JsonFile(*folder + "/tokenizer/qwen2_extra.json"));
  EXPECT_EQ(tokenizer->Find("yes"), 9693);
  EXPECT_EQ(tokenizer->Find("no"), 2152);
  EXPECT_EQ(tokenizer->Find("<|im_end|>"), 151645);
}

TEST(TokenizerGoldenTest, RealVocabularyGivesAHundredThousandTextsBack) {
  const auto folder = FullGoldenDir();
  if (!folder) GTEST_SKIP() << "the published vocabulary is not part of the tree (see above)";
  auto tokenizer = Open(*folder + "/qwen2-vocab");
  RandomText random(11);
  for (int i = 0; i < 100'000; ++i) {
    const std::string text = random.Next();
    auto ids = tokenizer->EncodePlain(text);
    ASSERT_THAT(ids, IsOk());
    ASSERT_EQ(tokenizer->Decode(*ids, false), Nfc(text));
    for (int32_t id : *ids) ASSERT_FALSE(tokenizer->IsAdded(id));
  }
}

}  // namespace
}  // namespace sightline::model
