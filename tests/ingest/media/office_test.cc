// Office files and books through the client and a real sandboxed child.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/utf8.h"
#include "ingest/media/media_client.h"
#include "tests/ingest/media/media_fixtures.h"
#include "tests/support/status_matchers.h"

namespace sightline::media {
namespace {

using ::sightline::media::testing::Describe;
using ::sightline::media::testing::ExtractAll;
using ::sightline::media::testing::Extracted;
using ::sightline::media::testing::MakeClient;
using ::sightline::media::testing::Png;
using ::sightline::media::testing::TestOptions;
using ::sightline::media::testing::Zip;
using ::sightline::media::testing::ZipEntry;
using ::sightline::testing::IsOk;
using ::testing::HasSubstr;

constexpr char kRelationships[] =
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

// id -> type and target.
struct Rel {
  std::string id;
  std::string type;
  std::string target;
};

std::string Rels(const std::vector<Rel>& rels) {
  std::string out =
      "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>";
  for (const Rel& rel : rels) {
    absl::StrAppend(&out, "<Relationship Id='", rel.id, "' Type='", kRelationships, "/", rel.type,
                    "' Target='", rel.target, "'",
                    absl::StrContains(rel.target, "://") ? " TargetMode='External'" : "", "/>");
  }
  return out + "</Relationships>";
}

std::vector<ZipEntry> Package(const std::string& main_part) {
  return {{"[Content_Types].xml", "<Types/>"},
          {"_rels/.rels", Rels({{"rId1", "officeDocument", main_part}})}};
}

std::string Word(const std::string& body) {
  return absl::StrCat("<w:document xmlns:w='w' xmlns:a='a' xmlns:wp='wp' xmlns:mc='mc' xmlns:r='",
                      kRelationships, "'><w:body>", body, "</w:body></w:document>");
}

std::string Paragraph(const std::string& text, const std::string& style = "") {
  return absl::StrCat(
      "<w:p>", style.empty() ? "" : absl::StrCat("<w:pPr><w:pStyle w:val='", style, "'/></w:pPr>"),
      "<w:r><w:t>", text, "</w:t></w:r></w:p>");
}

std::string Picture(const std::string& id, const std::string& words) {
  return absl::StrCat("<w:p><w:r><w:drawing><wp:docPr id='1' descr='", words,
                      "'/><a:blip r:embed='", id, "'/></w:drawing></w:r></w:p>");
}

std::string Docx(const std::string& body, const std::vector<ZipEntry>& more = {}) {
  std::vector<ZipEntry> entries = Package("word/document.xml");
  entries.push_back({"word/document.xml", Word(body)});
  entries.insert(entries.end(), more.begin(), more.end());
  return Zip(entries);
}

class OfficeTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { client_ = MakeClient().release(); }
  static void TearDownTestSuite() {
    delete client_;
    client_ = nullptr;
  }

  // The blocks of the pages, or why there are none.
  static std::string Text(absl::string_view bytes) {
    const Extracted got = ExtractAll(*client_, bytes);
    if (!got.status.ok()) return "refused: " + ErrorReason(got.status);
    std::string out;
    for (const ExtractedPage& page : got.pages) {
      if (got.info.has_pages) absl::StrAppend(&out, "[", page.number, "]\n");
      out +=
          page.status.ok() ? Describe(page.blocks) : "failed: " + ErrorReason(page.status) + "\n";
      if (!page.partial_reason.empty())
        absl::StrAppend(&out, "partial: ", page.partial_reason, "\n");
    }
    return out;
  }

  static MediaClient* client_;
};

MediaClient* OfficeTest::client_ = nullptr;

TEST_F(OfficeTest, ReadsWordDocuments) {
  const std::string styles =
      "<w:styles xmlns:w='w'><w:style w:styleId='1'><w:name w:val='heading 1'/></w:style>"
      "<w:style w:styleId='Mine'><w:name w:val='Mine'/><w:basedOn w:val='1'/></w:style>"
      "<w:style w:styleId='C'><w:name w:val='caption'/></w:style></w:styles>";
  const std::string bytes = Docx(
      Paragraph("Report", "1") + Paragraph("合同 &amp; terms") +
          "<w:p><w:pPr><w:numPr><w:numId "
          "w:val='1'/></w:numPr></w:pPr><w:r><w:t>first</w:t></w:r></w:p>"
          "<w:p><w:r><w:t>kept</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"
          "<w:r><w:tab/><w:t xml:space='preserve'>and more</w:t></w:r></w:p>"
          "<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val='2'/></w:tcPr>" +
          Paragraph("a") + "</w:tc><w:tc>" + Paragraph("b|c") + "</w:tc></w:tr><w:tr><w:tc>" +
          Paragraph("1") + "</w:tc><w:tc>" + Paragraph("2") + Paragraph("two") + "</w:tc><w:tc>" +
          Paragraph("3") + "</w:tc></w:tr></w:tbl>" + Paragraph("Part", "Mine") +
          Picture("rId5", "A red barn") + Paragraph("Figure 1: our barn", "C") +
          "<mc:AlternateContent><mc:Fallback>" + Paragraph("twice") +
          "</mc:Fallback></mc:AlternateContent>",
      {{"word/styles.xml", styles},
       {"word/media/image1.png", Png(60, 40)},
       {"word/footnotes.xml", "<w:footnotes xmlns:w='w'><w:footnote>" + Paragraph("A note.") +
                                  "</w:footnote></w:footnotes>"},
       {"word/_rels/document.xml.rels", Rels({{"rId1", "styles", "styles.xml"},
                                              {"rId2", "footnotes", "footnotes.xml"},
                                              {"rId5", "image", "media/image1.png"}})}});
  EXPECT_EQ(Text(bytes),
            "h1 Report\np 合同 & terms\nli first\np kept\tand more\n"
            "table | a |  | b\\|c |\n| --- | --- | --- |\n| 1 | 2 two | 3 |\n"
            "h1 Part\ncaption Figure 1: our barn\np A note.\n");
  const Extracted got = ExtractAll(*client_, bytes);
  EXPECT_EQ(got.info.media_type,
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document");
  EXPECT_FALSE(got.info.has_pages);
  ASSERT_EQ(got.figures.size(), 1u);
  EXPECT_EQ(got.figures[0].caption, "A red barn\nFigure 1: our barn");
  EXPECT_EQ(got.figures[0].heading, "Part");
  ASSERT_TRUE(got.figures[0].picture.has_value());
  EXPECT_EQ(got.figures[0].picture->width, 60);
  EXPECT_EQ(got.figures[0].picture->media_type, "image/png");
}

TEST_F(OfficeTest, TextBoxesAndNestedTablesKeepTheirWords) {
  EXPECT_EQ(Text(Docx("<w:p><w:r><w:t>outer</w:t><w:txbxContent>" + Paragraph("boxed") +
                      "</w:txbxContent></w:r></w:p><w:tbl><w:tr><w:tc>" + Paragraph("cell") +
                      "<w:tbl><w:tr><w:tc>" + Paragraph("inner") +
                      "</w:tc></w:tr></w:tbl></w:tc></w:tr></w:tbl>")),
            "p boxed\np outer\ntable | cell inner |\n| --- |\n");
}

TEST_F(OfficeTest, ReadsSlidesInTheOrderShown) {
  const auto slide = [](const std::string& shapes) {
    return absl::StrCat("<p:sld xmlns:p='p' xmlns:a='a' xmlns:r='", kRelationships, "'>", shapes,
                        "</p:sld>");
  };
  const auto shape = [](const std::string& holder, const std::string& text) {
    return absl::StrCat("<p:sp><p:nvSpPr><p:cNvPr id='1' name='x'/>", holder,
                        "</p:nvSpPr><p:txBody><a:p><a:r><a:t>", text,
                        "</a:t></a:r></a:p></p:txBody></p:sp>");
  };
  std::vector<ZipEntry> entries = Package("ppt/presentation.xml");
  entries.push_back(
      {"ppt/presentation.xml",
       absl::StrCat("<p:presentation xmlns:p='p' xmlns:r='", kRelationships,
                    "'><p:sldIdLst><p:sldId id='257' r:id='rId8'/><p:sldId id='256' r:id='rId7'/>"
                    "<p:sldId id='258' r:id='rId9'/></p:sldIdLst></p:presentation>")});
  entries.push_back(
      {"ppt/_rels/presentation.xml.rels", Rels({{"rId7", "slide", "slides/slide1.xml"},
                                                {"rId8", "slide", "slides/slide2.xml"},
                                                {"rId9", "slide", "slides/gone.xml"}})});
  entries.push_back({"ppt/slides/slide2.xml",
                     slide(shape("<p:ph type='title'/>", "季度 Plan") +
                           shape("<p:ph idx='1'/>", "Point one") + shape("", "Free") +
                           "<a:tbl><a:tr><a:tc><a:txBody><a:p><a:r><a:t>k</a:t></a:r></a:p></"
                           "a:txBody></a:tc></a:tr></a:tbl>"
                           "<p:pic><p:cNvPr descr='A chart'/><a:blip r:embed='rId2'/></p:pic>")});
  entries.push_back(
      {"ppt/slides/_rels/slide2.xml.rels", Rels({{"rId2", "image", "../media/i.png"},
                                                 {"rId3", "notesSlide", "../notesSlides/n.xml"}})});
  entries.push_back({"ppt/notesSlides/n.xml", slide(shape("<p:ph type='body'/>", "Say this") +
                                                    shape("<p:ph type='sldNum'/>", "7"))});
  entries.push_back({"ppt/media/i.png", Png(50, 50)});
  entries.push_back({"ppt/slides/slide1.xml", slide(shape("<p:ph type='ctrTitle'/>", "Second"))});
  EXPECT_EQ(Text(Zip(entries)),
            "[1]\nh1 季度 Plan\nli Point one\np Free\ntable | k |\n| --- |\np Say this\n"
            "[2]\nh1 Second\n[3]\nfailed: bad_document\n");
  const Extracted got = ExtractAll(*client_, Zip(entries));
  ASSERT_EQ(got.figures.size(), 1u);
  EXPECT_EQ(got.figures[0].page, 1);
  EXPECT_EQ(got.figures[0].caption, "A chart");
}

std::string Xlsx(const std::string& rows, const std::string& strings = "",
                 const std::vector<ZipEntry>& more = {}) {
  std::vector<ZipEntry> entries = Package("xl/workbook.xml");
  entries.push_back(
      {"xl/workbook.xml",
       absl::StrCat("<workbook xmlns:r='", kRelationships,
                    "'><sheets><sheet name='库存' r:id='rId1'/></sheets></workbook>")});
  entries.push_back(
      {"xl/_rels/workbook.xml.rels", Rels({{"rId1", "worksheet", "worksheets/sheet1.xml"},
                                           {"rId2", "sharedStrings", "sharedStrings.xml"},
                                           {"rId3", "styles", "styles.xml"}})});
  entries.push_back({"xl/sharedStrings.xml", "<sst>" + strings + "</sst>"});
  entries.push_back(
      {"xl/styles.xml",
       "<styleSheet><numFmts><numFmt numFmtId='164' formatCode='yyyy\"y\"'/></numFmts>"
       "<cellXfs><xf numFmtId='0'/><xf numFmtId='14'/><xf "
       "numFmtId='164'/></cellXfs></styleSheet>"});
  entries.push_back(
      {"xl/worksheets/sheet1.xml", "<worksheet><dimension ref='A1:XFD1048576'/><sheetData>" + rows +
                                       "</sheetData></worksheet>"});
  entries.insert(entries.end(), more.begin(), more.end());
  return Zip(entries);
}

TEST_F(OfficeTest, ReadsSheetsWithTheirRanges) {
  EXPECT_EQ(
      Text(Xlsx(
          "<row r='1'><c r='A1' t='s'><v>0</v></c><c r='C1' t='s'><v>1</v></c></row>"
          "<row r='2'><c r='A2' t='inlineStr'><is><t>lamp</t></is></c><c "
          "r='C2'><f>1+2</f><v>3</v></c></row>"
          "<row r='3'><c r='A3' s='1'><v>45413</v></c><c r='C3'><f>NOW()</f></c></row>"
          "<row r='4'><c r='A4' s='2'><v>45413.5</v></c><c r='C4' t='b'><v>1</v></c></row>"
          "<row r='9'><c r='B9'><v>1.5</v></c></row>",
          "<si><t>Name</t></si><si><r><t>Pri</t></r><r><t>ce</t></r><rPh><t>x</t></rPh></si>")),
      "[1]\nh1 库存\nh2 A1:C4\n"
      "table | Name | Price |\n| --- | --- |\n| lamp | 3 |\n| 2024-05-01 | =NOW() |\n"
      "| 2024-05-01 12:00:00 | TRUE |\np 1.5\n");
}

TEST_F(OfficeTest, PicturesOfASheetAreOnItsPage) {
  const Extracted got = ExtractAll(
      *client_,
      Xlsx("<row><c><v>1</v></c></row>", "",
           {{"xl/worksheets/_rels/sheet1.xml.rels",
             Rels({{"rId1", "drawing", "../drawings/d.xml"}})},
            {"xl/drawings/d.xml",
             absl::StrCat("<d xmlns:r='", kRelationships,
                          "'><pic><cNvPr descr='A plan'/><blip r:embed='rId4'/></pic></d>")},
            {"xl/drawings/_rels/d.xml.rels", Rels({{"rId4", "image", "/xl/media/p.png"}})},
            {"xl/media/p.png", Png(30, 30)}}));
  ASSERT_THAT(got.status, IsOk());
  ASSERT_EQ(got.figures.size(), 1u);
  EXPECT_EQ(got.figures[0].page, 1);
  EXPECT_EQ(got.figures[0].heading, "库存");
  EXPECT_EQ(got.figures[0].caption, "A plan");
  EXPECT_TRUE(got.figures[0].picture.has_value());
}

TEST_F(OfficeTest, LongSheetsAreCutAndRepeatTheirHead) {
  std::string rows;
  for (int i = 1; i <= 120; ++i) {
    absl::StrAppend(&rows, "<row r='", i, "'><c r='A", i, "'><v>", i, "</v></c><c r='B", i,
                    "'><v>x</v></c></row>");
  }
  const std::string text = Text(Xlsx(rows));
  EXPECT_THAT(text, HasSubstr("h2 A1:B51\ntable | 1 | x |"));
  EXPECT_THAT(text, HasSubstr("h2 A52:B101\ntable | 1 | x |\n| --- | --- |\n| 52 | x |"));
  EXPECT_THAT(text, HasSubstr("h2 A102:B120\n"));
}

TEST_F(OfficeTest, CellsHaveABound) {
  std::string rows;
  for (int i = 1; i <= 1300; ++i) {
    absl::StrAppend(&rows, "<row r='", i, "'>");
    for (int c = 0; c < 400; ++c) rows += "<c><v>1</v></c>";
    rows += "</row>";
  }
  EXPECT_THAT(Text(Xlsx(rows)), HasSubstr("partial: too_many_cells"));
}

std::string Odf(const std::string& type, const std::string& body) {
  return Zip(
      {{"mimetype", "application/vnd.oasis.opendocument." + type},
       {"META-INF/manifest.xml", "<manifest/>"},
       {"Pictures/p.png", Png(40, 40)},
       {"content.xml",
        "<office:document-content xmlns:office='o' xmlns:text='t' xmlns:table='b' "
        "xmlns:draw='d' xmlns:svg='s' xmlns:xlink='x' xmlns:style='y' xmlns:presentation='p'>"
        "<office:automatic-styles><style:style style:name='P1' "
        "style:parent-style-name='Illustration'/>"
        "</office:automatic-styles><office:body>" +
            body + "</office:body></office:document-content>"}});
}

TEST_F(OfficeTest, ReadsOpenDocumentText) {
  const std::string bytes =
      Odf("text",
          "<office:text><text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>"
          "<text:h text:outline-level='2'>章节</text:h><text:p>One<text:s "
          "text:c='2'/>two<text:line-break/>three</text:p>"
          "<text:list><text:list-item><text:p>item</text:p></text:list-item></text:list>"
          "<table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell>"
          "<table:table-cell "
          "table:number-columns-repeated='2'><text:p>b</text:p></table:table-cell></"
          "table:table-row></table:table>"
          "<text:p text:style-name='P1'><draw:frame><draw:image "
          "xlink:href='Pictures/p.png'/><svg:desc>A mug</svg:desc></draw:frame>"
          "Figure 1: Mug</text:p></office:text>");
  EXPECT_EQ(Text(bytes),
            "h2 章节\np One  two\nthree\nli item\ntable | a | b |  |\n| --- | --- | --- |\n"
            "caption Figure 1: Mug\n");
  const Extracted got = ExtractAll(*client_, bytes);
  ASSERT_EQ(got.figures.size(), 1u);
  EXPECT_EQ(got.figures[0].caption, "A mug\nFigure 1: Mug");
  EXPECT_EQ(got.figures[0].heading, "章节");
}

TEST_F(OfficeTest, ReadsOpenDocumentSlidesAndSheets) {
  EXPECT_EQ(Text(Odf("presentation",
                     "<office:presentation><draw:page><draw:frame "
                     "presentation:class='title'><draw:text-box><text:p>One"
                     "</text:p></draw:text-box></draw:frame></"
                     "draw:page><draw:page><draw:frame><draw:text-box><text:p>Two"
                     "</text:p></draw:text-box></draw:frame></draw:page></office:presentation>")),
            "[1]\nh1 One\n[2]\np Two\n");
  EXPECT_EQ(Text(Odf("spreadsheet",
                     "<office:spreadsheet><table:table table:name='S'><table:table-row>"
                     "<table:table-cell><text:p>a</text:p></"
                     "table:table-cell><table:table-cell><text:p>b</text:p></table:table-cell>"
                     "<table:table-cell table:number-columns-repeated='16382'/></table:table-row>"
                     "<table:table-row><table:table-cell "
                     "table:number-columns-repeated='2'><text:p>7</text:p></table:table-cell>"
                     "</table:table-row><table:table-row "
                     "table:number-rows-repeated='1048574'><table:table-cell/></table:table-row>"
                     "</table:table></office:spreadsheet>")),
            "[1]\nh1 S\nh2 A1:B2\ntable | a | b |\n| --- | --- |\n| 7 | 7 |\n");
}

std::string Epub(const std::string& chapter, const std::vector<ZipEntry>& more = {}) {
  std::vector<ZipEntry> entries = {
      {"mimetype", "application/epub+zip"},
      {"META-INF/container.xml",
       "<container><rootfiles><rootfile full-path='OEBPS/b.opf'/></rootfiles></container>"},
      {"OEBPS/b.opf",
       "<package xmlns:dc='d'><metadata><dc:title>The "
       "Book</dc:title><dc:creator>Ann</dc:creator></metadata>"
       "<manifest><item id='two' href='c2.xhtml'/><item id='one' "
       "href='text/c%201.xhtml'/></manifest>"
       "<spine><itemref idref='one'/><itemref idref='two'/></spine></package>"},
      {"OEBPS/text/c 1.xhtml", chapter},
      {"OEBPS/c2.xhtml", "<html><body><p>第二章</p></body></html>"},
      {"OEBPS/i.png", Png(30, 30)}};
  entries.insert(entries.end(), more.begin(), more.end());
  return Zip(entries);
}

TEST_F(OfficeTest, ReadsBooksInReadingOrder) {
  const std::string bytes = Epub(
      "<?xml version='1.0'?><!DOCTYPE html><html><head><title/><script "
      "src='x'/></head><body><h1>Start</h1>"
      "<p>Words<a id='x'/> here</p><figure><img src='../i.png' alt='A map'/><figcaption>The "
      "island</figcaption></figure>"
      "</body></html>");
  EXPECT_EQ(Text(bytes), "h1 Start\np Words here\ncaption The island\np 第二章\n");
  const Extracted got = ExtractAll(*client_, bytes);
  EXPECT_EQ(got.info.media_type, "application/epub+zip");
  EXPECT_THAT(got.info.properties, ::testing::Contains(::testing::Pair("title", "The Book")));
  ASSERT_EQ(got.figures.size(), 1u);
  EXPECT_EQ(got.figures[0].caption, "A map\nThe island");
  EXPECT_EQ(got.figures[0].heading, "Start");
}

TEST_F(OfficeTest, LongCaptionsAreCutBetweenCharacters) {
  std::string words = "x";
  for (int i = 0; i < 2000; ++i) words += "图";
  const Extracted got = ExtractAll(
      *client_, Epub("<html><body><figure><img src='../i.png' alt='" + words + "'/><figcaption>" +
                     words + "</figcaption></figure></body></html>"));
  ASSERT_THAT(got.status, IsOk());
  ASSERT_EQ(got.figures.size(), 1u);
  EXPECT_TRUE(IsValidUtf8(got.figures[0].caption));
  EXPECT_LE(got.figures[0].caption.size(), 2000u);
  EXPECT_GT(got.figures[0].caption.size(), 1990u);
}

TEST_F(OfficeTest, ProtectedChaptersCostOnlyThemselves) {
  const std::string bytes = Epub(
      "<p>x</p>", {{"META-INF/encryption.xml",
                    "<encryption><CipherReference URI='OEBPS/text/c%201.xhtml'/></encryption>"}});
  EXPECT_EQ(Text(bytes), "failed: encrypted\np 第二章\n");
}

TEST_F(OfficeTest, WhatUnpacksToTooMuchIsCountedAndNotBelieved) {
  MediaOptions options = TestOptions();
  options.limits.max_unpacked_bytes = 4 << 20;
  const auto client = MakeClient(options);
  std::vector<ZipEntry> entries = Package("word/document.xml");
  entries.push_back({.name = "word/document.xml",
                     .bytes = Word(std::string(16 << 20, ' ')),
                     .claimed_size = 1000});
  const std::string bomb = Zip(entries);
  EXPECT_LT(bomb.size(), 100'000u);
  // The library ends an entry at the size it claims to have, so that it is cut, or its checksum is
  // wrong.
  EXPECT_THAT(ErrorReason(ExtractAll(*client, bomb).status),
              ::testing::AnyOf("inflate_limit", "bad_document"));
  entries.back().claimed_size.reset();
  const Extracted honest = ExtractAll(*client, Zip(entries));
  EXPECT_EQ(ErrorReason(honest.status), "inflate_limit");
  EXPECT_THAT(std::string(honest.status.message()), HasSubstr("4194304"));
}

TEST_F(OfficeTest, EntitiesAreRefusedAndNothingOutsideIsRead) {
  const std::string body =
      "<w:document xmlns:w='w'><w:body>" + Paragraph("&x;") + "</w:body></w:document>";
  for (const char* type :
       {"<!DOCTYPE d [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>",
        "<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>"
        "<!ENTITY x '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'>]>",
        "<!DOCTYPE d SYSTEM 'http://127.0.0.1/d.dtd'>"}) {
    std::vector<ZipEntry> entries = Package("word/document.xml");
    entries.push_back({"word/document.xml", type + body});
    EXPECT_EQ(Text(Zip(entries)), "refused: xml_entities") << type;
  }
  EXPECT_EQ(Text(Docx(Paragraph("words") + Picture("rId1", "far"),
                      {{"word/_rels/document.xml.rels",
                        Rels({{"rId1", "image", "http://169.254.169.254/x.png"},
                              {"rId2", "attachedTemplate", "file:///etc/passwd"}})}})),
            "p words\n");
}

TEST_F(OfficeTest, DeepXmlAndPathsOutOfThePackageAreRefused) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<w:p>";
  EXPECT_EQ(Text(Docx(deep)), "refused: bad_document");
  EXPECT_EQ(Text(Zip({{"[Content_Types].xml", "<Types/>"},
                      {"_rels/.rels", Rels({{"rId1", "officeDocument", "../../etc/passwd"}})}})),
            "refused: bad_document");
}

TEST_F(OfficeTest, DamageIsToldWhereverItIs) {
  const std::string good = Docx(Paragraph("one") + Paragraph(std::string(3000, 'x')));
  for (size_t size = 4; size < good.size(); size += good.size() / 23) {
    EXPECT_THAT(Text(good.substr(0, size)), ::testing::StartsWith("refused: bad_")) << size;
  }
  for (size_t at = 0; at < good.size(); at += 7) {
    std::string flipped = good;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    const Extracted got = ExtractAll(*client_, flipped);
    EXPECT_NE(ErrorReason(got.status), "crashed") << at;
    EXPECT_NE(ErrorReason(got.status), "timeout") << at;
  }
}

TEST_F(OfficeTest, PicturesThatAreNoneLeaveTheirWords) {
  const Extracted got = ExtractAll(
      *client_, Docx(Picture("rId1", "A sketch") + Picture("rId2", "") + Paragraph("words"),
                     {{"word/media/a.emf", "no picture"},
                      {"word/media/b.png", "no picture"},
                      {"word/_rels/document.xml.rels", Rels({{"rId1", "image", "media/a.emf"},
                                                             {"rId2", "image", "media/b.png"}})}}));
  ASSERT_THAT(got.status, IsOk());
  ASSERT_EQ(got.figures.size(), 1u);
  EXPECT_EQ(got.figures[0].caption, "A sketch");
  EXPECT_FALSE(got.figures[0].picture.has_value());
}

TEST_F(OfficeTest, PasswordsAreAskedForByName) {
  std::string locked("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 8);
  locked += std::string(2000, '\0');
  for (const char c : std::string("EncryptedPackage")) locked += {c, '\0'};
  EXPECT_EQ(Text(locked), "refused: encrypted");
  EXPECT_EQ(Text(std::string("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 8) + std::string(2000, '\0')),
            "refused: type_not_allowed");
  EXPECT_EQ(Text(Zip({{"mimetype", "application/vnd.oasis.opendocument.text"},
                      {"content.xml", "\x01\x02"},
                      {"META-INF/manifest.xml", "<m><encryption-data/></m>"}})),
            "refused: encrypted");
}

TEST_F(OfficeTest, OfTwoPartsWithOneNameTheFirstCounts) {
  EXPECT_EQ(Text(Docx(Paragraph("first"), {{"word/document.xml", Word(Paragraph("second"))}})),
            "p first\n");
}

TEST_F(OfficeTest, TextLimitHoldsOverAllPages) {
  MediaOptions options = TestOptions();
  options.limits.max_text_bytes = 1000;
  const auto client = MakeClient(options);
  EXPECT_EQ(ErrorReason(ExtractAll(*client, Docx(Paragraph(std::string(600, 'x')) +
                                                 Paragraph(std::string(600, 'y'))))
                            .status),
            "too_much_text");
}

}  // namespace
}  // namespace sightline::media
