#include "services/gateway/multipart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/support/status_matchers.h"

namespace sightline::gateway {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;

constexpr char kType[] = "multipart/form-data; boundary=\"x y\"";

struct Seen : PartSink {
  absl::Status OnPartBegin(const PartHeader& header) override {
    headers.push_back(header);
    bodies.emplace_back();
    return absl::OkStatus();
  }
  absl::Status OnPartData(absl::string_view bytes) override {
    bodies.back().append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  absl::Status OnPartEnd() override {
    ++ended;
    return absl::OkStatus();
  }
  std::vector<PartHeader> headers;
  std::vector<std::string> bodies;
  int ended = 0;
};

absl::Status ParseIn(absl::string_view text, size_t step, Seen& seen) {
  auto parser = MultipartParser::Create(kType, &seen);
  if (!parser.ok()) return parser.status();
  for (size_t at = 0; at < text.size(); at += step) {
    if (absl::Status status = parser->Feed(text.substr(at, step)); !status.ok()) return status;
  }
  return parser->Finish();
}

const char kForm[] =
    "preamble\r\n--x y\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nhi\r\n--not it\r\n"
    "--x y \r\ncontent-disposition: form-data; name=image; filename=\"a;\\\"b\\\".png\"\r\n"
    "Content-Type: image/png\r\n\r\n\r\n\r\n--x y\r\n"
    "Content-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n--x y--\r\nepilogue";

TEST(MultipartTest, GivesTheSamePartsHoweverTheBodyIsCut) {
  for (const size_t step : {1, 2, 3, 7, 64, 10000}) {
    Seen seen;
    ASSERT_THAT(ParseIn(kForm, step, seen), IsOk()) << step;
    ASSERT_EQ(seen.headers.size(), 3u);
    EXPECT_EQ(seen.ended, 3);
    EXPECT_EQ(seen.headers[0].name, "text");
    EXPECT_EQ(seen.headers[0].filename, std::nullopt);
    EXPECT_EQ(seen.bodies[0], "hi\r\n--not it");
    EXPECT_EQ(seen.headers[1].filename, "a;\"b\".png");
    EXPECT_EQ(seen.headers[1].content_type, "image/png");
    EXPECT_EQ(seen.bodies[1], "\r\n");
    EXPECT_EQ(seen.bodies[2], "");
  }
}

TEST(MultipartTest, ReadsFileNamesOfBrowsersAndOfOthers) {
  const auto name = [](const std::string& parameter) {
    Seen seen;
    const absl::Status status = ParseIn(
        "--x y\r\nContent-Disposition: form-data; name=f; " + parameter + "\r\n\r\n\r\n--x y--", 50,
        seen);
    return status.ok() ? seen.headers[0].filename.value_or("none") : status.ToString();
  };
  EXPECT_EQ(name("filename=\"C:\\dir\\a.png\""), "C:\\dir\\a.png");
  EXPECT_EQ(name("filename=\"a%22b.png\""), "a\"b.png");
  EXPECT_EQ(name("filename=\"x\"; filename*=UTF-8''%E4%B8%AD.png"), "中.png");
  EXPECT_THAT(name("filename*=UTF-8''%E4%ZZ"), HasSubstr("malformed"));
}

TEST(MultipartTest, RefusesWhatIsNotAForm) {
  const std::string part = "Content-Disposition: form-data; name=a\r\n";
  for (const std::string& bad :
       {std::string(), std::string("--x y\r\n"), std::string("--x y\r\n\r\nno headers\r\n--x y--"),
        "--x y\r\n" + part + "\r\ncut", "--x yz\r\n" + part + "\r\n\r\n--x y--",
        std::string("--x y\r\nContent-Disposition: attachment; name=a\r\n\r\n\r\n--x y--"),
        std::string("--x y\r\nno colon\r\n\r\n\r\n--x y--"),
        "--x y\r\n" + part + "Content-Transfer-Encoding: base64\r\n\r\n\r\n--x y--",
        "--x y\r\n" + part + "Long: " + std::string(20000, 'a') + "\r\n\r\n\r\n--x y--",
        std::string(100000, 'a')}) {
    for (const size_t step : {1, 100000}) {
      Seen seen;
      EXPECT_THAT(ParseIn(bad, step, seen), StatusIs(absl::StatusCode::kInvalidArgument))
          << bad.substr(0, 60);
    }
  }
  Seen seen;
  EXPECT_THAT(MultipartParser::Create("multipart/form-data", &seen),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(
      MultipartParser::Create("multipart/form-data; boundary=" + std::string(71, 'b'), &seen),
      StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace sightline::gateway
