#include "services/query/table_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sightline::query {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(TableRowsTest, CellsAreCutAtBars) {
  EXPECT_THAT(TableCells("| Mug | 3.50 |"), ElementsAre("Mug", "3.50"));
  EXPECT_THAT(TableCells("  | Mug |  | 7"), ElementsAre("Mug", "", "7"));
  EXPECT_THAT(TableCells("| a \\| b | C:\\temp |"), ElementsAre("a | b", "C:\\temp"));
  EXPECT_THAT(TableCells("| --- | :-: |"), IsEmpty());
  EXPECT_THAT(TableCells("|  |  |"), IsEmpty());
}

TEST(TableRowsTest, KnowsItsLines) {
  EXPECT_TRUE(IsTableLine(" | a |"));
  EXPECT_FALSE(IsTableLine("a | b"));
  EXPECT_TRUE(IsTableRule("| --- | :-: |"));
  EXPECT_FALSE(IsTableRule("|  |  |"));
  EXPECT_FALSE(IsTableRule("---"));
}

}  // namespace
}  // namespace sightline::query
