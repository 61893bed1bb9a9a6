#include "index/posting_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>

#include "index/key_codec.h"
#include "rocksdb/merge_operator.h"

namespace sightline::index {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

std::vector<std::pair<int, int>> Read(const std::string& value) {
  std::vector<Posting> postings;
  EXPECT_TRUE(DecodePostings(value, postings));
  std::vector<std::pair<int, int>> out;
  for (const Posting& posting : postings) out.emplace_back(posting.place, posting.count);
  return out;
}

std::string Add(const std::vector<Posting>& postings) { return EncodeAdd(postings); }

TEST(PostingListTest, ChangesApplyInTheirOrder) {
  EXPECT_THAT(Read(""), IsEmpty());
  EXPECT_THAT(Read(Add({{0, 1}, {5, 300}})), ElementsAre(Pair(0, 1), Pair(5, 300)));
  EXPECT_THAT(Read(Add({{1, 1}, {2, 2}}) + Add({{4095, 7}})),
              ElementsAre(Pair(1, 1), Pair(2, 2), Pair(4095, 7)));
  EXPECT_THAT(Read(Add({{1, 1}, {2, 2}, {3, 3}}) + EncodeRemove(2, 2) + Add({{4, 4}})),
              ElementsAre(Pair(1, 1), Pair(3, 3), Pair(4, 4)));
  EXPECT_THAT(Read(Add({{1, 1}, {4095, 2}}) + EncodeRemove(0, 4095)), IsEmpty());
  EXPECT_THAT(Read(Add({{5, 1}}) + Add({{2, 2}})), ElementsAre(Pair(2, 2), Pair(5, 1)));
}

TEST(PostingListTest, ReadsWhatFormat1WroteAsPostingsOfUnknownLength) {
  std::vector<Posting> postings;
  ASSERT_TRUE(DecodePostings(std::string("\x01\x04\x05\x01\x02\x09", 6), postings));
  ASSERT_EQ(postings.size(), 2u);
  EXPECT_EQ(postings[1].place, 7);
  EXPECT_EQ(postings[1].count, 9u);
  EXPECT_EQ(postings[1].length, 0);
}

// What the operator makes of changes with, and without, what was there before.
std::string Fold(const std::string& before, const std::vector<std::string>& changes) {
  const auto merge = NewPostingMergeOperator();
  const rocksdb::Slice existing(before);
  const std::vector<rocksdb::Slice> operands(changes.begin(), changes.end());
  std::string out;
  rocksdb::Slice same;
  rocksdb::MergeOperator::MergeOperationOutput result(out, same);
  EXPECT_TRUE(merge->FullMergeV2(
      rocksdb::MergeOperator::MergeOperationInput("key", &existing, operands, nullptr), &result));
  return out;
}
std::string FoldWithoutBefore(const std::vector<std::string>& changes) {
  std::string out;
  const std::deque<rocksdb::Slice> operands(changes.begin(), changes.end());
  EXPECT_TRUE(NewPostingMergeOperator()->PartialMergeMulti("key", operands, &out, nullptr));
  return out;
}

TEST(PostingListTest, FoldingInPartsGivesWhatFoldingAllGives) {
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    // Places are added once; ranges are removed anywhere.
    std::vector<std::string> changes;
    uint32_t next = 0;
    while (next < 2000) {
      if (random() % 4 == 0) {
        const uint32_t first = random() % 2000;
        changes.push_back(EncodeRemove(static_cast<uint16_t>(first),
                                       static_cast<uint16_t>(first + random() % 300)));
        continue;
      }
      std::vector<Posting> added;
      for (uint32_t n = random() % 300; n > 0 && next < 2000; --n) {
        next += 1 + random() % 3;
        added.push_back({static_cast<uint16_t>(next), 1 + static_cast<uint32_t>(random() % 6),
                         static_cast<uint8_t>(random())});
      }
      changes.push_back(EncodeAdd(added));
    }
    const std::string whole = Fold("", changes);
    const auto cut = static_cast<std::ptrdiff_t>(random() % changes.size());
    const std::vector<std::string> before(changes.begin(), changes.begin() + cut);
    const std::vector<std::string> after(changes.begin() + cut, changes.end());
    EXPECT_EQ(Fold(Fold("", before), {FoldWithoutBefore(after)}), whole);
    EXPECT_EQ(Fold("", {FoldWithoutBefore(before), FoldWithoutBefore(after)}), whole);
    std::vector<Posting> postings;
    ASSERT_TRUE(DecodePostings(whole, postings));
    EXPECT_EQ(BlocksOf(whole).has_value(), postings.size() >= 128) << "long lists have bounds";
  }
}

TEST(PostingListTest, RefusesEveryTruncation) {
  const std::string value = Add({{1, 200}, {300, 2}}) + EncodeRemove(300, 301) + Add({{302, 1}});
  int whole = 0;
  for (size_t size = 0; size < value.size(); ++size) {
    std::vector<Posting> postings;
    whole += DecodePostings(value.substr(0, size), postings);
  }
  // Only a cut between two changes is a value.
  EXPECT_EQ(whole, 3);
}

TEST(PostingListTest, RefusesWhatNoWriterMakes) {
  std::vector<Posting> postings;
  EXPECT_FALSE(DecodePostings("\x07", postings));                              // unknown change
  EXPECT_FALSE(DecodePostings(std::string("\x01\x02\x05\x00", 4), postings));  // a count of zero
  EXPECT_FALSE(DecodePostings(Add({{5, 1}}) + Add({{5, 1}}), postings));       // twice
  EXPECT_FALSE(DecodePostings(EncodeRemove(7, 3), postings));
  EXPECT_FALSE(DecodePostings(std::string("\x01\xff\xff\xff\xff\x0f"), postings));  // length lies
}

TEST(PostingListTest, DecodingAnyBytesEnds) {
  std::mt19937 random(3);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(random() % 24, '\0');
    for (char& c : bytes) c = static_cast<char>(random() % 3 == 0 ? random() % 4 : random());
    std::vector<Posting> postings;
    if (!DecodePostings(bytes, postings)) continue;
    for (size_t i = 1; i < postings.size(); ++i) {
      ASSERT_LT(postings[i - 1].place, postings[i].place);
    }
  }
}

TEST(KeyCodecTest, TermsDoNotRunIntoEachOther) {
  EXPECT_FALSE(PostingKey(1, "ab", 0).starts_with(TermPrefix(1, "a")));
  EXPECT_TRUE(PostingKey(1, "a", 77).starts_with(TermPrefix(1, "a")));
  const std::string key = PostingKey(9, std::string("a\0b", 3), 77);
  const auto parts = ParsePostingKey(key, 9);
  ASSERT_TRUE(parts.has_value());
  EXPECT_EQ(parts->term, absl::string_view("a\0b", 3));
  EXPECT_EQ(parts->bucket, 77u);
  EXPECT_FALSE(ParsePostingKey(key, 8).has_value());
  EXPECT_FALSE(ParsePostingKey(key + "x", 9).has_value());
}

TEST(KeyCodecTest, KeysSortAsTheirNumbersDo) {
  EXPECT_LT(PassageKey(1, 255), PassageKey(1, 256));
  EXPECT_LT(PassageKey(1, UINT32_MAX), PassageKey(2, 0));
  EXPECT_EQ(PrefixEnd(std::string("\x01\xff", 2)), "\x02");
  const absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  EXPECT_LT(JobOrderKey(now, "a"), JobOrderKey(now - absl::Microseconds(1), "a"));
  EXPECT_LT(JobOrderKey(absl::UnixEpoch(), "a"), JobOrderKey(absl::FromUnixSeconds(-5), "a"));
}

}  // namespace
}  // namespace sightline::index
