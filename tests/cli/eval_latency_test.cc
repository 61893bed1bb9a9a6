#include "cli/eval_latency.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sightline::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(LatenciesTest, CallsAndTheStagesThatTookTimeInThem) {
  Latencies latencies;
  v1::StageTimings stages;
  stages.set_encode_ms(4);
  stages.set_total_ms(6);
  latencies.Add("search", 10, stages);
  stages.set_encode_ms(0);  // of a search by a stored passage
  stages.set_total_ms(2);
  latencies.Add("search", 20, stages);
  latencies.Add("box", 5);
  EXPECT_EQ(latencies.Json(),
            R"({"box":{"calls":1,"p50":5.000,"p95":5.000,"p99":5.000,"stages":{}},)"
            R"("search":{"calls":2,"p50":10.000,"p95":20.000,"p99":20.000,"stages":{)"
            R"("encode":{"calls":1,"p50":4.000,"p95":4.000,"p99":4.000},)"
            R"("total":{"calls":2,"p50":2.000,"p95":6.000,"p99":6.000}}}})");
  const std::string table = latencies.Render({});
  EXPECT_THAT(table, HasSubstr("search: encode"));
  EXPECT_THAT(table, Not(HasSubstr("rerank")));
}

}  // namespace
}  // namespace sightline::cli
