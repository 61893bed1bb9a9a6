#include "ingest/media/page_tables.h"

#include <gtest/gtest.h>

#include <deque>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace sightline::media {
namespace {

constexpr double kHeight = 10;
constexpr double kLetter = 5;

// A page of words, 10 high, 5 a letter.
class Page {
 public:
  // A line that begins at x; words apart by half a letter.
  Page& At(double x, double y, const std::string& line) {
    PlacedLine& words = lines_.emplace_back();
    for (const absl::string_view text : absl::StrSplit(line, ' ')) {
      const double width = kLetter * static_cast<double>(text.size());
      texts_.emplace_back(text);
      words.push_back({texts_.back(), {x, y, x + width, y + kHeight}});
      x += width + kLetter / 2;
    }
    return *this;
  }
  // One whose middle is at x.
  Page& Around(double x, double y, const std::string& line) {
    const auto letters = static_cast<double>(line.size());
    return At(x - kLetter * letters / 2, y, line);
  }
  // Ends at x.
  Page& Before(double x, double y, const std::string& word) {
    return At(x - kLetter * static_cast<double>(word.size()), y, word);
  }

  // The tables as "head: a|b; c|d", cells apart by bars, with a line for each.
  std::string Tables() const {
    std::string out;
    for (const PageTable& table : FindTables(lines_)) {
      if (table.has_head) out += "head: ";
      std::vector<std::string> rows;
      for (const auto& row : table.rows) {
        rows.push_back(absl::StrJoin(row, "|", [this](std::string* text, const auto& cell) {
          absl::StrAppend(text,
                          absl::StrJoin(cell, " ", [this](std::string* cell_text, WordPlace at) {
                            absl::StrAppend(cell_text, lines_[at.line][at.word].text);
                          }));
        }));
      }
      absl::StrAppend(&out, absl::StrJoin(rows, "; "), "\n");
    }
    return out;
  }

 private:
  std::deque<std::string> texts_;
  std::vector<PlacedLine> lines_;
};

TEST(PageTablesTest, CellsBelowEachOtherAreATable) {
  Page page;
  page.At(10, 0, "Price list of the shop");
  page.At(10, 20, "Item").At(150, 20, "Price").At(220, 20, "Stock");
  page.At(10, 35, "Lumo mug").Before(180, 35, "32.50").Before(240, 35, "7");
  page.At(10, 50, "Tavi lamp").Before(180, 50, "1,120.00").Before(240, 50, "120");
  page.At(10, 80, "All prices in euros.");
  EXPECT_EQ(page.Tables(), "head: Item|Price|Stock; Lumo mug|32.50|7; Tavi lamp|1,120.00|120\n");
}

TEST(PageTablesTest, ReadersOfColumnsGiveThemOneAfterTheOther) {
  Page page;
  page.At(10, 20, "Lumo mug").At(10, 35, "Tavi lamp").At(10, 50, "Bisol bell");
  page.Before(180, 20, "32.50").Before(180, 35, "20.00").Before(180, 50, "5.25");
  EXPECT_EQ(page.Tables(), "Lumo mug|32.50; Tavi lamp|20.00; Bisol bell|5.25\n");
}

TEST(PageTablesTest, ACellMayBeEmpty) {
  Page page;
  page.At(10, 20, "Item").At(120, 20, "In").At(180, 20, "Out");
  page.At(10, 35, "Lumo mug").Before(130, 35, "3").Before(195, 35, "4");
  page.At(10, 50, "Tavi lamp").Before(195, 50, "9");
  EXPECT_EQ(page.Tables(), "head: Item|In|Out; Lumo mug|3|4; Tavi lamp||9\n");
}

TEST(PageTablesTest, WordsAloneAreATableOfThreeRowsAndColumns) {
  Page page;
  for (int row = 0; row < 3; ++row) {
    page.At(10, 20 + 15 * row, "Lumo mug");
    page.At(120, 20 + 15 * row, "harbor");
    page.At(200, 20 + 15 * row, "open");
  }
  EXPECT_EQ(page.Tables(),
            "head: Lumo mug|harbor|open; Lumo mug|harbor|open; Lumo mug|harbor|open\n");
  Page two;
  for (int row = 0; row < 3; ++row) {
    two.At(10, 20 + 15 * row, "Lumo mug");
    two.At(120, 20 + 15 * row, "harbor");
  }
  EXPECT_EQ(two.Tables(), "");
}

TEST(PageTablesTest, ARowLikeTheOthersIsNoHead) {
  Page page;
  page.At(10, 20, "4").At(50, 20, "CARD32").At(150, 20, "WEIGHT");
  page.At(10, 35, "2").At(50, 35, "CARD16").At(150, 35, "MAJOR");
  page.At(10, 50, "2").At(50, 50, "CARD16").At(150, 50, "MINOR");
  EXPECT_EQ(page.Tables(), "4|CARD32|WEIGHT; 2|CARD16|MAJOR; 2|CARD16|MINOR\n");
}

TEST(PageTablesTest, PropertiesAndTheirValuesAreATable) {
  Page page;
  page.At(10, 20, "Price").At(120, 20, "156.90");
  page.At(10, 35, "Maker").At(120, 35, "Pelzu Mill");
  page.At(10, 50, "Place").At(120, 50, "harbor");
  EXPECT_EQ(page.Tables(), "Price|156.90; Maker|Pelzu Mill; Place|harbor\n");
}

TEST(PageTablesTest, SentencesInColumnsAreNone) {
  Page page;
  for (int row = 0; row < 6; ++row) {
    page.At(10, 20 + 12 * row, "the harbor was open in 1998 and closed");
    page.At(300, 20 + 12 * row, "again in 2004 after 12 storms of that");
  }
  EXPECT_EQ(page.Tables(), "");
}

TEST(PageTablesTest, RowsFarApartAreNone) {
  Page page;
  page.At(10, 20, "Lumo mug").Before(180, 20, "32.50");
  page.At(10, 90, "Tavi lamp").Before(180, 90, "20.00");
  EXPECT_EQ(page.Tables(), "");
}

TEST(PageTablesTest, BarsEndWhereTheyWill) {
  Page page;
  page.At(10, 20, "Berlin").At(90, 20, "120");
  page.At(10, 35, "Paris").At(180, 35, "525");
  page.At(10, 50, "Vienna").At(230, 50, "839");
  EXPECT_EQ(page.Tables(), "Berlin|120; Paris|525; Vienna|839\n");
}

TEST(PageTablesTest, NumbersOverTheirLabelsAreAChart) {
  Page page;
  page.At(10, 0, "Units sold in 2024");
  page.Around(40, 60, "394").Around(100, 20, "839").Around(160, 90, "153");
  page.Around(40, 120, "Berlin").Around(100, 120, "New York").Around(160, 120, "Oslo");
  EXPECT_EQ(page.Tables(), "Berlin|394; New York|839; Oslo|153\n");
}

TEST(PageTablesTest, ALabelWithoutItsNumberMakesNoChart) {
  Page page;
  page.Around(40, 60, "394").Around(100, 20, "839");
  page.Around(40, 120, "Berlin").Around(100, 120, "Paris").Around(160, 120, "Oslo");
  EXPECT_EQ(page.Tables(), "");
}

TEST(PageTablesTest, WhatStandsAboveOtherWordsIsOfNoChart) {
  Page page;
  page.Around(40, 20, "394").Around(100, 20, "839");
  page.At(10, 60, "a line of words between them");
  page.Around(40, 120, "Berlin").Around(100, 120, "Paris");
  EXPECT_EQ(page.Tables(), "");
}

TEST(PageTablesTest, WordsWithoutAPlaceAreInNoTable) {
  const double far = std::numeric_limits<double>::infinity();
  const double nowhere = std::numeric_limits<double>::quiet_NaN();
  std::vector<PlacedLine> lines;
  for (const double y : {0.0, 15.0, far, nowhere}) {
    lines.push_back({{"mug", {0, y, 15, y + 10}}});
    lines.push_back({{"12", {90, y, 100, y + 10}}});
    lines.push_back({{"odd", {-far, y, far, y + 10}}, {"odd", {nowhere, 0, 5, 10}}});
  }
  const std::vector<PageTable> tables = FindTables(lines);
  ASSERT_EQ(tables.size(), 1u);
  EXPECT_EQ(tables[0].rows.size(), 2u);
}

TEST(PageTablesTest, OfTooManyWordsNothingIsFound) {
  Page page;
  for (int row = 0; row < 2000; ++row) {
    page.At(10, 15 * row, "Lumo mug").Before(180, 15 * row, "32.50");
  }
  EXPECT_EQ(page.Tables(), "");
}

}  // namespace
}  // namespace sightline::media
