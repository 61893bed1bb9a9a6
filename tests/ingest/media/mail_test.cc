// Mail through the client and a real sandboxed child.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "ingest/media/media_client.h"
#include "tests/ingest/media/media_fixtures.h"
#include "tests/support/status_matchers.h"

namespace sightline::media {
namespace {

using ::sightline::media::testing::Describe;
using ::sightline::media::testing::ExtractAll;
using ::sightline::media::testing::Extracted;
using ::sightline::media::testing::MakeClient;
using ::sightline::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr char kHead[] =
    "From: =?utf-8?B?5byg5LiJ?= <zhang@example.com>\r\n"
    "To: bob@example.com,\r\n carol@example.com\r\n"
    "Subject: =?utf-8?Q?Caf=C3=A9_?= =?utf-8?Q?menu?=\r\n"
    "Date: Wed, 01 May 2024 10:00:00 +0200 (CEST)\r\n"
    "MIME-Version: 1.0\r\n";

class MailTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { client_ = MakeClient().release(); }
  static void TearDownTestSuite() {
    delete client_;
    client_ = nullptr;
  }

  static Extracted Read(const std::string& rest) { return ExtractAll(*client_, kHead + rest); }
  // What follows the lines of the head.
  static std::string Body(const std::string& rest) {
    const Extracted got = Read(rest);
    if (!got.status.ok()) return "refused: " + ErrorReason(got.status);
    const std::string text = Describe(got.pages.at(0).blocks);
    return text.substr(text.find("+0200 (CEST)\n") + 13);
  }

  static MediaClient* client_;
};

MediaClient* MailTest::client_ = nullptr;

TEST_F(MailTest, ReadsHeadAndText) {
  const Extracted got = Read(
      "Content-Type: text/plain; charset=gb2312\r\nContent-Transfer-Encoding: "
      "quoted-printable\r\n\r\n"
      "=BA=CF=CD=AC soft=\r\n ened\r\n");
  ASSERT_THAT(got.status, IsOk());
  EXPECT_EQ(got.info.media_type, "message/rfc822");
  EXPECT_THAT(
      got.info.properties,
      ElementsAre(Pair("date", "2024-05-01T08:00:00"), Pair("from", "张三 <zhang@example.com>"),
                  Pair("to", "bob@example.com, carol@example.com"), Pair("subject", "Café menu")));
  EXPECT_EQ(
      Describe(got.pages[0].blocks),
      "h1 Café menu\np From: 张三 <zhang@example.com>\nTo: bob@example.com, carol@example.com\n"
      "Date: Wed, 01 May 2024 10:00:00 +0200 (CEST)\np 合同 soft ened\n");
  EXPECT_TRUE(got.members.empty());
}

TEST_F(MailTest, TakesTheBestFormAndGivesAttachments) {
  const std::string rest =
      "Content-Type: multipart/mixed; boundary=\"out\"\r\n\r\npreamble\r\n"
      "--out\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n"
      "--in\r\nContent-Type: text/plain\r\n\r\nplain form\r\n"
      "--in\r\nContent-Type: text/html; "
      "charset=utf-8\r\n\r\n<p>rich</p><table><tr><td>a<td>b</table>\r\n--in--\r\n"
      "--out\r\nContent-Type: application/pdf; name=x\r\nContent-Disposition: attachment; "
      "filename*=utf-8''%E5%8F%91.pdf\r\n"
      "Content-Transfer-Encoding: base64\r\n\r\nJVBE\r\nRi0x\r\n"
      "--out\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; "
      "filename=\"../../n.txt\"\r\n\r\nnote\r\n"
      "--out\r\nContent-Type: text/plain; name=n.txt\r\nContent-Disposition: "
      "attachment\r\n\r\nagain\r\n"
      "--out\r\nContent-Type: message/rfc822\r\n\r\nFrom: x\r\nSubject: y\r\n\r\nz\r\n--out--\r\n";
  EXPECT_EQ(Body(rest), "p rich\ntable | a | b |\n| --- | --- |\n");
  const Extracted got = Read(rest);
  ASSERT_EQ(got.members.size(), 4u);
  EXPECT_EQ(got.members[0].path, "发.pdf");
  EXPECT_EQ(got.members[0].bytes, "%PDF-1");
  EXPECT_EQ(got.members[1].path, "n.txt");
  EXPECT_EQ(got.members[1].bytes, "note\r\n");
  EXPECT_EQ(got.members[2].path, "2-n.txt");
  EXPECT_EQ(got.members[3].path, "message.eml");
}

TEST_F(MailTest, OddMailEndsInTime) {
  EXPECT_EQ(Body("Content-Type: multipart/mixed; boundary=x\r\n\r\nno parts"), "");
  std::string nested;
  for (int i = 0; i < 500; ++i) {
    absl::StrAppend(&nested, "Content-Type: multipart/mixed; boundary=b", i, "\r\n\r\n--b", i,
                    "\r\n");
  }
  EXPECT_THAT(Body(nested + "\r\nwords"), ::testing::Not(HasSubstr("refused")));
  std::string many = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
  for (int i = 0; i < 50'000; ++i) many += "--b\r\n\r\nx\r\n";
  EXPECT_THAT(Body(many), HasSubstr("p x\n"));
  EXPECT_THAT(Body("Content-Transfer-Encoding: base64\r\n\r\n" + std::string(1 << 20, '=')),
              ::testing::Not(HasSubstr("refused")));
  const std::string whole =
      absl::StrCat(kHead,
                   "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nwords\r\n--b\r\n"
                   "Content-Disposition: attachment; filename=a\r\n\r\nx\r\n--b--\r\n");
  for (size_t at = 0; at < whole.size(); at += 3) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x45);
    EXPECT_NE(ErrorReason(ExtractAll(*client_, flipped).status), "crashed") << at;
    EXPECT_NE(ErrorReason(ExtractAll(*client_, whole.substr(0, at)).status), "crashed") << at;
  }
}

TEST_F(MailTest, SaysThatPartsWereLeftOut) {
  const auto partial = [&](int parts) {
    std::string mail = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
    for (int i = 0; i < parts; ++i) mail += "--b\r\n\r\nx\r\n";
    return Read(mail).pages[0].partial_reason;
  };
  EXPECT_EQ(partial(1000), "");
  EXPECT_EQ(partial(1001), "too_many_members");
  std::string nested;
  // Each boundary is the beginning of the next one.
  for (std::string boundary = "b"; boundary.size() < 30; boundary += 'b') {
    absl::StrAppend(&nested, "Content-Type: multipart/mixed; boundary=", boundary, "\r\n\r\n--",
                    boundary, "\r\n");
  }
  EXPECT_EQ(Read(nested + "\r\nwords").pages[0].partial_reason, "too_deep");
}

TEST_F(MailTest, ALetterThatLooksLikeNoMailIsText) {
  const Extracted got = ExtractAll(*client_, "From: the top of the hill\nwe saw the town.\n");
  EXPECT_EQ(got.info.media_type, "text/plain");
}

}  // namespace
}  // namespace sightline::media
