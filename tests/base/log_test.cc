#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace sightline {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class LogTest : public ::testing::Test {
 protected:
  void TearDown() override { log::Configure(log::Level::kInfo, log::Format::kText); }

  template <typename Body>
  static std::string Captured(const Body& body) {
    ::testing::internal::CaptureStderr();
    body();
    return ::testing::internal::GetCapturedStderr();
  }
};

TEST_F(LogTest, TextLineHoldsLevelMessageAndFields) {
  const std::string line =
      Captured([] { log::Info("request", {{"method", "Search"}, {"ms", 1.5}, {"hits", 3}}); });
  EXPECT_THAT(line, EndsWith(" info request method=Search ms=1.5 hits=3\n"));
}

TEST_F(LogTest, JsonLineQuotesTextAndNotNumbers) {
  log::Configure(log::Level::kInfo, log::Format::kJson);
  const std::string line =
      Captured([] { log::Warning("said \"no\"", {{"path", "a\\b"}, {"n", 7}}); });
  EXPECT_THAT(line, HasSubstr("\"level\":\"warning\""));
  EXPECT_THAT(line, HasSubstr("\"message\":\"said \\\"no\\\"\""));
  EXPECT_THAT(line, EndsWith(",\"path\":\"a\\\\b\",\"n\":7}\n"));
}

TEST_F(LogTest, NothingFromOutsideStartsALineOfItsOwn) {
  for (const auto format : {log::Format::kText, log::Format::kJson}) {
    log::Configure(log::Level::kInfo, format);
    const std::string line =
        Captured([] { log::Info("a\nb", {{"name", "x\r\n2026 error forged\x01"}}); });
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
    EXPECT_THAT(line, Not(HasSubstr("\r")));
    EXPECT_THAT(line, HasSubstr("\\u0001"));
  }
}

TEST_F(LogTest, LinesBelowTheLevelAreLeftOut) {
  log::Configure(log::Level::kWarning, log::Format::kText);
  EXPECT_EQ(Captured([] { log::Info("quiet"); }), "");
  EXPECT_THAT(Captured([] { log::Error("loud"); }), HasSubstr("error loud"));
}

}  // namespace
}  // namespace sightline
