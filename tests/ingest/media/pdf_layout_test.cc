#include "ingest/media/pdf_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/ingest/media/media_fixtures.h"
#include "tests/support/status_matchers.h"

namespace sightline::media {
namespace {

using ::sightline::media::testing::Describe;
using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;

// Lines of words of 10 points, 20 wide each.
std::string Block(const std::vector<std::vector<std::string>>& lines) {
  std::string out = "<block xMin=\"10\" yMin=\"10\" xMax=\"90\" yMax=\"50\">";
  for (const auto& words : lines) {
    out += "<line xMin=\"10\" yMin=\"10\" xMax=\"90\" yMax=\"20\">";
    double x = 10;
    for (const std::string& word : words) {
      absl::StrAppend(&out, "<word xMin=\"", x, "\" yMin=\"10\" xMax=\"", x + 20, "\" yMax=\"20\">",
                      word, "</word>\n");
      x += 20;
    }
    out += "</line>";
  }
  return out + "</block>";
}

std::string Document(const std::string& blocks) {
  return "<html><body><doc><page width=\"100\" height=\"100\"><flow>" + blocks +
         "</flow></page></doc></body></html>";
}

std::string Read(const std::string& document) {
  BlockSink sink(1 << 20);
  const absl::Status status = ReadPdfLayout(document, 100, 100, sink);
  return status.ok() ? Describe(sink.Take()) : "refused";
}

TEST(PdfLayoutTest, JoinsWordsAndLinesWithSpaces) {
  EXPECT_EQ(Read(Document(Block({{"one", "two"}, {"three"}}))), "p one two three\n");
}

TEST(PdfLayoutTest, MakesSplitWordsWhole) {
  EXPECT_EQ(Read(Document(Block({{"infor-"}, {"mation"}}))), "p information\n");
  EXPECT_EQ(Read(Document(Block({{"soft\xC2\xAD"}, {"ware"}}))), "p software\n");
}

TEST(PdfLayoutTest, KeepsHyphensThatBelong) {
  EXPECT_EQ(Read(Document(Block({{"Franco-"}, {"German"}}))), "p Franco- German\n");
  EXPECT_EQ(Read(Document(Block({{"1990-"}, {"1995"}}))), "p 1990- 1995\n");
  EXPECT_EQ(Read(Document(Block({{"-"}, {"item"}}))), "p - item\n");
}

TEST(PdfLayoutTest, WritesChineseWithoutSpaces) {
  EXPECT_EQ(Read(Document(Block({{"多模", "态"}, {"检索"}}))), "p 多模态检索\n");
  EXPECT_EQ(Read(Document(Block({{"FAISS", "索引"}}))), "p FAISS 索引\n");
}

TEST(PdfLayoutTest, ResolvesEntitiesAndDropsControlCharacters) {
  EXPECT_EQ(Read(Document(Block({{"a&amp;b", "c&lt;d", "e\x01"}}))), "p a&b c<d e\n");
}

TEST(PdfLayoutTest, BoxesAreCutToThePage) {
  BlockSink sink(1 << 20);
  const std::string document = Document(
      "<block xMin=\"-10\" yMin=\"20\" xMax=\"50\" yMax=\"200\"><line xMin=\"0\" yMin=\"0\" "
      "xMax=\"9\" yMax=\"9\"><word>in</word></line></block>"
      "<block xMin=\"110\" yMin=\"20\" xMax=\"150\" yMax=\"30\"><line xMin=\"0\" yMin=\"0\" "
      "xMax=\"9\" yMax=\"9\"><word>out</word></line></block>"
      "<block xMin=\"nan\" yMin=\"20\" xMax=\"nan\" yMax=\"30\"><line xMin=\"0\" yMin=\"0\" "
      "xMax=\"9\" yMax=\"9\"><word>odd</word></line></block>");
  ASSERT_THAT(ReadPdfLayout(document, 100, 100, sink), IsOk());
  const auto blocks = sink.Take();
  ASSERT_EQ(blocks.size(), 3u);
  EXPECT_FLOAT_EQ(blocks[0].box->x0, 0);
  EXPECT_FLOAT_EQ(blocks[0].box->x1, 0.5f);
  EXPECT_FLOAT_EQ(blocks[0].box->y1, 1);
  EXPECT_FALSE(blocks[1].box.has_value());
  EXPECT_FALSE(blocks[2].box.has_value());
}

TEST(PdfLayoutTest, KnowsWhereEachLineStands) {
  const auto line = [](int y, const std::string& words) {
    return absl::StrCat("<line xMin=\"10\" yMin=\"", y, "\" xMax=\"90\" yMax=\"", y + 10,
                        "\"><word xMin=\"10\" yMin=\"", y, "\" xMax=\"90\" yMax=\"", y + 10, "\">",
                        words, "</word></line>");
  };
  BlockSink sink(1 << 20);
  const std::string document = Document(
      "<block xMin=\"10\" yMin=\"10\" xMax=\"90\" yMax=\"50\">" + line(10, "infor-") +
      line(20, "mation\x01") + "<line></line>" + line(200, "is") + line(30, "here") + "</block>");
  ASSERT_THAT(ReadPdfLayout(document, 100, 100, sink), IsOk());
  const auto blocks = sink.Take();
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_EQ(blocks[0].text, "information is here");
  const std::vector<TextLine>& lines = blocks[0].lines;
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0].begin, 0u);
  EXPECT_EQ(lines[1].begin, 5u);
  EXPECT_FLOAT_EQ(lines[1].box->x0, 0.1f);
  EXPECT_FLOAT_EQ(lines[1].box->y0, 0.2f);
  EXPECT_FLOAT_EQ(lines[1].box->x1, 0.9f);
  EXPECT_FLOAT_EQ(lines[1].box->y1, 0.3f);
  EXPECT_EQ(lines[2].begin, 12u);
  EXPECT_FALSE(lines[2].box.has_value());  // below the page
  EXPECT_EQ(lines[3].begin, 15u);
  EXPECT_FLOAT_EQ(lines[3].box->y0, 0.3f);
}

// As poppler gives a table: a block a column.
TEST(PdfLayoutTest, ATableBecomesMarkdownWhereItsFirstWordStands) {
  const auto word = [](int x, int y, const std::string& text) {
    const std::string place = absl::StrCat("xMin=\"", x, "\" yMin=\"", y, "\" xMax=\"", x + 15,
                                           "\" yMax=\"", y + 5, "\"");
    return absl::StrCat("<line ", place, "><word ", place, ">", text, "</word></line>");
  };
  const auto block = [](const std::string& lines) {
    return absl::StrCat("<block xMin=\"0\" yMin=\"0\" xMax=\"9\" yMax=\"9\">", lines, "</block>");
  };
  BlockSink sink(1 << 20);
  const std::string document =
      Document(block(word(10, 5, "Prices")) +
               block(word(10, 30, "Item") + word(10, 40, "mug|cup") + word(10, 50, "lamp")) +
               block(word(10, 90, "End.")) +
               block(word(60, 30, "Price") + word(60, 40, "32.50") + word(60, 50, "7")));
  ASSERT_THAT(ReadPdfLayout(document, 100, 100, sink), IsOk());
  const auto blocks = sink.Take();
  EXPECT_EQ(Describe(blocks),
            "p Prices\n"
            "table | Item | Price |\n| --- | --- |\n| mug\\|cup | 32.50 |\n| lamp | 7 |\n"
            "p End.\n");
  ASSERT_EQ(blocks.size(), 3u);
  EXPECT_FLOAT_EQ(blocks[1].box->x0, 0.1f);
  EXPECT_FLOAT_EQ(blocks[1].box->y1, 0.55f);
  const std::vector<TextLine>& lines = blocks[1].lines;
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_FALSE(lines[1].box.has_value());  // the rule
  EXPECT_EQ(blocks[1].text.substr(lines[3].begin, 6), "| lamp");
  EXPECT_FLOAT_EQ(lines[3].box->y0, 0.5f);
  EXPECT_FLOAT_EQ(lines[3].box->x1, 0.75f);
}

// One line of a word, `size` points high.
std::string LineOf(const std::string& word, int size) {
  const std::string place =
      absl::StrCat("xMin=\"10\" yMin=\"10\" xMax=\"90\" yMax=\"", 10 + size, "\">");
  return absl::StrCat("<block ", place, "<line ", place, "<word ", place, word,
                      "</word></line></block>");
}

TEST(PdfLayoutTest, WhatIsLargerThanMostOfThePageIsAHeading) {
  EXPECT_EQ(Read(Document(LineOf("Luje", 20) + LineOf("chairs-and-tables", 10))),
            "h1 Luje\np chairs-and-tables\n");
  // Fonts of two scripts, set alike.
  EXPECT_EQ(Read(Document(LineOf("Luje", 20) + LineOf("chairs", 10) + LineOf("椅子", 11))),
            "h1 Luje\np chairs\np 椅子\n");
  // Small print is no reason against it.
  EXPECT_EQ(Read(Document(LineOf("Luje", 20) + LineOf("armchairs", 10) + LineOf("tables", 8) +
                          LineOf("lamps", 6))),
            "h1 Luje\np armchairs\np tables\np lamps\n");
}

TEST(PdfLayoutTest, ALabelWhoseLinesAreAllOfOtherSizesHasNoHeading) {
  EXPECT_EQ(Read(Document(LineOf("Pelnivi", 25) + LineOf("bag", 30) + LineOf("2024-05-02", 20) +
                          LineOf("Price", 26) + LineOf("47.00", 26))),
            "p Pelnivi\np bag\np 2024-05-02\np Price\np 47.00\n");
}

TEST(PdfLayoutTest, BulletsMakeListItems) {
  EXPECT_EQ(Read(Document(Block({{"•", "milk"}}))), "li • milk\n");
}

TEST(PdfLayoutTest, RefusesOtherDocuments) {
  EXPECT_EQ(Read(""), "refused");
  EXPECT_EQ(Read("<html><body>no layout</body></html>"), "refused");
}

}  // namespace
}  // namespace sightline::media
