// PDF through the client, a real sandboxed child and the poppler tools.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "ingest/media/jpeg_header.h"
#include "ingest/media/media_client.h"
#include "tests/ingest/media/media_fixtures.h"
#include "tests/support/status_matchers.h"

namespace sightline::media {
namespace {

using ::sightline::media::testing::Describe;
using ::sightline::media::testing::ExtractAll;
using ::sightline::media::testing::MakeClient;
using ::sightline::media::testing::Pdf;
using ::sightline::media::testing::PdfPage;
using ::sightline::media::testing::TestOptions;
using ::sightline::media::testing::TextContent;
using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;

class DocumentTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { client_ = MakeClient().release(); }
  static void TearDownTestSuite() {
    delete client_;
    client_ = nullptr;
  }

  static MediaClient* client_;
};

MediaClient* DocumentTest::client_ = nullptr;

PdfPage TextPage(const std::vector<std::string>& lines) {
  PdfPage page;
  page.content = TextContent(lines);
  return page;
}

TEST_F(DocumentTest, ReadsTextWithBoxesAndPicture) {
  const auto got = ExtractAll(*client_, Pdf({TextPage({"Hello big won-", "derful world."})}));
  ASSERT_THAT(got.status, IsOk());
  EXPECT_EQ(got.infos, 1);
  EXPECT_EQ(got.info.media_type, "application/pdf");
  EXPECT_TRUE(got.info.has_pages);
  EXPECT_FALSE(got.info.is_picture);
  EXPECT_EQ(got.info.pages, 1);
  ASSERT_EQ(got.pages.size(), 1u);
  const ExtractedPage& page = got.pages[0];
  ASSERT_THAT(page.status, IsOk());
  EXPECT_EQ(page.partial_reason, "");
  EXPECT_EQ(Describe(page.blocks), "p Hello big wonderful world.\n");
  ASSERT_TRUE(page.blocks[0].box.has_value());
  const Box& box = *page.blocks[0].box;
  EXPECT_NEAR(box.x0, 50.0 / 300, 0.01);
  EXPECT_NEAR(box.x1, 126.0 / 300, 0.02);
  EXPECT_NEAR(box.y0, (400 - 300 - 9) / 400.0, 0.02);
  EXPECT_NEAR(box.y1, (400 - 286 + 3) / 400.0, 0.02);
  const std::vector<TextLine>& lines = page.blocks[0].lines;
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].begin, 0u);
  EXPECT_EQ(lines[1].begin, 13u) << "where its half of the word begins";
  EXPECT_NEAR(lines[0].box->y0, (400 - 300 - 9) / 400.0, 0.02);
  EXPECT_NEAR(lines[0].box->y1, (400 - 300 + 3) / 400.0, 0.02);
  EXPECT_NEAR(lines[1].box->y0, (400 - 286 - 9) / 400.0, 0.02);
  EXPECT_LT(lines[1].box->x1, lines[0].box->x1);
  ASSERT_TRUE(page.picture.has_value());
  EXPECT_EQ(page.picture->media_type, "image/jpeg");
  EXPECT_EQ(page.picture->height, 1280);
  EXPECT_EQ(page.picture->width, 960);
}

TEST_F(DocumentTest, TakesLargerTypeForHeadings) {
  PdfPage page;
  page.content =
      "BT /F1 24 Tf 50 350 Td (A Title) Tj ET "
      "BT /F1 12 Tf 50 300 Td (The body of the text is longer.) Tj ET";
  const auto got = ExtractAll(*client_, Pdf({page}));
  ASSERT_THAT(got.status, IsOk());
  EXPECT_EQ(Describe(got.pages[0].blocks), "h1 A Title\np The body of the text is longer.\n");
}

TEST_F(DocumentTest, ReadsChineseWithoutSpaces) {
  PdfPage page;  // UCS-2: 多模态检索 / 北京 on two lines
  page.content = "BT /F2 14 Tf 50 300 Td <591A6A21600168C07D22> Tj 0 -16 Td <53174EAC> Tj ET";
  const auto got = ExtractAll(*client_, Pdf({page}));
  ASSERT_THAT(got.status, IsOk());
  EXPECT_EQ(Describe(got.pages[0].blocks), "p 多模态检索北京\n");
}

TEST_F(DocumentTest, BoxesFollowRotationAndCropping) {
  PdfPage turned = TextPage({"Turned"});
  turned.extra = "/Rotate 90";
  PdfPage cropped = TextPage({"Cropped"});
  cropped.extra = "/CropBox [40 200 300 400]";
  const auto got = ExtractAll(*client_, Pdf({turned, cropped}));
  ASSERT_THAT(got.status, IsOk());
  ASSERT_EQ(got.pages.size(), 2u);
  ASSERT_TRUE(got.pages[0].picture.has_value());
  EXPECT_EQ(got.pages[0].picture->width, 1280);
  EXPECT_EQ(got.pages[0].picture->height, 960);
  // The text starts 50 points from the left of the upright page: from the top of the turned one.
  EXPECT_NEAR(got.pages[0].blocks.at(0).box->y0, 50.0 / 300, 0.01);
  EXPECT_NEAR(got.pages[1].blocks.at(0).box->x0, 10.0 / 260, 0.01);
  EXPECT_NEAR(got.pages[1].blocks.at(0).box->y0, (400 - 300 - 9) / 200.0, 0.03);
}

TEST_F(DocumentTest, RendersOnlyWhenAsked) {
  ExtractOptions options;
  options.render_pages = false;
  const auto got = ExtractAll(*client_, Pdf({TextPage({"Words"})}), options);
  ASSERT_THAT(got.status, IsOk());
  EXPECT_FALSE(got.pages[0].picture.has_value());
  options.render_pages = true;
  options.render_long_side = 200;
  const auto small = ExtractAll(*client_, Pdf({TextPage({"Words"})}), options);
  ASSERT_THAT(small.status, IsOk());
  EXPECT_EQ(small.pages[0].picture->height, 200);
}

TEST_F(DocumentTest, OnePageWithoutAnythingReadableKeepsTheOthers) {
  PdfPage damaged;
  damaged.content = "this is no compressed data at all";
  damaged.content_filter = "/Filter /FlateDecode";
  const auto got = ExtractAll(*client_, Pdf({TextPage({"One"}), damaged, TextPage({"Three"})}));
  ASSERT_THAT(got.status, IsOk());
  ASSERT_EQ(got.pages.size(), 3u);
  EXPECT_EQ(Describe(got.pages[0].blocks), "p One\n");
  EXPECT_EQ(ErrorReason(got.pages[1].status), "bad_page");
  EXPECT_EQ(got.pages[1].number, 2);
  EXPECT_FALSE(got.pages[1].picture.has_value());
  EXPECT_EQ(Describe(got.pages[2].blocks), "p Three\n");
}

TEST_F(DocumentTest, MissingPageObjectMarksItself) {
  PdfPage missing;
  missing.missing = true;
  const auto got = ExtractAll(*client_, Pdf({TextPage({"One"}), TextPage({"Two"}), missing}));
  ASSERT_THAT(got.status, IsOk());
  ASSERT_GE(got.pages.size(), 2u);
  EXPECT_EQ(Describe(got.pages[1].blocks), "p Two\n");
  for (size_t i = 2; i < got.pages.size(); ++i) EXPECT_FALSE(got.pages[i].status.ok());
}

TEST_F(DocumentTest, EmptyPageIsNotAnError) {
  const auto got = ExtractAll(*client_, Pdf({PdfPage()}));
  ASSERT_THAT(got.status, IsOk());
  EXPECT_THAT(got.pages[0].status, IsOk());
  EXPECT_TRUE(got.pages[0].blocks.empty());
  EXPECT_TRUE(got.pages[0].picture.has_value());
}

TEST_F(DocumentTest, HugePageIsRenderedSmall) {
  PdfPage huge = TextPage({"Tiny"});
  huge.media_box = "0 0 10000000 10000000";
  const auto got = ExtractAll(*client_, Pdf({huge}));
  ASSERT_THAT(got.status, IsOk());
  ASSERT_TRUE(got.pages[0].picture.has_value());
  EXPECT_EQ(got.pages[0].picture->width, 1280);
  EXPECT_EQ(Describe(got.pages[0].blocks), "p Tiny\n");
}

TEST_F(DocumentTest, ElongatedPageKeepsItsTextAlone) {
  PdfPage strip = TextPage({"Strip"});
  strip.media_box = "0 0 100000 400";
  const auto got = ExtractAll(*client_, Pdf({strip}));
  ASSERT_THAT(got.status, IsOk());
  EXPECT_THAT(got.pages[0].status, IsOk());
  EXPECT_EQ(got.pages[0].partial_reason, "aspect_ratio");
  EXPECT_FALSE(got.pages[0].picture.has_value());
  EXPECT_EQ(Describe(got.pages[0].blocks), "p Strip\n");
}

TEST_F(DocumentTest, PageTreeThatBitesItsTailIsRefused) {
  std::string pdf = Pdf({TextPage({"Loop"})});
  const size_t kids = pdf.find("/Kids [ 7 0 R");
  ASSERT_NE(kids, std::string::npos);
  pdf[kids + 8] = '2';
  const auto got = ExtractAll(*client_, pdf);
  EXPECT_EQ(ErrorReason(got.status), "bad_pdf");
  EXPECT_EQ(got.infos, 0);
}

TEST_F(DocumentTest, RubbishBehindAPdfHeaderIsRefused) {
  EXPECT_EQ(ErrorReason(ExtractAll(*client_, "%PDF-1.7\n" + std::string(5000, '\xFE')).status),
            "bad_pdf");
  EXPECT_EQ(ErrorReason(ExtractAll(*client_, "%PDF-").status), "bad_pdf");
}

TEST_F(DocumentTest, PageLimitHoldsToThePage) {
  MediaOptions options = TestOptions();
  options.limits.max_pages = 3;
  const auto client = MakeClient(options);
  ExtractOptions no_pictures;
  no_pictures.render_pages = false;
  const std::vector<PdfPage> three(3, TextPage({"x"}));
  EXPECT_THAT(ExtractAll(*client, Pdf(three), no_pictures).status, IsOk());
  const std::vector<PdfPage> four(4, TextPage({"x"}));
  const auto got = ExtractAll(*client, Pdf(four), no_pictures);
  EXPECT_THAT(got.status, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(ErrorReason(got.status), "too_many_pages");
}

TEST_F(DocumentTest, ClaimOfAMillionPagesIsRefused) {
  std::string pdf = Pdf({TextPage({"x"})});
  const size_t count = pdf.find("/Count 1 >>");
  ASSERT_NE(count, std::string::npos);
  pdf.replace(count, 11, "/Count 1000000 >>");
  const auto got = ExtractAll(*client_, pdf);
  EXPECT_THAT(ErrorReason(got.status), ::testing::AnyOf("too_many_pages", "bad_pdf"));
}

TEST_F(DocumentTest, EncryptedFilesNeedTheirPassword) {
  if (std::system("command -v qpdf > /dev/null 2>&1") != 0) GTEST_SKIP() << "needs qpdf";
  auto folder = TempDir::Create();
  ASSERT_THAT(folder, IsOk());
  const std::string plain = (*folder)->path() + "/plain.pdf";
  const std::string locked = (*folder)->path() + "/locked.pdf";
  const std::string open = (*folder)->path() + "/open.pdf";
  ASSERT_THAT(WriteFileAtomic(plain, Pdf({TextPage({"Secret"})})), IsOk());
  ASSERT_EQ(std::system(("qpdf --encrypt user owner 256 -- " + plain + " " + locked).c_str()), 0);
  ASSERT_EQ(std::system(("qpdf --encrypt '' owner 256 -- " + plain + " " + open).c_str()), 0);

  const std::string bytes = *ReadFile(locked);
  EXPECT_EQ(ErrorReason(ExtractAll(*client_, bytes).status), "encrypted");
  ExtractOptions options;
  options.password = "wrong";
  EXPECT_EQ(ErrorReason(ExtractAll(*client_, bytes, options).status), "encrypted");
  for (const char* password : {"user", "owner"}) {
    options.password = password;
    const auto got = ExtractAll(*client_, bytes, options);
    ASSERT_THAT(got.status, IsOk()) << password;
    EXPECT_EQ(Describe(got.pages[0].blocks), "p Secret\n");
  }
  EXPECT_THAT(ExtractAll(*client_, *ReadFile(open)).status, IsOk());
}

// A page that draws itself twice, thirty deep: two to the thirtieth rectangles.
std::string SlowPdf() {
  std::string pdf = "%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n";
  pdf += "2 0 obj\n<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>\nendobj\n";
  pdf +=
      "3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 400] /Contents 5 0 R "
      "/Resources << /XObject << /X 10 0 R >> >> >>\nendobj\n"
      "4 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 400] /Contents 6 0 R "
      "/Resources << /Font << /F1 7 0 R >> >> >>\nendobj\n"
      "5 0 obj\n<< /Length 5 >>\nstream\n/X Do\nendstream\nendobj\n"
      "6 0 obj\n<< /Length 37 >>\nstream\nBT /F1 12 Tf 50 300 Td (Fine) Tj ET   "
      "\nendstream\nendobj\n"
      "7 0 obj\n<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>\nendobj\n";
  for (int i = 10; i < 40; ++i) {
    absl::StrAppend(&pdf, i, " 0 obj\n<< /Type /XObject /Subtype /Form /BBox [0 0 300 400] ",
                    "/Resources << /XObject << /X ", i + 1, " 0 R >> >> /Length 11 >>\nstream\n",
                    "/X Do /X Do\nendstream\nendobj\n");
  }
  pdf +=
      "40 0 obj\n<< /Type /XObject /Subtype /Form /BBox [0 0 300 400] /Length 14 >>\nstream\n"
      "0 0 200 200 re\nendstream\nendobj\n";
  return pdf + "trailer << /Root 1 0 R /Size 41 >>\n%%EOF\n";
}

TEST_F(DocumentTest, PageThatTakesTooLongCostsOnlyItself) {
  MediaOptions options = TestOptions();
  options.page_timeout = absl::Milliseconds(1500);
  const auto client = MakeClient(options);
  const auto got = ExtractAll(*client, SlowPdf());
  ASSERT_THAT(got.status, IsOk());
  ASSERT_EQ(got.pages.size(), 2u);
  EXPECT_EQ(ErrorReason(got.pages[0].status), "timeout");
  EXPECT_EQ(Describe(got.pages[1].blocks), "p Fine\n");
}

TEST_F(DocumentTest, PageOfEndlessComplaintsIsDamaged) {
  PdfPage page = TextPage({"Plain"});
  for (int i = 0; i < 200'000; ++i) page.content += " zz";
  const auto got = ExtractAll(*client_, Pdf({page, TextPage({"Fine"})}));
  ASSERT_THAT(got.status, IsOk());
  ASSERT_EQ(got.pages.size(), 2u);
  EXPECT_EQ(ErrorReason(got.pages[0].status), "bad_page");
  EXPECT_EQ(Describe(got.pages[1].blocks), "p Fine\n");
}

TEST_F(DocumentTest, DeadlineEndsTheWholeDocument) {
  ExtractOptions options;
  options.deadline = absl::Now() + absl::Milliseconds(1500);
  int pages = 0;
  const absl::Status status =
      client_->Extract(Pdf({TextPage({"One"}), TextPage({"Two"})}), options,
                       {.on_info = [](const DocumentInfo&) { return absl::OkStatus(); },
                        .on_page =
                            [&](ExtractedPage) {
                              ++pages;
                              absl::SleepFor(options.deadline - absl::Now());
                              return absl::OkStatus();
                            }});
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_EQ(ErrorReason(status), "timeout");
  EXPECT_EQ(pages, 1);
}

TEST_F(DocumentTest, CallersErrorStopsTheWork) {
  const std::string pdf = Pdf({TextPage({"One"}), TextPage({"Two"})});
  int pages = 0;
  const absl::Status status =
      client_->Extract(pdf, {},
                       {.on_info = [](const DocumentInfo&) { return absl::OkStatus(); },
                        .on_page =
                            [&](ExtractedPage) {
                              ++pages;
                              return absl::AbortedError("enough");
                            }});
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(pages, 1);
}

TEST_F(DocumentTest, ActiveContentIsNotFollowed) {
  PdfPage page = TextPage({"Plain"});
  page.extra =
      "/AA << /O << /S /JavaScript /JS (app.launchURL\\(\"http://127.0.0.1/\"\\)) >> >> "
      "/Annots [ << /Type /Annot /Subtype /Link /Rect [0 0 300 400] /A << /S /Launch /F (/bin/sh) "
      ">> "
      ">> ]";
  const auto got = ExtractAll(*client_, Pdf({page}));
  ASSERT_THAT(got.status, IsOk());
  EXPECT_EQ(Describe(got.pages[0].blocks), "p Plain\n");
}

TEST_F(DocumentTest, DeeplyNestedObjectsDoNotCrash) {
  PdfPage page = TextPage({"Deep"});
  page.extra = "/Deep " + std::string(1'000'000, '[') + std::string(1'000'000, ']');
  const auto got = ExtractAll(*client_, Pdf({page}));
  if (got.status.ok()) {
    EXPECT_EQ(got.pages.size(), 1u);
  } else {
    EXPECT_EQ(ErrorReason(got.status), "bad_pdf");
  }
}

TEST_F(DocumentTest, PdfIsFoundByItsContent) {
  ExtractOptions options;
  options.file_name = "holiday.png";
  options.media_type_hint = "image/png";
  const auto got = ExtractAll(*client_, "junk before\n" + Pdf({TextPage({"Words"})}), options);
  ASSERT_THAT(got.status, IsOk());
  EXPECT_EQ(got.info.media_type, "application/pdf");
}

TEST_F(DocumentTest, RenderSizeOutOfRangeIsTheCallersMistake) {
  ExtractOptions options;
  options.render_long_side = 0;
  EXPECT_THAT(ExtractAll(*client_, Pdf({PdfPage()}), options).status,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("render_long_side")));
}

}  // namespace
}  // namespace sightline::media
