// Archives through the client and a real sandboxed child.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "ingest/media/media_client.h"
#include "tests/ingest/media/media_fixtures.h"
#include "tests/support/status_matchers.h"

namespace sightline::media {
namespace {

using ::sightline::media::testing::ExtractAll;
using ::sightline::media::testing::Extracted;
using ::sightline::media::testing::Gzip;
using ::sightline::media::testing::MakeClient;
using ::sightline::media::testing::Tar;
using ::sightline::media::testing::TestOptions;
using ::sightline::media::testing::Zip;
using ::sightline::testing::IsOk;
using ::testing::HasSubstr;

class ArchiveTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { client_ = MakeClient().release(); }
  static void TearDownTestSuite() {
    delete client_;
    client_ = nullptr;
  }

  // "path: bytes" or "path! reason" of each member, or why there are none.
  static std::string Members(absl::string_view bytes, const std::string& file_name = "") {
    ExtractOptions options;
    options.file_name = file_name;
    const Extracted got = ExtractAll(*client_, bytes, options);
    if (!got.status.ok()) return "refused: " + ErrorReason(got.status);
    std::string out;
    for (const auto& member : got.members) {
      absl::StrAppend(&out, member.path,
                      member.status.ok() ? ": " + member.bytes : "! " + ErrorReason(member.status),
                      "\n");
    }
    return out;
  }

  static MediaClient* client_;
};

MediaClient* ArchiveTest::client_ = nullptr;

TEST_F(ArchiveTest, GivesTheFilesOfAZip) {
  const std::string zip =
      Zip({{"a.txt", "one"}, {"folder/", ""}, {"folder/合同.txt", "two"}, {"empty", ""}});
  EXPECT_EQ(Members(zip), "a.txt: one\nfolder/合同.txt: two\nempty: \n");
  EXPECT_EQ(ExtractAll(*client_, zip).info.media_type, "application/zip");
}

TEST_F(ArchiveTest, GivesTheFilesOfATarHoweverItIsPacked) {
  const std::string tar =
      Tar({{"a.txt", "one"}, {"folder", "", '5'}, {"folder/b", std::string(600, 'x')}});
  const std::string expected = "a.txt: one\nfolder/b: " + std::string(600, 'x') + "\n";
  EXPECT_EQ(Members(tar), expected);
  EXPECT_EQ(Members(Gzip(tar)), expected);
  EXPECT_EQ(ExtractAll(*client_, Gzip(tar)).info.media_type, "application/x-tar");
}

TEST_F(ArchiveTest, ASinglePackedFileIsNamedAfterIt) {
  EXPECT_EQ(Members(Gzip("words"), "notes.txt.gz"), "notes.txt: words\n");
  EXPECT_EQ(Members(Gzip("words"),
                    "a\x07"
                    "b.gz"),
            "data: words\n");
  EXPECT_EQ(ExtractAll(*client_, Gzip("words")).info.media_type, "application/gzip");
}

TEST_F(ArchiveTest, NamesThatLeadOutAreRefusedAndTheOthersKept) {
  const std::string members = Members(Zip({{"../up", "1"},
                                           {"/etc/passwd", "2"},
                                           {"a\\..\\..\\b", "3"},
                                           {"C:\\x", "4"},
                                           {"bell\x07", "5"},
                                           {"dir\\file.txt", "6"},
                                           {"./good.txt", "7"},
                                           {".hidden", "8"},
                                           {"__MACOSX/x", "9"},
                                           {std::string(2000, 'n'), "10"}}));
  EXPECT_EQ(members,
            "../up! unsafe_path\n/etc/passwd! unsafe_path\na\\..\\..\\b! unsafe_path\n"
            "C:\\x! unsafe_path\nbell?! unsafe_path\ndir/file.txt: 6\ngood.txt: 7\n" +
                std::string(200, 'n') + "! unsafe_path\n");
  EXPECT_EQ(Members(Tar({{"../../x", "1"}, {"ok", "2"}})), "../../x! unsafe_path\nok: 2\n");
}

TEST_F(ArchiveTest, LinksAndDevicesAreRefused) {
  EXPECT_EQ(Members(Zip({{"link", "/etc/passwd", 0120777}, {"ok", "2"}})),
            "link! not_a_file\nok: 2\n");
  EXPECT_EQ(Members(Tar({{"soft", "", '2', "/etc/passwd"},
                         {"hard", "", '1', "ok"},
                         {"fifo", "", '6'},
                         {"ok", "2"}})),
            "soft! not_a_file\nhard! not_a_file\nfifo! not_a_file\nok: 2\n");
}

TEST_F(ArchiveTest, EncryptedAndDamagedMembersCostOnlyThemselves) {
  std::string zip = Zip({{.name = "locked", .bytes = "1", .encrypted = true},
                         {"bad", std::string(500, 'b') + "end"},
                         {"ok", "2"}});
  const size_t at = zip.find("bad") + 3;
  zip[at] = static_cast<char>(zip[at] ^ 0x77);
  EXPECT_EQ(Members(zip), "locked! encrypted\nbad! bad_archive\nok: 2\n");
}

TEST_F(ArchiveTest, ForeignNamesAreDecodedTogether) {
  // 合同文件.txt and 发票清单二零二四.txt in GB18030
  EXPECT_EQ(
      Members(Zip({{"\xBA\xCF\xCD\xAC\xCE\xC4\xBC\xFE.txt", "1"},
                   {"\xB7\xA2\xC6\xB1\xC7\xE5\xB5\xA5\xB6\xFE\xC1\xE3\xB6\xFE\xCB\xC4.txt", "2"}})),
      "合同文件.txt: 1\n发票清单二零二四.txt: 2\n");
}

TEST_F(ArchiveTest, BombsEndAtTheLimit) {
  MediaOptions options = TestOptions();
  options.limits.max_unpacked_bytes = 8 << 20;
  options.limits.max_members = 50;
  const auto client = MakeClient(options);
  const auto last = [&](const std::string& bytes) {
    const Extracted got = ExtractAll(*client, bytes);
    if (!got.status.ok()) return ErrorReason(got.status);
    return got.members.empty() ? "nothing" : ErrorReason(got.members.back().status);
  };
  const std::string zeros(5 << 20, '\0');
  EXPECT_EQ(last(Zip({{"a", zeros}, {"b", zeros}, {"c", "x"}})), "inflate_limit");
  EXPECT_EQ(last(Gzip(Tar({{"a", zeros}, {"b", zeros}}))), "inflate_limit");
  EXPECT_EQ(last(Gzip(std::string(20 << 20, 'x'))), "inflate_limit");
  std::vector<testing::ZipEntry> many;
  std::vector<testing::TarEntry> many_in_tar;
  for (int i = 0; i < 60; ++i) {
    many.push_back({absl::StrCat("f", i), "x"});
    many_in_tar.push_back({absl::StrCat("f", i), "x"});
  }
  EXPECT_EQ(last(Zip(many)), "too_many_members");
  EXPECT_EQ(last(Tar(many_in_tar)), "too_many_members");
}

TEST_F(ArchiveTest, ManyAndLargeMembersComeInSeveralReplies) {
  std::vector<testing::ZipEntry> entries;
  std::vector<testing::TarEntry> tar;
  for (int i = 0; i < 1203; ++i) {
    entries.push_back({absl::StrCat("f", i), absl::StrCat(i)});
    tar.push_back({absl::StrCat("f", i), absl::StrCat(i)});
  }
  for (int i = 0; i < 3; ++i) {
    entries.push_back(
        {absl::StrCat("large", i), std::string(20 << 20, static_cast<char>('a' + i))});
  }
  const Extracted got = ExtractAll(*client_, Zip(entries));
  ASSERT_THAT(got.status, IsOk());
  ASSERT_EQ(got.members.size(), entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    ASSERT_EQ(got.members[i].path, entries[i].name);
    ASSERT_TRUE(got.members[i].bytes == entries[i].bytes) << i;
  }
  const Extracted from_tar = ExtractAll(*client_, Gzip(Tar(tar)));
  ASSERT_EQ(from_tar.members.size(), tar.size());
  EXPECT_EQ(from_tar.members.back().bytes, "1202");
}

TEST_F(ArchiveTest, CutAndFlippedArchivesEndInWords) {
  const std::string words = absl::StrCat("words ", std::string(500, 'w'), " more");
  const std::string archives[] = {Zip({{"a", words}, {"b", words}}),
                                  Tar({{"a", words}, {"b", words}}),
                                  Gzip(Tar({{"a", words}, {"b", words}}))};
  for (const std::string& good : archives) {
    for (size_t size = 1; size < good.size(); size += good.size() / 29 + 1) {
      const std::string cut = Members(good.substr(0, size));
      EXPECT_THAT(cut, ::testing::Not(HasSubstr("crashed"))) << size;
    }
    for (size_t at = 0; at < good.size(); at += good.size() / 97 + 1) {
      std::string flipped = good;
      flipped[at] = static_cast<char>(flipped[at] ^ 0x21);
      const std::string members = Members(flipped);
      EXPECT_THAT(members, ::testing::Not(HasSubstr("crashed"))) << at;
      EXPECT_THAT(members, ::testing::Not(HasSubstr("timeout"))) << at;
    }
  }
}

TEST_F(ArchiveTest, ADamagedTarIsNotItsOwnMember) {
  std::string damaged = Tar({{"a", "words"}});
  damaged[0] ^= 0x21;  // the head's checksum is wrong now
  EXPECT_EQ(Members(damaged), "refused: bad_archive");
  EXPECT_EQ(Members(Gzip(damaged), "a.tar.gz"), "a.tar: " + damaged + "\n");
}

TEST_F(ArchiveTest, AnEmptyArchiveHasNoMembers) {
  EXPECT_EQ(Members(Zip({})), "");
  EXPECT_EQ(Members("PK\x03\x04"), "refused: bad_archive");
}

}  // namespace
}  // namespace sightline::media
