#include "services/edge/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sightline::edge {
namespace {

using ::testing::HasSubstr;

TEST(MetricsTest, StagesAreHistogramsInSeconds) {
  Metrics metrics;
  metrics.StageDone("encode", absl::Milliseconds(20));
  metrics.StageDone("encode", absl::Milliseconds(300));
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr("sightline_stage_seconds_count{stage=\"encode\"} 2"));
  EXPECT_THAT(text, HasSubstr("sightline_stage_seconds_bucket{stage=\"encode\",le=\"0.025\"} 1"));
}

TEST(MetricsTest, CallbacksAreReadAtEveryText) {
  Metrics metrics;
  double vectors = 1;
  metrics.AddCallback("index_vectors", "Vectors in the index", SampleType::kGauge, [&] {
    return std::vector<Sample>{{.labels = {{"collection", "a"}}, .value = vectors}};
  });
  EXPECT_THAT(metrics.Text(), HasSubstr("sightline_index_vectors{collection=\"a\"} 1"));
  vectors = 7;
  EXPECT_THAT(metrics.Text(), HasSubstr("sightline_index_vectors{collection=\"a\"} 7"));
  EXPECT_THAT(metrics.Text(), HasSubstr("# TYPE sightline_index_vectors gauge"));
}

TEST(MetricsTest, GenerationIsCountedInTokens) {
  Metrics metrics;
  metrics.TokensUsed(100, 20);
  metrics.TokensUsed(1, 2);
  metrics.FirstToken(absl::Milliseconds(5));
  EXPECT_THAT(metrics.Text(), HasSubstr("sightline_prompt_tokens_total 101"));
  EXPECT_THAT(metrics.Text(), HasSubstr("sightline_generation_tokens_total 22"));
  EXPECT_THAT(metrics.Text(), HasSubstr("sightline_time_to_first_token_seconds_count 1"));
}

}  // namespace
}  // namespace sightline::edge
