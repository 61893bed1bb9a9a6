// Words read from pictures, through the client, a real sandboxed child and Tesseract's data.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ingest/media/media_client.h"
#include "ingest/media/ocr_languages.h"
#include "tests/ingest/media/media_fixtures.h"
#include "tests/support/status_matchers.h"

namespace sightline::media {
namespace {

using ::sightline::media::testing::Describe;
using ::sightline::media::testing::Encode;
using ::sightline::media::testing::ExtractAll;
using ::sightline::media::testing::MakeClient;
using ::sightline::media::testing::Pdf;
using ::sightline::media::testing::PdfPage;
using ::sightline::media::testing::TestOptions;
using ::sightline::media::testing::TestPicture;
using ::sightline::media::testing::TextContent;
using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using vips::VImage;

MediaOptions OcrOptions(OcrPictures pictures = OcrPictures::kPages,
                        const std::string& languages = "eng+chi_sim") {
  MediaOptions options = TestOptions();
  options.ocr_languages = languages;
  options.ocr_pictures = pictures;
  return options;
}

class OcrTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { client_ = MakeClient(OcrOptions()).release(); }
  static void TearDownTestSuite() {
    delete client_;
    client_ = nullptr;
  }

  static MediaClient* client_;
};

MediaClient* OcrTest::client_ = nullptr;

struct Placed {
  const char* text;
  const char* font;
  int x = 0;  // pixels, of the left upper corner of the ink
  int y = 0;
};

// Words in `ink` on `ground`, gray.
VImage Words(int width, int height, const std::vector<Placed>& words, double ground = 250,
             double ink = 20) {
  VImage page = TestPicture(width, height)[0] * 0 + ground;
  for (const Placed& word : words) {
    const VImage mask = VImage::text(word.text, VImage::option()->set("font", word.font));
    page = page.insert((mask * ((ink - ground) / 255) + ground), word.x, word.y);
  }
  return page.cast(VIPS_FORMAT_UCHAR).copy_memory();
}

// Rows of strokes as large as letters.
VImage Scribbles() {
  VImage page = Words(800, 600, {});
  std::mt19937 random(1);
  for (int y = 60; y < 560; y += 85) {
    for (int x = 80; x < 710; x += 45) {
      for (int stroke = 0; stroke < 3; ++stroke) {
        const auto at = [&](int from, unsigned range) {
          return from + static_cast<int>(random() % range);
        };
        const int x0 = at(x, 34), y0 = at(y, 40), x1 = at(x, 34), y1 = at(y, 40);
        for (int thick = 0; thick < 5; ++thick) {
          page.draw_line({20}, x0 + thick, y0, x1 + thick, y1);
        }
      }
    }
  }
  return page;
}

constexpr char kEnglish[] = "The quarterly turbine report was signed";
constexpr char kChinese[] = "本季度的检查报告由总工程师完成";

VImage TwoLanguages() {
  return Words(1240, 1754,
               {{kEnglish, "DejaVu Sans 30", 120, 200},
                {"Second paragraph of the page", "DejaVu Sans 30", 120, 700},
                {kChinese, "WenQuanYi Micro Hei 34", 120, 1200}});
}

// A page of a PDF that is nothing but `image`, over which `stamp` is printed.
std::string Scan(const VImage& image, const std::string& stamp = "") {
  const std::string jpeg = Encode(image, ".jpg");
  std::string hex;
  for (const unsigned char c : jpeg) absl::StrAppend(&hex, absl::Hex(c, absl::kZeroPad2));
  PdfPage page;
  page.media_box = "0 0 595 842";
  // As an inline picture, so that the page is one object.
  page.content = absl::StrCat("q 595 0 0 842 0 0 cm BI /W ", image.width(), " /H ", image.height(),
                              " /CS /G /BPC 8 /F [/AHx /DCT] ID ", hex, "> EI Q ");
  if (!stamp.empty()) page.content += TextContent({stamp});
  return Pdf({page});
}

TEST_F(OcrTest, ReadsAPageOfTwoLanguagesWithBoxes) {
  const auto got = ExtractAll(*client_, Encode(TwoLanguages(), ".png"));
  ASSERT_THAT(got.status, IsOk());
  ASSERT_EQ(got.pages.size(), 1u);
  const auto& blocks = got.pages[0].blocks;
  ASSERT_EQ(Describe(blocks),
            absl::StrCat("p ", kEnglish, "\np Second paragraph of the page\np ", kChinese, "\n"));
  const int tops[] = {200, 700, 1200};
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(blocks[i].box.has_value());
    const Box& box = *blocks[i].box;
    EXPECT_NEAR(box.x0, 120.0 / 1240, 0.01) << i;
    EXPECT_NEAR(box.y0, tops[i] / 1754.0, 0.01) << i;
    EXPECT_GT(box.x1, 0.4) << i;
    EXPECT_LT(box.y1 - box.y0, 0.05) << i;
  }
  EXPECT_TRUE(got.pages[0].picture.has_value());
}

TEST_F(OcrTest, KnowsWhereEachLineOfAParagraphStands) {
  const std::string lines[] = {kEnglish, "by the chief engineer in spring and then",
                               "was sent to the harbour."};
  std::vector<Placed> placed;
  for (const int i : {0, 1, 2}) {
    placed.push_back({lines[i].c_str(), "DejaVu Sans 30", 120, 200 + 50 * i});
  }
  const auto got = ExtractAll(*client_, Encode(Words(1240, 1754, placed), ".png"));
  ASSERT_THAT(got.status, IsOk());
  ASSERT_EQ(Describe(got.pages[0].blocks),
            absl::StrCat("p ", lines[0], " ", lines[1], " ", lines[2], "\n"));
  const TextBlock& block = got.pages[0].blocks[0];
  ASSERT_EQ(block.lines.size(), 3u);
  size_t begin = 0;
  for (const int i : {0, 1, 2}) {
    EXPECT_EQ(block.lines[i].begin, begin) << i;
    begin += lines[i].size() + 1;
    ASSERT_TRUE(block.lines[i].box.has_value()) << i;
    const Box& box = *block.lines[i].box;
    EXPECT_NEAR(box.x0, 120.0 / 1240, 0.01) << i;
    EXPECT_NEAR(box.y0, (200 + 50 * i) / 1754.0, 0.01) << i;
    EXPECT_LT(box.y1 - box.y0, 45 / 1754.0) << i;
  }
  EXPECT_GT(block.lines[0].box->x1, block.lines[2].box->x1);
  EXPECT_FLOAT_EQ(block.box->y1, block.lines[2].box->y1);
}

TEST_F(OcrTest, ALineIsReadByEachLanguageWhereTheyDisagree) {
  // English takes the first line, of which Chinese misses two characters.
  const auto got = ExtractAll(
      *client_, Encode(Words(1240, 1754,
                             {{"李秀英把旧镜子留在地窖旁", "WenQuanYi Micro Hei 29", 200, 990},
                              {"边，从那个冬天起再也没有", "WenQuanYi Micro Hei 29", 200, 1050}}),
                       ".png"));
  ASSERT_THAT(got.status, IsOk());
  const std::string text = Describe(got.pages[0].blocks);
  EXPECT_THAT(text, HasSubstr("李秀英"));
  EXPECT_THAT(text, HasSubstr("那个冬天"));
}

TEST_F(OcrTest, ReadsUprightWhatTheFileHoldsTurned) {
  const VImage turned = TwoLanguages().rot270();
  VImage marked = turned.copy();
  marked.set(VIPS_META_ORIENTATION, 6);
  const auto got = ExtractAll(*client_, Encode(marked, ".jpg"));
  ASSERT_THAT(got.status, IsOk());
  EXPECT_THAT(Describe(got.pages[0].blocks), HasSubstr(kEnglish));
}

TEST_F(OcrTest, ReadsAScannedPageAndKeepsATextLayer) {
  const auto scan = ExtractAll(*client_, Scan(TwoLanguages()));
  ASSERT_THAT(scan.status, IsOk());
  ASSERT_THAT(scan.pages[0].status, IsOk());
  EXPECT_THAT(Describe(scan.pages[0].blocks), HasSubstr(kEnglish));
  EXPECT_THAT(Describe(scan.pages[0].blocks), HasSubstr(kChinese));
  ASSERT_TRUE(scan.pages[0].blocks[0].box.has_value());
  EXPECT_NEAR(scan.pages[0].blocks[0].box->y0, 200 / 1754.0, 0.01);
  ASSERT_TRUE(scan.pages[0].picture.has_value());
  EXPECT_EQ(scan.pages[0].picture->height, 1280);

  const auto stamped = ExtractAll(*client_, Scan(TwoLanguages(), "Page 7"));
  ASSERT_THAT(stamped.status, IsOk());
  EXPECT_THAT(Describe(stamped.pages[0].blocks), HasSubstr(kEnglish));

  const std::string layer = "The text layer says what is on this page";
  const auto mixed = ExtractAll(*client_, Scan(TwoLanguages(), layer));
  ASSERT_THAT(mixed.status, IsOk());
  EXPECT_EQ(Describe(mixed.pages[0].blocks), absl::StrCat("p ", layer, "\n"));
}

TEST_F(OcrTest, ReadsAScanWhosePagesAreNotRendered) {
  ExtractOptions options;
  options.render_pages = false;
  const auto got = ExtractAll(*client_, Scan(TwoLanguages()), options);
  ASSERT_THAT(got.status, IsOk());
  EXPECT_THAT(Describe(got.pages[0].blocks), HasSubstr(kEnglish));
  EXPECT_FALSE(got.pages[0].picture.has_value());
}

TEST_F(OcrTest, PicturesThatAreNoPagesAreReadOnlyWhenAllAre) {
  const std::string sign =
      Encode(Words(900, 600, {{"BAKERY", "DejaVu Sans Bold 60", 300, 220}}, 90, 250), ".jpg");
  const auto unread = ExtractAll(*client_, sign);
  ASSERT_THAT(unread.status, IsOk());
  EXPECT_THAT(unread.pages[0].blocks, IsEmpty());

  const auto all = MakeClient(OcrOptions(OcrPictures::kAll));
  const auto read = ExtractAll(*all, sign);
  ASSERT_THAT(read.status, IsOk());
  ASSERT_EQ(Describe(read.pages[0].blocks), "p BAKERY\n");
  EXPECT_NEAR(read.pages[0].blocks[0].box->x0, 300.0 / 900, 0.01);
  EXPECT_NEAR(read.pages[0].blocks[0].box->y0, 220.0 / 600, 0.01);

  const auto off = MakeClient(OcrOptions(OcrPictures::kOff));
  EXPECT_THAT(ExtractAll(*off, Encode(TwoLanguages(), ".png")).pages[0].blocks, IsEmpty());
  EXPECT_THAT(Describe(ExtractAll(*off, Scan(TwoLanguages())).pages[0].blocks),
              HasSubstr(kEnglish));
}

TEST_F(OcrTest, MarksThatAreNoWordsAreDropped) {
  const auto all = MakeClient(OcrOptions(OcrPictures::kAll));
  const std::pair<const char*, VImage> pictures[] = {
      {"shades", TestPicture(800, 600)},
      {"noise", VImage::gaussnoise(800, 600, VImage::option()->set("sigma", 60)->set("seed", 3))
                    .cast(VIPS_FORMAT_UCHAR)},
      {"blank", Words(800, 600, {})}};
  for (const auto& [name, picture] : pictures) {
    const auto got = ExtractAll(*all, Encode(picture, ".png"));
    ASSERT_THAT(got.status, IsOk()) << name;
    EXPECT_EQ(Describe(got.pages[0].blocks), "") << name;
  }
}

TEST_F(OcrTest, WordsThatTheReaderIsNotSureOfAreDropped) {
  const auto all = MakeClient(OcrOptions(OcrPictures::kAll));
  const auto got = ExtractAll(*all, Encode(Scribbles(), ".png"));
  ASSERT_THAT(got.status, IsOk());
  // It takes them for some 120 characters, nearly all with little confidence.
  EXPECT_LT(Describe(got.pages[0].blocks).size(), 20u) << Describe(got.pages[0].blocks);
}

TEST_F(OcrTest, AReaderWithoutTimeLeavesThePictureWithoutWords) {
  MediaOptions options = OcrOptions();
  options.page_timeout = absl::Milliseconds(1);
  const auto client = MakeClient(options);
  const auto got = ExtractAll(*client, Encode(TwoLanguages(), ".png"));
  ASSERT_THAT(got.status, IsOk());
  EXPECT_THAT(got.pages[0].status, IsOk());
  EXPECT_EQ(got.pages[0].partial_reason, "");
  EXPECT_THAT(got.pages[0].blocks, IsEmpty());
  EXPECT_TRUE(got.pages[0].picture.has_value());
}

TEST_F(OcrTest, ThePicturesOfAFullReaderFitItsMemory) {
  MediaOptions options = OcrOptions();
  options.worker_memory_bytes = int64_t{256} << 20;
  const auto client = MakeClient(options);
  std::vector<Placed> lines;
  // Not quite below each other, or the gaps between the words make columns.
  for (int y = 100; y < 5700; y += 100) {
    lines.push_back({kEnglish, "DejaVu Sans 50", 300 + y / 100 * 37 % 200, y});
  }
  const auto got = ExtractAll(*client, Encode(Words(4000, 6000, lines), ".jpg"));
  ASSERT_THAT(got.status, IsOk());
  const std::string text = Describe(got.pages[0].blocks);
  size_t found = 0;
  for (size_t at = text.find("turbine"); at != text.npos; at = text.find("turbine", at + 1))
    ++found;
  EXPECT_EQ(found, lines.size()) << text;
}

TEST_F(OcrTest, ALanguageWithoutDataIsLeftOut) {
  const auto some = FindOcrLanguages("xyz+eng+script/Nowhere");
  ASSERT_THAT(some, IsOk());
  EXPECT_EQ(some->installed, "eng");
  EXPECT_THAT(some->missing, ::testing::ElementsAre("xyz", "script/Nowhere"));
  for (const char* bad : {"eng+", "../eng", "eng chi_sim", "script/../eng", "+"}) {
    EXPECT_THAT(FindOcrLanguages(bad), StatusIs(absl::StatusCode::kInvalidArgument)) << bad;
    EXPECT_THAT(MediaClient::Create(OcrOptions(OcrPictures::kPages, bad)),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  const auto english = MakeClient(OcrOptions(OcrPictures::kPages, "xyz+eng"));
  EXPECT_THAT(Describe(ExtractAll(*english, Encode(TwoLanguages(), ".png")).pages[0].blocks),
              HasSubstr(kEnglish));
  const auto none = MakeClient(OcrOptions(OcrPictures::kPages, "xyz"));
  const auto got = ExtractAll(*none, Encode(TwoLanguages(), ".png"));
  ASSERT_THAT(got.status, IsOk());
  EXPECT_THAT(got.pages[0].blocks, IsEmpty());
}

TEST_F(OcrTest, SettingsNameWhatDecidesTheWords) {
  const auto settings = [](OcrPictures pictures, const char* languages) {
    return MakeClient(OcrOptions(pictures, languages))->settings();
  };
  const std::string first = settings(OcrPictures::kPages, "eng+chi_sim");
  EXPECT_EQ(first, settings(OcrPictures::kPages, "eng+xyz+chi_sim"));
  EXPECT_NE(first, settings(OcrPictures::kPages, "eng"));
  EXPECT_NE(first, settings(OcrPictures::kAll, "eng+chi_sim"));
  EXPECT_EQ(settings(OcrPictures::kAll, ""), settings(OcrPictures::kOff, ""));
}

}  // namespace
}  // namespace sightline::media
