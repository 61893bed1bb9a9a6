#include "services/query/markers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "base/utf8.h"

namespace sightline::query {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string Filtered(const std::string& text, int passages) {
  MarkerFilter filter(passages);
  std::string out = filter.Push(text);
  return out + filter.Finish();
}

TEST(ParseMarkersTest, FindsSinglesListsRangesAndFullWidthForms) {
  const auto markers = ParseMarkers("a [1] b [2, 3] c [4-6] d 【７】 e ［8、9］");
  ASSERT_EQ(markers.size(), 5u);
  EXPECT_THAT(markers[0].numbers, ElementsAre(1));
  EXPECT_EQ(markers[0].begin, 2u);
  EXPECT_EQ(markers[0].end, 5u);
  EXPECT_THAT(markers[1].numbers, ElementsAre(2, 3));
  EXPECT_THAT(markers[2].numbers, ElementsAre(4, 5, 6));
  EXPECT_THAT(markers[3].numbers, ElementsAre(7));
  EXPECT_THAT(markers[4].numbers, ElementsAre(8, 9));
}

TEST(ParseMarkersTest, OrdinaryBracketsAreNoMarkers) {
  EXPECT_THAT(ParseMarkers("a[i] [] [x1] [1.5] [1 (1) [12"), IsEmpty());
}

TEST(MarkerFilterTest, LegalMarkersPass) {
  EXPECT_EQ(Filtered("Paris [1] is big [2].", 2), "Paris [1] is big [2].");
}

TEST(MarkerFilterTest, ForeignMarkersGoWithTheBlankBeforeThem) {
  EXPECT_EQ(Filtered("Paris [9] is big [0].", 2), "Paris is big.");
  EXPECT_EQ(Filtered("[9] Paris", 2), "Paris");
  EXPECT_EQ(Filtered("Founded 1850 [99999999999999999999].", 2), "Founded 1850.");
}

TEST(MarkerFilterTest, OtherFormsBecomeTheOneForm) {
  EXPECT_EQ(Filtered("巴黎【1】。", 2), "巴黎[1]。");
  EXPECT_EQ(Filtered("a [1, 9, 2] b ［２］ c [ 1 ]", 2), "a [1][2] b [2] c [1]");
  EXPECT_EQ(Filtered("a [1-9] b [2][2,2]", 3), "a [1][2][3] b [2][2]");
}

TEST(MarkerFilterTest, MarkersComeOutAsTheNumbersThatTheyStandFor) {
  MarkerFilter filter(std::vector<int>{5, 0, 2, 5});
  std::string out = filter.Push("a [1] b [2] c [3, 2][4-9] d [1,4]");
  out += filter.Finish();
  EXPECT_EQ(out, "a [5] b c [2][5] d [5]");
}

TEST(MarkerFilterTest, MalformedMarkersStayText) {
  EXPECT_EQ(Filtered("x[i] = [1.5], [1a], [], [-], [12", 2), "x[i] = [1.5], [1a], [], [-], [12");
}

TEST(MarkerFilterTest, RemovingAMarkerNeverBuildsAnother) {
  EXPECT_EQ(Filtered("a [[9]7] b", 3), "a b");
  EXPECT_EQ(Filtered("a [[9]2] b", 3), "a [2] b");
  EXPECT_EQ(Filtered("a [[9][8]7", 3), "a [7");
  EXPECT_EQ(Filtered("a [1[9]0] b", 3), "a b");
}

TEST(MarkerFilterTest, WithoutPassagesEveryMarkerGoes) {
  EXPECT_EQ(Filtered("as shown in [12], and [3].", 0), "as shown in, and.");
}

TEST(MarkerFilterTest, LineBreaksBeforeForeignMarkersStay) {
  EXPECT_EQ(Filtered("one\n[9] two", 1), "one\n two");
}

TEST(MarkerFilterTest, HoldsBackWhatMayBecomeAMarker) {
  MarkerFilter filter(2);
  EXPECT_EQ(filter.Push("big [1"), "big");
  EXPECT_EQ(filter.Push("2"), "");
  EXPECT_EQ(filter.Push("]"), "");  // names passage 12
  EXPECT_EQ(filter.Push(" end\xE3"), " end");
  EXPECT_EQ(filter.Push("\x80\x90"), "");  // the last bytes of a full-width bracket
  EXPECT_EQ(filter.Push("2\xE3\x80\x91."), "[2].");
  EXPECT_EQ(filter.Finish(), "");
}

TEST(MarkerFilterTest, IllFormedBytesBecomeReplacementCharacters) {
  EXPECT_EQ(Filtered("a\xff", 1), "a\xEF\xBF\xBD");
  EXPECT_EQ(Filtered("a\xE4\xBD", 1), "a\xEF\xBF\xBD");
}

// Texts made of the characters that markers are made of, cut in every which way: the result is the
// same, is valid, and names no foreign passage.
TEST(MarkerFilterTest, NoChunkingLetsAForeignMarkerThrough) {
  const std::vector<std::string> alphabet = {"[", "]",  "【", "】", "［",  "］", "1",
                                             "2", "7",  "９", "0",  ",",   "，", "-",
                                             " ", "\n", "x",  "。", "\xff"};
  std::mt19937 random(20240607);
  const auto pick = [&](size_t n) {
    return std::uniform_int_distribution<size_t>(0, n - 1)(random);
  };
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (size_t i = 0, n = 1 + pick(24); i < n; ++i) text += alphabet[pick(alphabet.size())];
    const int passages = static_cast<int>(pick(4));
    const std::string whole = Filtered(text, passages);

    MarkerFilter filter(passages);
    std::string pieces;
    for (size_t at = 0; at < text.size();) {
      const size_t n = 1 + pick(4);
      const std::string piece = filter.Push(text.substr(at, n));
      EXPECT_TRUE(IsValidUtf8(piece));
      pieces += piece;
      at += n;
      // What has left is final: even now it may hold no foreign marker.
      for (const Marker& marker : ParseMarkers(pieces)) {
        for (const int number : marker.numbers) ASSERT_LE(number, passages) << text;
      }
    }
    pieces += filter.Finish();
    ASSERT_EQ(pieces, whole) << text;
    for (const Marker& marker : ParseMarkers(whole)) {
      for (const int number : marker.numbers) {
        ASSERT_GE(number, 1) << text;
        ASSERT_LE(number, passages) << text;
      }
    }
  }
}

}  // namespace
}  // namespace sightline::query
