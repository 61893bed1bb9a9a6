#include "services/query/entailment.h"

#include <gtest/gtest.h>

#include "tests/support/fake_model.h"
#include "tests/support/status_matchers.h"

namespace sightline::query {
namespace {

using ::sightline::testing::FakeReranker;

class UntrainedReranker : public FakeReranker {
 public:
  UntrainedReranker() : info_(FakeReranker::info()) { info_.untrained = true; }
  const model::ModelInfo& info() const override { return info_; }

 private:
  model::ModelInfo info_;
};

absl::StatusOr<ImagePtr> NoPicture(const index::Passage&, absl::Time) {
  return absl::NotFoundError("none");
}

EntailmentScorer Always(float score) {
  return [score](const std::string&, std::span<const index::Passage* const>,
                 const edge::CallLimits&) { return absl::StatusOr<float>(score); };
}

TEST(RerankerEntailmentTest, AsksOneQuestionAboutAllPassages) {
  FakeReranker reranker;
  const EntailmentScorer scorer = RerankerEntailment(reranker, NoPicture);
  index::Passage mill, bridge;
  mill.text = "The mill is old.";
  bridge.text = "The bridge is long.";
  const index::Passage* both[] = {&mill, &bridge};
  EXPECT_EQ(*scorer("mill bridge", both, {}), 1.0f);
  EXPECT_EQ(*scorer("mill bridge", std::span(both, 1), {}), 0.5f);
}

TEST(RerankerEntailmentTest, WeightsWithoutTrainingJudgeNothing) {
  UntrainedReranker reranker;
  EXPECT_EQ(RerankerEntailment(reranker, NoPicture), nullptr);
}

TEST(JudgeClaimTest, TheGatesGoFirst) {
  index::Passage mill;
  mill.text = "The mill was built in 1850.";
  const index::Passage* cited[] = {&mill};
  EXPECT_EQ(JudgeClaim("The mill was built in 1850.", cited, Always(0.3f), {}),
            Verdict::kSupported);
  EXPECT_EQ(JudgeClaim("The mill was sold in 1950.", cited, Always(1.0f), {}),
            Verdict::kUnsupported);
  EXPECT_EQ(JudgeClaim("The mill was built in 1850.", cited, Always(0.0f), {}),
            Verdict::kUnsupported);
  EXPECT_EQ(JudgeClaim("Anything.", {}, Always(1.0f), {}), Verdict::kUnsupported);
  const EntailmentScorer failing = [](const std::string&, std::span<const index::Passage* const>,
                                      const edge::CallLimits&) {
    return absl::StatusOr<float>(absl::UnavailableError("busy"));
  };
  EXPECT_EQ(JudgeClaim("The mill was built in 1850.", cited, failing, {}), Verdict::kSupported);
}

TEST(JudgeClaimTest, TheDateOfADocumentCounts) {
  index::Passage mill;
  mill.text = "The mill.";
  mill.metadata_json = R"({"date":"2023-03-12"})";
  const index::Passage* cited[] = {&mill};
  EXPECT_EQ(JudgeClaim("The mill on 12 March 2023.", cited, nullptr, {}), Verdict::kSupported);
  EXPECT_EQ(JudgeClaim("The mill on 13 March 2023.", cited, nullptr, {}), Verdict::kUnsupported);
}

}  // namespace
}  // namespace sightline::query
