#include "model/qwen3vl_reranker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "tests/model/network_case.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::nlohmann::json;
using ::sightline::testing::GoldenJson;
using ::sightline::testing::GoldenPicture;
using ::sightline::testing::IsOk;
using ::sightline::testing::Report;
using ::sightline::testing::StatusIs;
using ::sightline::testing::TestDevice;
using ::sightline::testing::TinyCheckpoint;

std::unique_ptr<Qwen3VlReranker> TinyReranker() {
  auto made = Qwen3VlReranker::Create(TinyCheckpoint("tiny-reranker"));
  EXPECT_THAT(made, IsOk());
  return *std::move(made);
}

RerankItem Item(const json& given) {
  RerankItem out;
  if (given.contains("text")) out.texts.push_back(given["text"]);
  if (given.contains("image")) out.images.push_back(GoldenPicture(given["image"]));
  if (given.contains("video")) {
    VideoFrames video;
    for (const json& frame : given["video"]) video.frames.push_back(GoldenPicture(frame));
    out.videos.push_back(std::move(video));
  }
  return out;
}

class RankCase : public ::testing::TestWithParam<const char*> {};

TEST_P(RankCase, LogitsAndScoresAreTheReferences) {
  const json golden = GoldenJson(std::string("tiny-reranker/cases/rank_") + GetParam() + ".json");
  const bool video = std::string(GetParam()) == "text_video";
  const auto reranker = TinyReranker();
  const std::string instruction =
      golden["instruction"].is_null() ? "" : golden["instruction"].get<std::string>();
  std::vector<RerankItem> documents;
  for (const json& document : golden["documents"]) documents.push_back(Item(document));
  const RerankItem query = Item(golden["query"]);
  ASSERT_OK_AND_ASSIGN(const auto logits, reranker->Logits(instruction, query, documents, {}));
  ASSERT_OK_AND_ASSIGN(const auto scores, reranker->Rerank(instruction, query, documents, {}));
  ASSERT_EQ(logits.size(), documents.size());
  for (size_t i = 0; i < documents.size(); ++i) {
    const json& expected = golden["results"][i];
    const double logit_error = std::abs(logits[i] - expected["logit"].get<double>());
    const double score_error = std::abs(scores[i] - expected["score"].get<double>());
    Report(video ? "rerank logits with video" : "rerank logits", logit_error);
    Report(video ? "rerank scores with video" : "rerank scores", score_error);
    // One number has no direction to compare: off the CPU the limits of the video cases serve all.
    const bool loose = video || !TestDevice().is_cpu();
    EXPECT_LE(logit_error, loose ? 1e-2 : 1e-4) << i;
    EXPECT_LE(score_error, loose ? 2e-3 : 1e-5) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, RankCase,
                         ::testing::Values("text_text", "text_image", "image_text", "text_video"));

TEST(Qwen3VlRerankerTest, NoDocumentsGiveNoScores) {
  ASSERT_OK_AND_ASSIGN(const auto scores, TinyReranker()->Rerank("", {}, {}, {}));
  EXPECT_TRUE(scores.empty());
}

TEST(Qwen3VlRerankerTest, NamesTheDocumentItRefuses) {
  const RerankItem query{.videos = {}, .images = {}, .texts = {"q"}};
  const std::vector<RerankItem> documents = {query,
                                             {.videos = {}, .images = {}, .texts = {"\xff"}}};
  EXPECT_THAT(TinyReranker()->Rerank("", query, documents, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr("document 1")));
}

}  // namespace
}  // namespace sightline::model
