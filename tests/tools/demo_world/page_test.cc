#include "tools/demo_world/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tools/demo_world/page_paint.h"
#include "tools/demo_world/page_plan.h"

namespace sightline::demo_world {
namespace {

using ::testing::ElementsAre;

// The widest and longest content there is, of every kind and in both languages.
std::vector<PageContent> FullPages() {
  std::vector<PageContent> pages;
  for (const Language language : {Language::kEnglish, Language::kChinese}) {
    const bool english = language == Language::kEnglish;
    const std::string name = english ? "Brenkota umbrella" : "Brenkota 雨伞";
    const std::string other = english ? "Velkarin backpack" : "Velkarin 背包";
    const std::vector<std::string> head = {
        english ? "Customer: Talvorin Workshop" : "客户：Talvorin Workshop",
        english ? "Date: 2024-03-01" : "日期：2024-03-01"};
    PageContent board;
    board.language = language;
    board.title = name;
    board.head = {"Talvorin Workshop"};
    board.rows = {{english ? "Price" : "价格", {"199.99"}},
                  {english ? "In stock" : "库存", {"9999"}}};
    for (const PageKind kind : {PageKind::kLabel, PageKind::kSign}) {
      board.kind = kind;
      pages.push_back(board);
    }
    PageContent table;
    table.language = language;
    table.title = english ? "Invoice 4821" : "发票 4821";
    table.head = head;
    table.columns = english ? std::vector<std::string>{"Item", "Quantity", "Price"}
                            : std::vector<std::string>{"商品", "数量", "价格"};
    for (int i = 0; i < 6; ++i) {
      table.rows.push_back({i % 2 == 0 ? name : other, {std::to_string(9999 - i), "199.99"}});
    }
    table.foot = {english ? "Total 1199.94" : "合计 1199.94"};
    for (const PageKind kind : {PageKind::kPriceList, PageKind::kInvoice, PageKind::kStockTable}) {
      table.kind = kind;
      pages.push_back(table);
    }
    PageContent chart;
    chart.kind = PageKind::kBarChart;
    chart.language = language;
    chart.title = english ? "Sales of the Brenkota umbrella" : "Brenkota 雨伞销量";
    for (const char* const month : {"September", "October", "November", "December"}) {
      chart.rows.push_back({english ? month : "十一月", {"1048"}});
    }
    chart.rows.push_back({english ? "May" : "五月", {"7"}});
    pages.push_back(chart);
  }
  return pages;
}

bool Overlap(const Box& a, const Box& b) {
  return a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1;
}

bool Inside(const Box& inner, const Box& outer) {
  return inner.x0 >= outer.x0 && inner.y0 >= outer.y0 && inner.x1 <= outer.x1 &&
         inner.y1 <= outer.y1;
}

TEST(PageTest, BoxesOfLinesLieInThePictureAndApart) {
  constexpr Box kPicture = {0, 0, 1, 1};
  for (const PageContent& content : FullPages()) {
    for (uint64_t view = 0; view < 60; ++view) {
      SCOPED_TRACE(content.title + ", kind " + std::to_string(static_cast<int>(content.kind)) +
                   ", view " + std::to_string(view));
      const PagePlan plan = PlanPage(content, view);
      EXPECT_LE(plan.width, 320);
      EXPECT_LE(plan.height, 256);
      EXPECT_EQ(plan.width % 32 + plan.height % 32, 0);
      for (size_t i = 0; i < plan.lines.size(); ++i) {
        const PageLine& line = plan.lines[i];
        EXPECT_TRUE(Inside(line.box, kPicture)) << line.text;
        for (size_t j = 0; j < i; ++j) {
          EXPECT_FALSE(Overlap(line.box, plan.lines[j].box)) << line.text;
        }
        for (size_t j = 0; j < line.parts.size(); ++j) {
          EXPECT_TRUE(Inside(line.parts[j], line.box)) << line.text;
          for (size_t k = 0; k < j; ++k) EXPECT_FALSE(Overlap(line.parts[j], line.parts[k]));
        }
      }
      for (const Words& words : plan.words) {
        EXPECT_GE(words.size, 14) << plan.lines[words.line].text;
        for (const Glyph& glyph : words.shaped.glyphs) EXPECT_NE(glyph.index, 0);
      }
    }
  }
}

TEST(PageTest, AllInkOfLettersLiesInTheBoxes) {
  for (const PageContent& content : FullPages()) {
    for (uint64_t view = 0; view < 6; ++view) {
      PagePlan plan = PlanPage(content, view);
      const Picture with = PaintPage(plan);
      plan.words.clear();
      const Picture without = PaintPage(plan);
      std::vector<bool> covered(static_cast<size_t>(plan.width) * plan.height);
      for (const PageLine& line : plan.lines) {
        // A box may end within a pixel that has ink.
        const int x0 = static_cast<int>(std::floor(line.box.x0 * plan.width));
        const int x1 = std::min(plan.width, static_cast<int>(std::ceil(line.box.x1 * plan.width)));
        const int y1 =
            std::min(plan.height, static_cast<int>(std::ceil(line.box.y1 * plan.height)));
        for (int y = static_cast<int>(std::floor(line.box.y0 * plan.height)); y < y1; ++y) {
          for (int x = x0; x < x1; ++x) covered[static_cast<size_t>(y) * plan.width + x] = true;
        }
      }
      int outside = 0;
      int inside = 0;
      for (size_t i = 0; i < covered.size(); ++i) {
        // Blur carries a trace of ink one pixel further.
        const bool ink = std::abs(with.rgb[3 * i] - without.rgb[3 * i]) > 24;
        (covered[i] ? inside : outside) += ink ? 1 : 0;
      }
      EXPECT_EQ(outside, 0) << content.title << ", view " << view;
      EXPECT_GT(inside, 300) << content.title << ", view " << view;
    }
  }
}

TEST(PageTest, LinesComeInReadingOrderWithTheirRows) {
  PageContent content;
  content.kind = PageKind::kInvoice;
  content.title = "Invoice 4821";
  content.head = {"2024-03-01"};
  content.columns = {"Item", "Quantity", "Price"};
  content.rows = {{"Lumo mug", {"12", "32.50"}}, {"Sori lamp", {"3", "7.20"}}};
  content.foot = {"Total 39.70"};
  const DrawnPage page = DrawPage(content, 5);
  std::vector<std::string> texts;
  std::vector<int> rows;
  for (const PageLine& line : page.lines) {
    texts.push_back(line.text);
    rows.push_back(line.row);
    EXPECT_EQ(line.parts.size(), line.row < 0 && line.text != "Item Quantity Price" ? 0 : 3);
  }
  EXPECT_THAT(texts, ElementsAre("Invoice 4821", "2024-03-01", "Item Quantity Price",
                                 "Lumo mug 12 32.50", "Sori lamp 3 7.20", "Total 39.70"));
  EXPECT_THAT(rows, ElementsAre(-1, -1, -1, 0, 1, -1));
}

TEST(PageTest, TheSameViewGivesTheSamePicture) {
  const PageContent content = FullPages().front();
  EXPECT_EQ(DrawPage(content, 3).picture.rgb, DrawPage(content, 3).picture.rgb);
  EXPECT_NE(DrawPage(content, 3).picture.rgb, DrawPage(content, 4).picture.rgb);
}

TEST(PageTest, WordsStandWholeOnASmallPicture) {
  for (const char* const text : {"7", "Customer: Talvorin Workshop", "Brenkota 雨伞 9999 199.99",
                                 "Brenkota umbrella 9999 199.99"}) {
    for (uint64_t view = 0; view < 100; ++view) {
      const PagePlan plan = PlanWords(text, view);
      EXPECT_EQ(plan.width % 32, 0);
      EXPECT_LE(plan.width, 320);
      EXPECT_TRUE(plan.height == 32 || plan.height == 64);
      EXPECT_TRUE(Inside(plan.lines.front().box, {0, 0, 1, 1})) << text << ", view " << view;
      EXPECT_GE(plan.words.front().size, 13);
    }
  }
}

// Rows of which every pixel differs from the one before it: cairo's fast antialiasing writes beyond
// its memory there, which the C library then finds damaged.
TEST(PageTest, StrokesSideBySideLeaveMemoryWhole) {
  for (const char* const text : {"MMMMMM", "NNNNNNNNNNNNNN", "WWWWWWWWWW"}) {
    for (uint64_t view = 0; view < 200; ++view) {
      const Picture picture = DrawWords(text, view);
      EXPECT_EQ(picture.rgb.size(), static_cast<size_t>(picture.width) * picture.height * 3);
    }
  }
}

}  // namespace
}  // namespace sightline::demo_world
