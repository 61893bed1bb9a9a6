#include "ingest/chunker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/utf8.h"
#include "tests/support/status_matchers.h"

namespace sightline::ingest {
namespace {

using media::BlockKind;
using media::TextBlock;
using sightline::testing::IsOk;
using sightline::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

// A token is a word, so that bounds can be counted by eye; a word of more than 8 bytes is one a
// byte more.
absl::StatusOr<int> CountWords(absl::string_view text) {
  int tokens = 0;
  for (const absl::string_view word :
       absl::StrSplit(text, absl::ByAnyChar(" \n"), absl::SkipEmpty())) {
    tokens += 1 + std::max<int>(0, static_cast<int>(word.size()) - 8);
  }
  return tokens;
}

TextBlock Paragraph(std::string text) { return {.text = std::move(text), .box = {}}; }
TextBlock Heading(int level, std::string text) {
  return {.kind = BlockKind::kHeading, .heading_level = level, .text = std::move(text), .box = {}};
}
TextBlock Of(BlockKind kind, std::string text) {
  return {.kind = kind, .text = std::move(text), .box = {}};
}

// Sentences of five words, "s3a s3b s3c s3d s3e."
std::string Sentences(int count, int first = 0) {
  std::string out;
  for (int i = first; i < first + count; ++i) {
    absl::StrAppend(&out, i == first ? "" : " ", "S", i, "a s", i, "b s", i, "c s", i, "d s", i,
                    "e.");
  }
  return out;
}

std::vector<TextPassage> Chunk(const std::vector<TextBlock>& blocks, int tokens = 20,
                               int overlap = 0) {
  HeadingPath headings;
  auto passages = ChunkBlocks(blocks, {.passage_tokens = tokens, .overlap_tokens = overlap},
                              CountWords, headings);
  EXPECT_THAT(passages, IsOk());
  return *std::move(passages);
}

std::vector<std::string> Texts(const std::vector<TextPassage>& passages) {
  std::vector<std::string> out;
  for (const TextPassage& passage : passages) out.push_back(passage.text);
  return out;
}

TEST(ChunkerTest, GivesNoPassagesForNoText) {
  EXPECT_THAT(Chunk({}), SizeIs(0));
  EXPECT_THAT(Chunk({Paragraph("  \n ")}), SizeIs(0));
}

TEST(ChunkerTest, PutsAShortTextInOnePassage) {
  const auto passages = Chunk({Paragraph("One two. Three\nfour.")});
  ASSERT_THAT(passages, SizeIs(1));
  EXPECT_EQ(passages[0].text, "One two. Three four.");
  EXPECT_EQ(passages[0].token_count, 4);
  EXPECT_EQ(passages[0].kind, index::PassageKind::kText);
  EXPECT_EQ(passages[0].heading, "");
}

TEST(ChunkerTest, FillsPassagesWithWholeSentences) {
  EXPECT_THAT(Texts(Chunk({Paragraph(Sentences(5))}, 16)),
              ElementsAre(Sentences(3), Sentences(2, 3)));
}

TextBlock Said(double start, double end, std::string text) {
  return {.text = std::move(text), .box = {}, .time = media::TimeSpan{start, end}};
}

TEST(ChunkerTest, WhatIsSaidHasTheTimeOfAllThatIsInIt) {
  const auto passages =
      Chunk({Said(1, 2, "One two."), Said(2.5, 4, "Three."), Said(4, 5, "Four.")});
  EXPECT_THAT(Texts(passages), ElementsAre("One two.\nThree.\nFour."));
  EXPECT_EQ(passages[0].time->start, 1);
  EXPECT_EQ(passages[0].time->end, 5);
  EXPECT_FALSE(Chunk({Paragraph("x")})[0].time.has_value());
}

TEST(ChunkerTest, WhatWasReadFromAPictureHasTheMeanOfHowSureTheReaderWas) {
  TextBlock sure = Paragraph("One two.");
  sure.confidence = 1.0f;
  TextBlock unsure = Paragraph("Six ten.");
  unsure.confidence = 0.5f;
  const auto passages = Chunk({sure, unsure});
  ASSERT_THAT(passages, SizeIs(1));
  EXPECT_NEAR(*passages[0].confidence, 0.75, 0.01);
  EXPECT_FALSE(Chunk({Paragraph("x")})[0].confidence.has_value());
}

TEST(ChunkerTest, PausesMinutesAndReturnsEndWhatIsSaid) {
  EXPECT_THAT(Texts(Chunk({Said(0, 1, "A."), Said(6, 7, "B."), Said(12.1, 13, "C."),
                           Said(1, 2, "D."), Said(5, 61, "E."), Said(61, 61.5, "F.")})),
              ElementsAre("A.\nB.", "C.", "D.\nE.", "F."));
}

TEST(ChunkerTest, JoinsParagraphsWithALineBreak) {
  EXPECT_THAT(
      Texts(Chunk({Paragraph("One. "), Of(BlockKind::kListItem, "two"), Paragraph("Three.")})),
      ElementsAre("One.\ntwo\nThree."));
}

TEST(ChunkerTest, RepeatsTheLastSentencesOfThePassageBefore) {
  EXPECT_THAT(Texts(Chunk({Paragraph(Sentences(5))}, 16, 7)),
              ElementsAre(Sentences(3), Sentences(3, 2)));
}

TEST(ChunkerTest, RepeatsNothingThatDoesNotFitTheOverlap) {
  EXPECT_THAT(Texts(Chunk({Paragraph(Sentences(4))}, 16, 4)),
              ElementsAre(Sentences(3), Sentences(1, 3)));
}

TEST(ChunkerTest, LeavesTheOverlapOutWhereTheNextSentenceNeedsItsRoom) {
  const std::string longer = "L1 l2 l3 l4 l5 l6 l7 l8 l9 l10 l11 l12 l13 l14.";
  EXPECT_THAT(Texts(Chunk({Paragraph(Sentences(3) + " " + longer)}, 16, 5)),
              ElementsAre(Sentences(3), longer));
}

TEST(ChunkerTest, NoPassageIsAllOverlap) {
  for (const int overlap : {0, 5, 9, 15}) {
    const auto passages = Chunk({Paragraph(Sentences(23))}, 16, overlap);
    for (size_t i = 1; i < passages.size(); ++i) {
      EXPECT_FALSE(absl::StrContains(passages[i - 1].text, passages[i].text)) << overlap;
    }
    EXPECT_THAT(passages.back().text, EndsWith("s22e."));
  }
}

TEST(ChunkerTest, CutsATooLongSentenceBetweenWordsAndLosesNone) {
  std::string sentence;
  for (int i = 0; i < 100; ++i) absl::StrAppend(&sentence, i == 0 ? "" : " ", "w", i);
  const auto passages = Chunk({Paragraph(sentence)}, 16);
  EXPECT_GE(passages.size(), 7u);
  std::string joined;
  for (const TextPassage& passage : passages) {
    EXPECT_LE(passage.token_count, 16);
    absl::StrAppend(&joined, joined.empty() ? "" : " ", passage.text);
  }
  EXPECT_EQ(joined, sentence);
}

TEST(ChunkerTest, CutsATooLongWordBetweenCharacters) {
  std::string word;
  for (int i = 0; i < 40; ++i) word += "é";
  const auto passages = Chunk({Paragraph(word)}, 16);
  std::string joined;
  for (const TextPassage& passage : passages) {
    EXPECT_LE(passage.token_count, 16);
    EXPECT_TRUE(IsValidUtf8(passage.text));
    joined += passage.text;
  }
  EXPECT_GT(passages.size(), 1u);
  EXPECT_EQ(joined, word);
}

TEST(ChunkerTest, NeverCountsATextFarAboveThePassageSize) {
  size_t longest = 0;
  const TokenCounter count = [&](absl::string_view text) -> absl::StatusOr<int> {
    longest = std::max(longest, text.size());
    return static_cast<int>(text.size() + 3) / 4;
  };
  HeadingPath headings;
  const std::vector<TextBlock> blocks = {Paragraph(std::string(300'000, 'x'))};
  ASSERT_OK_AND_ASSIGN(const auto passages,
                       ChunkBlocks(blocks, {.passage_tokens = 256}, count, headings));
  EXPECT_GT(passages.size(), 290u);
  EXPECT_LE(longest, 256u * 16u);
}

TEST(ChunkerTest, KeepsTheBoundWhereTheWholeHasMoreTokensThanItsSentences) {
  // Each joint costs two tokens, as with a tokenizer that encodes a space before a word
  // differently.
  const TokenCounter count = [](absl::string_view text) -> absl::StatusOr<int> {
    const int stops = static_cast<int>(std::count(text.begin(), text.end(), '.'));
    return *CountWords(text) + 2 * std::max(0, stops - 1);
  };
  HeadingPath headings;
  const std::vector<TextBlock> blocks = {Paragraph(Sentences(11))};
  ASSERT_OK_AND_ASSIGN(
      const auto passages,
      ChunkBlocks(blocks, {.passage_tokens = 16, .overlap_tokens = 6}, count, headings));
  std::string all;
  for (const TextPassage& passage : passages) {
    EXPECT_LE(passage.token_count, 16);
    all += passage.text;
  }
  for (int i = 0; i < 11; ++i) EXPECT_THAT(all, HasSubstr(Sentences(1, i)));
}

TEST(ChunkerTest, PutsTextUnderItsHeadings) {
  const auto passages = Chunk({Heading(1, "Birds"), Paragraph("All fly."), Heading(2, "Herons"),
                               Paragraph("They wade."), Heading(2, "Owls"), Paragraph("At night."),
                               Heading(1, "Fish"), Paragraph("They swim.")});
  ASSERT_THAT(passages, SizeIs(4));
  EXPECT_EQ(passages[0].heading, "Birds");
  EXPECT_EQ(passages[1].heading, "Birds > Herons");
  EXPECT_EQ(passages[2].heading, "Birds > Owls");
  EXPECT_EQ(passages[3].heading, "Fish");
  EXPECT_EQ(passages[1].text, "They wade.");
}

TEST(ChunkerTest, ATableKeepsItsHeadWhereLineEndsAreTokensToo) {
  const auto count = [](absl::string_view text) -> absl::StatusOr<int> {
    SL_ASSIGN_OR_RETURN(const int words, CountWords(text));
    return words + static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  };
  std::string table = "| item | n |\n| --- | --- |\n";
  for (int i = 0; i < 20; ++i) absl::StrAppend(&table, "| r", i, " | ", i, " |\n");
  const std::vector<TextBlock> blocks = {Of(BlockKind::kTable, table)};
  HeadingPath headings;
  const auto passages =
      ChunkBlocks(blocks, {.passage_tokens = 40, .overlap_tokens = 0}, count, headings);
  ASSERT_THAT(passages, IsOk());
  EXPECT_GT(passages->size(), 3u);
  std::string all;
  for (const TextPassage& passage : *passages) {
    EXPECT_THAT(passage.text, StartsWith("| item | n |\n| --- | --- |\n| r"));
    EXPECT_LE(passage.token_count, 40);
    all += passage.text;
  }
  for (int i = 0; i < 20; ++i) EXPECT_THAT(all, HasSubstr(absl::StrCat("| r", i, " | ", i, " |")));
}

TEST(ChunkerTest, OverlapsNothingAcrossAHeading) {
  EXPECT_THAT(Texts(Chunk({Paragraph("One two."), Heading(1, "H"), Paragraph("Three.")}, 20, 10)),
              ElementsAre("One two.", "Three."));
}

TEST(ChunkerTest, AHeadingWithoutTextIsAPassage) {
  const auto passages = Chunk({Heading(1, "Deck"), Heading(2, "First"), Heading(2, "Second"),
                               Paragraph("Words."), Heading(1, "End")});
  ASSERT_THAT(passages, SizeIs(3));
  EXPECT_EQ(passages[0].text, "First");
  EXPECT_EQ(passages[0].heading, "Deck");
  EXPECT_EQ(passages[1].text, "Words.");
  EXPECT_EQ(passages[1].heading, "Deck > Second");
  EXPECT_EQ(passages[2].text, "End");
  EXPECT_EQ(passages[2].heading, "");
}

TEST(ChunkerTest, HeadingsGoOnToTheNextPage) {
  HeadingPath headings;
  const ChunkOptions options = {.passage_tokens = 20, .overlap_tokens = 0};
  const std::vector<TextBlock> first = {Heading(1, "Birds"), Paragraph("All fly.")};
  ASSERT_THAT(ChunkBlocks(first, options, CountWords, headings), IsOk());
  const std::vector<TextBlock> second = {Paragraph("Most sing.")};
  ASSERT_OK_AND_ASSIGN(const auto passages, ChunkBlocks(second, options, CountWords, headings));
  ASSERT_THAT(passages, SizeIs(1));
  EXPECT_EQ(passages[0].heading, "Birds");
}

TEST(ChunkerTest, ShortensAHeadingPathFromOutside) {
  HeadingPath headings;
  headings.Enter(1, std::string(200, 'a'));
  headings.Enter(2, std::string(150, 'b'));
  headings.Enter(3, "inner");
  EXPECT_EQ(headings.Joined(), std::string(150, 'b') + " > inner");
  headings.Enter(1, std::string(400, 'c'));
  EXPECT_EQ(headings.Joined(), std::string(300, 'c'));
}

TEST(ChunkerTest, ATableStandsAlone) {
  const auto passages = Chunk(
      {Paragraph("Before."), Of(BlockKind::kTable, "| a | b |\n| 1 | 2 |"), Paragraph("After.")});
  ASSERT_THAT(passages, SizeIs(3));
  EXPECT_EQ(passages[1].kind, index::PassageKind::kTable);
  EXPECT_EQ(passages[1].text, "| a | b |\n| 1 | 2 |");
  EXPECT_EQ(passages[2].kind, index::PassageKind::kText);
  EXPECT_EQ(passages[2].text, "After.");
}

TEST(ChunkerTest, ShortLinesBeforeATableAreInItsHeading) {
  const auto heading = [](const std::vector<TextBlock>& before) {
    std::vector<TextBlock> blocks = before;
    blocks.push_back(Of(BlockKind::kTable, "| a | b |\n| 1 | 2 |"));
    return Chunk(blocks).back().heading;
  };
  EXPECT_EQ(heading({Paragraph("Price list"), Paragraph("Viro Studio")}), "Price list Viro Studio");
  EXPECT_EQ(heading({Paragraph("Old."), Paragraph(std::string(120, 'x')), Paragraph("Prices")}),
            "Prices");
  EXPECT_EQ(heading({Paragraph("Old."), Of(BlockKind::kTable, "| a |\n| 1 |")}), "");
}

TEST(ChunkerTest, ShortLinesBehindATableHaveItsHeading) {
  const std::string prose = Sentences(6);
  const auto passages =
      Chunk({Paragraph("Invoice 7"), Of(BlockKind::kTable, "| a | b |\n| 1 | 2 |"),
             Paragraph("Total 2.00"), Paragraph("Paid."), Paragraph(prose), Paragraph("The end.")},
            100);
  ASSERT_THAT(passages, SizeIs(4));
  EXPECT_EQ(passages[2].text, "Total 2.00\nPaid.");
  EXPECT_EQ(passages[2].heading, "Invoice 7");
  EXPECT_EQ(passages[3].text, prose + "\nThe end.");
  EXPECT_EQ(passages[3].heading, "");
  // Not a whole list.
  std::vector<TextBlock> blocks = {Paragraph("Invoice 7"), Of(BlockKind::kTable, "| a |\n| 1 |")};
  for (int i = 0; i < 40; ++i) blocks.push_back(Paragraph("A line of a list."));
  EXPECT_EQ(Chunk(blocks, 100).back().heading, "");
  const auto next = Chunk({Paragraph("Invoice 7"), Of(BlockKind::kTable, "| a |\n| 1 |"),
                           Heading(1, "Terms"), Paragraph("Thirty days.")});
  EXPECT_EQ(next.back().heading, "Terms");
}

TEST(ChunkerTest, ATooLongTableIsCutBetweenRowsUnderItsHead) {
  std::string table = "name year\n---- ----";
  for (int i = 0; i < 20; ++i) absl::StrAppend(&table, "\nrow", i, " ", 2000 + i);
  const auto passages = Chunk({Of(BlockKind::kTable, table)}, 16, 8);
  ASSERT_GT(passages.size(), 2u);
  std::string all;
  for (const TextPassage& passage : passages) {
    EXPECT_EQ(passage.kind, index::PassageKind::kTable);
    EXPECT_THAT(passage.text, StartsWith("name year\n---- ----\nrow"));
    EXPECT_LE(passage.token_count, 16);
    all += passage.text + "\n";
  }
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(all, HasSubstr(absl::StrCat("row", i, " ", 2000 + i, "\n")));
  }
}

TEST(ChunkerTest, CodeKeepsItsLines) {
  const std::string code = "if (x) {\n  run();\n}";
  EXPECT_THAT(Texts(Chunk({Paragraph("Do this:"), Of(BlockKind::kCode, code), Paragraph("Done.")})),
              ElementsAre("Do this:\n" + code + "\nDone."));
}

TEST(ChunkerTest, TooLongCodeIsCutBetweenLines) {
  std::string code;
  for (int i = 0; i < 20; ++i) absl::StrAppend(&code, "  call ", i, "\n");
  const auto passages = Chunk({Of(BlockKind::kCode, code)}, 16);
  ASSERT_GT(passages.size(), 2u);
  for (const TextPassage& passage : passages) {
    EXPECT_THAT(passage.text, StartsWith("  call "));
    EXPECT_LE(passage.token_count, 16);
  }
}

TEST(ChunkerTest, TheBoxGoesAroundAllBlocksOfThePassage) {
  TextBlock above = Paragraph("One.");
  above.box = Box{0.1f, 0.1f, 0.5f, 0.2f};
  TextBlock below = Paragraph("Two.");
  below.box = Box{0.2f, 0.3f, 0.9f, 0.4f};
  const auto passages = Chunk({above, below, Paragraph("Three.")});
  ASSERT_THAT(passages, SizeIs(1));
  ASSERT_TRUE(passages[0].box.has_value());
  EXPECT_FLOAT_EQ(passages[0].box->x0, 0.1f);
  EXPECT_FLOAT_EQ(passages[0].box->y0, 0.1f);
  EXPECT_FLOAT_EQ(passages[0].box->x1, 0.9f);
  EXPECT_FLOAT_EQ(passages[0].box->y1, 0.4f);
}

// A block whose line n (from 1) stands in the n-th hundredth of the page.
TextBlock Lined(BlockKind kind, const std::vector<std::string>& lines) {
  TextBlock out = Of(kind, "");
  for (size_t i = 0; i < lines.size(); ++i) {
    const auto n = static_cast<float>(i + 1);
    AddLine(out.text.size(), Box{0, n / 100, 1, (n + 1) / 100}, out.lines);
    out.text += lines[i];
  }
  return out;
}

// "N:TEXT" of each line of a passage; "-:TEXT" where it has no place.
std::vector<std::string> LinesOf(const TextPassage& passage) {
  EXPECT_TRUE(AreLinesOf(passage.lines, passage.text.size()));
  std::vector<std::string> out;
  for (size_t i = 0; i < passage.lines.size(); ++i) {
    const TextLine& line = passage.lines[i];
    const size_t end =
        i + 1 < passage.lines.size() ? passage.lines[i + 1].begin : passage.text.size();
    out.push_back(
        absl::StrCat(line.box.has_value() ? absl::StrCat(std::lround(line.box->y0 * 100)) : "-",
                     ":", passage.text.substr(line.begin, end - line.begin)));
  }
  return out;
}

TEST(ChunkerTest, LinesKeepTheirPlaceThroughHyphensAndChineseBreaks) {
  const auto passages =
      Chunk({Lined(BlockKind::kParagraph, {"One in", "forma\u00ADtion. \n", " Two. "}),
             Lined(BlockKind::kParagraph, {"这是第一\n", "行。"})});
  ASSERT_THAT(passages, SizeIs(1));
  EXPECT_EQ(passages[0].text, "One information. Two.\n这是第一行。");
  EXPECT_THAT(LinesOf(passages[0]),
              ElementsAre("1:One in", "2:formation. ", "3:Two.\n", "1:这是第一", "2:行。"));
}

TEST(ChunkerTest, AnOverlapBringsItsLines) {
  std::vector<std::string> lines;
  for (int i = 0; i < 5; ++i) lines.push_back(Sentences(1, i) + " ");
  const auto passages = Chunk({Lined(BlockKind::kParagraph, lines)}, 16, 7);
  ASSERT_THAT(passages, SizeIs(2));
  EXPECT_THAT(LinesOf(passages[0]),
              ElementsAre("1:" + lines[0], "2:" + lines[1], "3:" + Sentences(1, 2)));
  EXPECT_THAT(LinesOf(passages[1]),
              ElementsAre("3:" + lines[2], "4:" + lines[3], "5:" + Sentences(1, 4)));
}

TEST(ChunkerTest, PiecesOfACutSentenceHaveTheLinesTheyStandOn) {
  std::vector<std::string> lines;
  for (int i = 0; i < 10; ++i) {
    lines.push_back("");
    for (int k = 0; k < 5; ++k) absl::StrAppend(&lines.back(), "w", i, k, " ");
  }
  const auto passages = Chunk({Lined(BlockKind::kParagraph, lines)}, 16);
  ASSERT_GT(passages.size(), 3u);
  for (const TextPassage& passage : passages) {
    for (const std::string& line : LinesOf(passage)) {
      // "3:w20 w21": what stands on a line is what was written there.
      const int n = std::stoi(line);
      const std::string words(absl::StripAsciiWhitespace(line.substr(line.find(':') + 1)));
      EXPECT_THAT(lines[n - 1], HasSubstr(words)) << line;
    }
    EXPECT_EQ(passage.lines[0].begin, 0u);
  }
}

TEST(ChunkerTest, ATableThatIsCutRepeatsItsHeadWithItsPlace) {
  std::vector<std::string> lines = {"name year\n", "---- ----\n"};
  for (int i = 0; i < 20; ++i) lines.push_back(absl::StrCat("row", i, " ", 2000 + i, "\n"));
  EXPECT_THAT(LinesOf(Chunk({Lined(BlockKind::kTable, lines)}, 200)[0]), SizeIs(22));
  const auto passages = Chunk({Lined(BlockKind::kTable, lines)}, 16, 8);
  ASSERT_GT(passages.size(), 2u);
  int next = 3;
  for (const TextPassage& passage : passages) {
    const std::vector<std::string> found = LinesOf(passage);
    ASSERT_GT(found.size(), 2u);
    EXPECT_EQ(found[0], "1:name year\n");
    EXPECT_EQ(found[1], "2:---- ----\n");
    for (size_t i = 2; i < found.size(); ++i, ++next) {
      EXPECT_THAT(found[i], StartsWith(absl::StrCat(next, ":row", next - 3, " ")));
    }
  }
  EXPECT_EQ(next, 23);
}

TEST(ChunkerTest, ABlockWithoutLinesHasNoPlaceAmongOthers) {
  const auto passages = Chunk({Paragraph("Zero."), Lined(BlockKind::kParagraph, {"One."}),
                               Paragraph("Two."), Lined(BlockKind::kListItem, {"Three."})});
  ASSERT_THAT(passages, SizeIs(1));
  EXPECT_THAT(LinesOf(passages[0]), ElementsAre("1:One.\n", "-:Two.\n", "1:Three."));
  EXPECT_THAT(Chunk({Paragraph("One.")})[0].lines, SizeIs(0));
}

TEST(ChunkerTest, WithoutBoxesThereIsNone) {
  EXPECT_FALSE(Chunk({Paragraph("One.")})[0].box.has_value());
}

TEST(ChunkerTest, ReturnsTheErrorOfTheCounter) {
  HeadingPath headings;
  const std::vector<TextBlock> blocks = {Paragraph("One.")};
  const TokenCounter broken = [](absl::string_view) -> absl::StatusOr<int> {
    return absl::InternalError("no tokenizer");
  };
  EXPECT_THAT(ChunkBlocks(blocks, {}, broken, headings),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("no tokenizer")));
}

TEST(ChunkerTest, ChineseIsCutAtItsOwnStops) {
  std::string text;
  for (int i = 0; i < 8; ++i) text += "今天我们去公园看花。";
  const TokenCounter count = [](absl::string_view piece) -> absl::StatusOr<int> {
    return static_cast<int>(piece.size() / 3);
  };
  HeadingPath headings;
  const std::vector<TextBlock> blocks = {Paragraph(text)};
  ASSERT_OK_AND_ASSIGN(
      const auto passages,
      ChunkBlocks(blocks, {.passage_tokens = 35, .overlap_tokens = 0}, count, headings));
  ASSERT_THAT(passages, SizeIs(3));
  for (const TextPassage& passage : passages) EXPECT_THAT(passage.text, EndsWith("。"));
  EXPECT_EQ(passages[0].token_count, 30);
}

}  // namespace
}  // namespace sightline::ingest
