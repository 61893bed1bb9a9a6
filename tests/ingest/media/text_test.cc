// Plain text, Markdown and HTML through the client and a real sandboxed child.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
using ::sightline::media::testing::TestOptions;
using ::sightline::testing::IsOk;
using ::testing::HasSubstr;
using ::testing::Not;

class TextTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { client_ = MakeClient().release(); }
  static void TearDownTestSuite() {
    delete client_;
    client_ = nullptr;
  }

  static Extracted Read(absl::string_view bytes, const std::string& file_name = "",
                        const std::string& hint = "") {
    ExtractOptions options;
    options.file_name = file_name;
    options.media_type_hint = hint;
    return ExtractAll(*client_, bytes, options);
  }
  // The blocks of the one page, or what went wrong.
  static std::string Text(absl::string_view bytes, const std::string& file_name = "",
                          const std::string& hint = "") {
    const Extracted got = Read(bytes, file_name, hint);
    if (!got.status.ok()) return "refused: " + ErrorReason(got.status);
    return Describe(got.pages.at(0).blocks);
  }

  static MediaClient* client_;
};

MediaClient* TextTest::client_ = nullptr;

TEST_F(TextTest, BlankLinesSeparateParagraphs) {
  const auto got = Read("One\nline more\n\n \nTwo\r\n\r\nThree");
  ASSERT_THAT(got.status, IsOk());
  EXPECT_EQ(got.info.media_type, "text/plain");
  EXPECT_FALSE(got.info.has_pages);
  EXPECT_FALSE(got.info.is_picture);
  ASSERT_EQ(got.pages.size(), 1u);
  EXPECT_FALSE(got.pages[0].picture.has_value());
  EXPECT_EQ(Describe(got.pages[0].blocks), "p One\nline more\np Two\np Three\n");
}

TEST_F(TextTest, FindsTheEncoding) {
  EXPECT_EQ(Text("\xEF\xBB\xBFGr\xC3\xBC\xC3\x9F"), "p Grüß\n");
  EXPECT_EQ(Text(absl::string_view("\xFF\xFEG\0r\0\xFC\0\xDF\0", 10)), "p Grüß\n");
  EXPECT_EQ(Text(absl::string_view("\xFE\xFF\0G\0r\0\xFC\0\xDF", 10)), "p Grüß\n");
  EXPECT_EQ(Text("Le caf\xE9 est tr\xE8s bon et la cr\xE8me br\xFBl\xE9"
                 "e aussi, d\xE9j\xE0 vu."),
            "p Le café est très bon et la crème brûlée aussi, déjà vu.\n");
  // 中文信息处理，多模态检索与问答系统的设计。 in GB18030
  EXPECT_EQ(Text("\xD6\xD0\xCE\xC4\xD0\xC5\xCF\xA2\xB4\xA6\xC0\xED\xA3\xAC\xB6\xE0\xC4\xA3\xCC\xAC"
                 "\xBC\xEC\xCB\xF7\xD3\xEB\xCE\xCA\xB4\xF0\xCF\xB5\xCD\xB3\xB5\xC4\xC9\xE8\xBC\xC6"
                 "\xA1\xA3"),
            "p 中文信息处理，多模态检索与问答系统的设计。\n");
}

TEST_F(TextTest, FindsWideAndEastAsianEncodings) {
  EXPECT_EQ(Text(absl::string_view("\xFF\xFE\0\0G\0\0\0\xFC\0\0\0", 12)), "p Gü\n");
  EXPECT_EQ(Text(absl::string_view("\0\0\xFE\xFF\0\0\0G\0\0\0\xFC", 12)), "p Gü\n");
  EXPECT_EQ(Text(absl::string_view("N\0o\0 \0m\0a\0r\0k\0", 14)), "p No mark\n");
  // 中文 北京 without a mark: 4E2D 6587 0020 5317 4EAC 000A
  EXPECT_EQ(Text(absl::string_view("\x4E\x2D\x65\x87\0\x20\x53\x17\x4E\xAC\0\x0A", 12)),
            "p 中文 北京\n");
  // 多模態檢索系統與問答服務的設計與實現，臺灣繁體中文的測試文件。 in Big5
  EXPECT_EQ(Text("\xA6\x68\xBC\xD2\xBA\x41\xC0\xCB\xAF\xC1\xA8\x74\xB2\xCE\xBB\x50\xB0\xDD\xB5\xAA"
                 "\xAA\x41\xB0\xC8\xAA\xBA\xB3\x5D\xAD\x70\xBB\x50\xB9\xEA\xB2\x7B\xA1\x41\xBB\x4F"
                 "\xC6\x57\xC1\x63\xC5\xE9\xA4\xA4\xA4\xE5\xAA\xBA\xB4\xFA\xB8\xD5\xA4\xE5\xA5\xF3"
                 "\xA1\x43"),
            "p 多模態檢索系統與問答服務的設計與實現，臺灣繁體中文的測試文件。\n");
  // 日本語の文章です。これは検索システムのテストです。 in Shift-JIS
  EXPECT_EQ(Text("\x93\xFA\x96\x7B\x8C\xEA\x82\xCC\x95\xB6\x8F\xCD\x82\xC5\x82\xB7\x81\x42\x82\xB1"
                 "\x82\xEA\x82\xCD\x8C\x9F\x8D\xF5\x83\x56\x83\x58\x83\x65\x83\x80\x82\xCC\x83\x65"
                 "\x83\x58\x83\x67\x82\xC5\x82\xB7\x81\x42"),
            "p 日本語の文章です。これは検索システムのテストです。\n");
  EXPECT_EQ(Text("The price is \x80 20 \x96 \x93quoted\x94 in the shop of the town."),
            "p The price is € 20 – “quoted” in the shop of the town.\n");
}

TEST_F(TextTest, FindsTheEncodingOfShortEastAsianText) {
  // 姓名,城市 / 李雷,琉璃镇 in GB18030; 姓名,臺北 / 價格 in Big5; 日本語の名簿,東京 in Shift-JIS
  EXPECT_EQ(Text("\xD0\xD5\xC3\xFB,\xB3\xC7\xCA\xD0\n\xC0\xEE\xC0\xD7,\xC1\xF0\xC1\xA7\xD5\xF2\n"),
            "p 姓名,城市\n李雷,琉璃镇\n");
  EXPECT_EQ(Text("\xA9\x6D\xA6\x57,\xBB\x4F\xA5\x5F\n\xBB\xF9\xAE\xE6"), "p 姓名,臺北\n價格\n");
  EXPECT_EQ(Text("\x93\xFA\x96\x7B\x8C\xEA\x82\xCC\x96\xBC\x95\xEB,\x93\x8C\x8B\x9E"),
            "p 日本語の名簿,東京\n");
  EXPECT_EQ(Text("Gr\xF6\xDF"
                 "e;Menge\n\xC4pfel;3\n"),
            "p Größe;Menge\nÄpfel;3\n");
}

TEST_F(TextTest, RowsOfFieldsAreATable) {
  const std::string table = "table | name | price |\n| --- | --- |\n| lamp | 12 |\n| mug | 3 |\n";
  EXPECT_EQ(Text("name,price\nlamp,12\nmug,3\n", "a.csv"), table);
  EXPECT_EQ(Text("name;price\r\nlamp;12\r\n\r\nmug;3", "a.csv"), table);
  EXPECT_EQ(Text("name\tprice\nlamp\t12\nmug\t3\n", "a.tsv"), table);
  EXPECT_EQ(Text("name\tprice\nlamp\t12\nmug\t3\n"), table);
  EXPECT_EQ(Text("sep=|\nname|price\nlamp|12\nmug|3\n", "", "text/csv; charset=utf-8"), table);
  EXPECT_EQ(Read("a,b\n1,2\n", "x.csv").info.media_type, "text/csv");
  EXPECT_EQ(Text("a,b\n\"1, one\",\"say \"\"hi\"\"\nbye\"\n", "x.csv"),
            "table | a | b |\n| --- | --- |\n| 1, one | say \"hi\" bye |\n");
}

TEST_F(TextTest, ContentDecidesWhatIsATable) {
  EXPECT_THAT(Text("id;name;town\n1;Ann;Bern\n2;Bob;Basel\n", "export.dat"),
              HasSubstr("table | id | name | town |"));
  EXPECT_EQ(Text("Dear Ann, dear Bob,\nthe shop, the one\nin town, is shut.", "letter.txt"),
            "p Dear Ann, dear Bob,\nthe shop, the one\nin town, is shut.\n");
  EXPECT_EQ(Text("<!doctype html><p>Hi", "x.csv"), "p Hi\n");
}

TEST_F(TextTest, OddTablesEndInTime) {
  EXPECT_EQ(Text("a,\"never closed\nb,c", "x.csv"),
            "table | a | never closed b,c |\n| --- | --- |\n");
  EXPECT_THAT(Text(std::string(2'000'000, ','), "x.csv"), ::testing::Not(HasSubstr("refused")));
  std::string ragged(100'000, ',');
  for (int i = 0; i < 100'000; ++i) ragged += "\nx";
  EXPECT_THAT(Text(ragged, "x.csv"), HasSubstr("| x |"));
}

TEST_F(TextTest, RefusesWhatIsNoText) {
  EXPECT_EQ(Text(""), "refused: empty");
  EXPECT_EQ(Text("\xFF"), "refused: unknown_type");
  EXPECT_EQ(Text(std::string(1 << 20, '\xFF')), "refused: unknown_type");
  EXPECT_EQ(Text(std::string(1000, '\0')), "refused: unknown_type");
  EXPECT_EQ(Text(std::string("text with a \0 in it", 19)), "refused: unknown_type");
  EXPECT_EQ(Text("<svg><script/></svg>", "page.html"), "refused: type_not_allowed");
}

TEST_F(TextTest, ShortTextIsText) {
  EXPECT_EQ(Text("a"), "p a\n");
  EXPECT_EQ(Text("BMW and %PDF-1.7 are words"), "p BMW and %PDF-1.7 are words\n");
  EXPECT_EQ(Text("BZh"), "p BZh\n");
  EXPECT_EQ(Text("PK and II* and GIF"), "p PK and II* and GIF\n");
  EXPECT_EQ(Text("sep=\n", "x.csv"), "table | sep= |\n| --- |\n");
  EXPECT_EQ(Text(" \n\n "), "");
}

TEST_F(TextTest, HintAndExtensionDecideOnlyAmongTextTypes) {
  const std::string text = "# Title\n\nWords";
  EXPECT_EQ(Text(text), "p # Title\np Words\n");
  EXPECT_EQ(Text(text, "README.MD"), "h1 Title\np Words\n");
  EXPECT_EQ(Text(text, "", "text/markdown; charset=utf-8"), "h1 Title\np Words\n");
  EXPECT_EQ(Text(text, "picture.png", "image/png"), "p # Title\np Words\n");
  EXPECT_EQ(Read("<!-- x -->\n<!DOCTYPE html><p>Hi").info.media_type, "text/html");
}

TEST_F(TextTest, ReadsMarkdown) {
  EXPECT_EQ(
      Text("Title\n=====\n\nSome *soft* `code` and [a link](http://127.0.0.1/x)\nnext line.\n\n"
           "- one\n- two\n  - inner\n- three\n\n"
           "After ![a red barn](http://127.0.0.1/barn.png)\n\n"
           "```\n  int x;\n```\n\n"
           "| a | b |\n|---|---|\n| 1 | 2\\|3 |\n\n### Small\n",
           "x.md"),
      "h1 Title\np Some soft code and a link next line.\n"
      "li one\nli two\nli inner\nli three\n"
      "p After a red barn\n"
      "code   int x;\n"
      "table | a | b |\n| --- | --- |\n| 1 | 2\\|3 |\n"
      "h3 Small\n");
}

TEST_F(TextTest, HtmlInsideMarkdownIsReadAsAPage) {
  const std::string text = Text("Before\n\n<div hidden>secret</div>\n\n<p>shown</p>\n", "x.md");
  EXPECT_EQ(text, "p Before\np shown\n");
}

TEST_F(TextTest, ReadsHtml) {
  EXPECT_EQ(
      Text("<!doctype html><html><head><title>My page</title><style>p{}</style></head><body>"
           "<h1>My page</h1><p>Fish &amp; chips\n  <b>every</b> day<br>and night</p>"
           "<ul><li>one<li><p>two</p></ul><script>alert(1)</script>"
           "<table><caption>Prices</caption><tr><th>a<th>b<tr><td>1<td>2|3</table>"
           "<pre>  int x;\n  int y;</pre>"
           "<figure><img src='http://127.0.0.1/x.png' alt='A barn'><figcaption>Red</figcaption>"
           "</figure><div style='display : none'>hidden</div><h2>Next</h2>tail</body></html>"),
      "h1 My page\np Fish & chips every day\nand night\nli one\nli two\n"
      "caption Prices\ntable | a | b |\n| --- | --- |\n| 1 | 2\\|3 |\n"
      "code   int x;\n  int y;\np A barn\ncaption Red\nh2 Next\np tail\n");
}

TEST_F(TextTest, NestingOfHtmlHasABound) {
  const auto nested = [](int depth) {
    std::string html = "<!doctype html><body>";
    for (int i = 0; i < depth; ++i) html += "<div>";
    return html + "bottom";
  };
  EXPECT_EQ(Text(nested(900)), "p bottom\n");
  EXPECT_EQ(Text(nested(100'000)), "refused: too_deep");
  std::string scripted = "<!doctype html><body><script>";
  for (int i = 0; i < 2000; ++i) scripted += "if(i<b)";
  EXPECT_EQ(Text(scripted + "</script>words"), "p words\n");
}

TEST_F(TextTest, HtmlWithManyAttributesOrAnOpenCommentIsRead) {
  std::string html = "<!doctype html><p ";
  for (int i = 0; i < 5'000; ++i) absl::StrAppend(&html, "a", i, "=1 ");
  EXPECT_EQ(Text(html + ">words"), "p words\n");
  EXPECT_EQ(Text("<!doctype html>shown<!--" + std::string(10 << 20, 'x')), "p shown\n");
}

TEST_F(TextTest, DeepMarkdownEndsInTime) {
  const std::string cases[] = {
      std::string(50'000, '>') + " bottom",
      std::string(50'000, '[') + "bottom",
      std::string(50'000, '*') + "bottom",
      [] {
        std::string quotes;
        for (int i = 0; i < 50'000; ++i) quotes += "> ";
        return quotes + "bottom";
      }(),
      [] {
        std::string bullets;
        for (int i = 0; i < 2000; ++i) bullets += std::string(2 * i, ' ') + "- x\n";
        return bullets + "bottom";
      }(),
  };
  for (const std::string& text : cases) {
    EXPECT_THAT(Text(text, "deep.md"), HasSubstr("bottom")) << text.substr(0, 20);
  }
}

TEST_F(TextTest, NothingIsFetchedSoLinksAreOnlyWords) {
  const std::string html =
      "<!doctype html><body><img src='http://169.254.169.254/'><link rel=stylesheet "
      "href='http://127.0.0.1/'><iframe src='file:///etc/passwd'></iframe>words";
  EXPECT_EQ(Text(html), "p words\n");
}

TEST_F(TextTest, TextLimitHolds) {
  MediaOptions options = TestOptions();
  options.limits.max_text_bytes = 1000;
  const auto client = MakeClient(options);
  EXPECT_THAT(ExtractAll(*client, std::string(1000, 'x')).status, IsOk());
  const auto got = ExtractAll(*client, std::string(1001, 'x'));
  EXPECT_EQ(ErrorReason(got.status), "too_much_text");
}

TEST_F(TextTest, FewControlCharactersAreDroppedAndManyRefused) {
  const std::string words(600, 'x');
  EXPECT_EQ(Text(words + "a\x07" + "b"), "p " + words + "ab\n");
  EXPECT_EQ(Text("a\x07"
                 "b"),
            "refused: unknown_type");
}

TEST_F(TextTest, ManyParagraphsBecomeABoundedNumberOfBlocks) {
  std::string text;
  for (int i = 0; i < 300'000; ++i) text += "x\n\n";
  const auto got = Read(text);
  ASSERT_THAT(got.status, IsOk());
  EXPECT_EQ(got.pages[0].blocks.size(), 100'000u);
  EXPECT_EQ(got.pages[0].blocks.back().text.size(), 2 * 200'001u - 1);
}

}  // namespace
}  // namespace sightline::media
