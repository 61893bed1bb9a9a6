#include "cli/terminal.h"

#include <gtest/gtest.h>

namespace sightline::cli {
namespace {

TEST(TerminalTest, ControlAndDirectionMarksBecomeVisible) {
  EXPECT_EQ(Printable("a\x1b[2Jb\x07\x7f\n\tc"), "a\\x1b[2Jb\\x07\\x7f\n\tc");
  EXPECT_EQ(Printable("\xC2\x9B"), "\\x9b");  // C1 control
  EXPECT_EQ(Printable("a\xE2\x80\xAE"
                      "b"),
            "a\\u202eb");  // right-to-left override
  EXPECT_EQ(Printable("中文 é"), "中文 é");
  EXPECT_EQ(Printable("\xff"), "\xEF\xBF\xBD");
}

TEST(TerminalTest, OneLineCollapsesBlanks) {
  EXPECT_EQ(OneLine("  a \n\n b\tc  "), "a b c");
  EXPECT_EQ(OneLine(" \n"), "");
}

TEST(TerminalTest, ChineseIsTwoColumnsWide) {
  EXPECT_EQ(DisplayWidth("abc"), 3);
  EXPECT_EQ(DisplayWidth("中文a"), 5);
  EXPECT_EQ(DisplayWidth("e\xCC\x81"), 1);  // combining accent
}

TEST(TerminalTest, EllipsisCutsToTheColumns) {
  EXPECT_EQ(Ellipsis("abcdef", 6), "abcdef");
  EXPECT_EQ(Ellipsis("abcdefg", 6), "abcde…");
  EXPECT_EQ(Ellipsis("中文中文", 5), "中文…");
}

TEST(TerminalTest, QuantitiesAreReadable) {
  EXPECT_EQ(ByteCount(1023), "1023 B");
  EXPECT_EQ(ByteCount(1536), "1.5 KiB");
  EXPECT_EQ(ByteCount(int64_t{5} << 30), "5.0 GiB");
  EXPECT_EQ(ShortDuration(absl::Milliseconds(12)), "12 ms");
  EXPECT_EQ(ShortDuration(absl::Seconds(61)), "1:01");
  EXPECT_EQ(ShortDuration(absl::Seconds(3723)), "1:02:03");
  EXPECT_EQ(Counted(1, "page"), "1 page");
  EXPECT_EQ(Counted(0, "page"), "0 pages");
}

TEST(TerminalTest, ColumnsAlignByDisplayWidth) {
  Table table({"NAME", "N", "TEXT"}, {Table::kLeft, Table::kRight});
  table.Add({"中文", "7", "x"});
  table.Add({"a", "12", "line\nbreak"});
  EXPECT_EQ(table.Render(Terminal()),
            "NAME   N  TEXT\n"
            "中文   7  x\n"
            "a     12  line break\n");
}

TEST(TerminalTest, TheLastColumnIsCutOnATerminalOnly) {
  Table table({"A", "B"});
  table.Add({"x", std::string(100, 'y')});
  Terminal terminal;
  EXPECT_NE(table.Render(terminal).find(std::string(100, 'y')), std::string::npos);
  terminal.out_is_terminal = true;
  terminal.columns = 40;
  EXPECT_NE(table.Render(terminal).find(std::string(36, 'y') + "…\n"), std::string::npos);
}

TEST(TerminalTest, ColoursOnlyWhereTheyAreAllowed) {
  Terminal terminal;
  EXPECT_EQ(Styled(terminal, Style::kRed, "x"), "x");
  terminal.color = true;
  EXPECT_EQ(Styled(terminal, Style::kRed, "x"), "\x1b[31mx\x1b[0m");
}

}  // namespace
}  // namespace sightline::cli
