#include "index/near_pictures.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/index/corpus_fixture.h"
#include "tests/support/status_matchers.h"

namespace sightline::index {
namespace {

using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;

uint64_t Flipped(uint64_t hash, int bits, std::mt19937_64& random) {
  for (int left = bits; left > 0;) {
    const uint64_t bit = uint64_t{1} << random() % 64;
    if ((hash & bit) == 0) continue;  // each only once
    hash &= ~bit;
    --left;
  }
  return hash;
}

absl::StatusOr<bool> Always(size_t, size_t) { return true; }

TEST(NearPicturesTest, PairsAreFoundWhateverBitsDiffer) {
  std::mt19937_64 random(1);
  constexpr uint64_t kAll = ~uint64_t{0};
  for (int round = 0; round < 300; ++round) {
    const PictureMark marks[] = {{1, kAll},
                                 {2, Flipped(kAll, kNearBits, random)},
                                 {3, Flipped(kAll, kNearBits + 22, random)}};
    ASSERT_OK_AND_ASSIGN(const auto groups, GroupNearPictures(marks, Always));
    ASSERT_EQ(groups.size(), 1u) << round;
    EXPECT_THAT(groups[0], ElementsAre(0, 1));
  }
}

TEST(NearPicturesTest, GroupsAreThoseOfAllPairsCompared) {
  std::mt19937_64 random(2);
  std::vector<PictureMark> marks;
  for (uint64_t i = 0; i < 400; ++i) {
    const bool copy = !marks.empty() && random() % 3 == 0;
    uint64_t hash = random();
    if (copy) {
      hash = marks[random() % marks.size()].hash;
      for (uint64_t flips = random() % 14; flips > 0; --flips) hash ^= uint64_t{1} << random() % 64;
    }
    marks.push_back({i, hash});
  }
  const auto odd = [](size_t a, size_t b) -> absl::StatusOr<bool> { return (a + b) % 5 != 0; };
  ASSERT_OK_AND_ASSIGN(const auto groups, GroupNearPictures(marks, odd));
  // Components of the same pairs by relaxation.
  std::vector<size_t> first(marks.size());
  for (size_t i = 0; i < first.size(); ++i) first[i] = i;
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t a = 0; a < marks.size(); ++a) {
      for (size_t b = 0; b < marks.size(); ++b) {
        if (a == b || (a + b) % 5 == 0 || !HashesAreNear(marks[a].hash, marks[b].hash)) continue;
        if (first[b] > first[a]) {
          first[b] = first[a];
          changed = true;
        }
      }
    }
  }
  std::map<size_t, std::vector<size_t>> wanted;
  for (size_t i = 0; i < first.size(); ++i) wanted[first[i]].push_back(i);
  std::erase_if(wanted, [](const auto& group) { return group.second.size() < 2; });
  ASSERT_GT(wanted.size(), 10u);
  ASSERT_EQ(groups.size(), wanted.size());
  size_t at = 0;
  for (const auto& [unused, group] : wanted) EXPECT_EQ(groups[at++], group);
}

TEST(NearPicturesTest, AnErrorEndsTheSearch) {
  const PictureMark marks[] = {{1, 5}, {2, 5}};
  EXPECT_THAT(
      GroupNearPictures(
          marks, [](size_t, size_t) -> absl::StatusOr<bool> { return absl::AbortedError("x"); }),
      StatusIs(absl::StatusCode::kAborted));
}

TEST_F(CorpusFixture, NearPicturesNeedNearHashesAndNearVectors) {
  const auto put = [&](const std::string& id, uint64_t hash, uint32_t vector_seed) {
    DocumentWrite write = OnePassage(id, "", vector_seed);
    write.passages[0].passage.kind = PassageKind::kImage;
    write.passages[0].passage.text = id;
    write.passages[0].passage.picture_hash = hash;
    return Put(std::move(write));
  };
  put("a", 0b1111, 1);
  put("other-hash", ~uint64_t{0b1111}, 1);
  put("other-vector", 0b1111, 2);
  put("b", 0b1110, 1);
  put("gone", 0b1111, 1);
  ASSERT_OK_AND_ASSIGN(const int removed, corpus_->DeleteDocument("c", "gone"));
  EXPECT_EQ(removed, 1);
  Put(OnePassage("text", "no picture", 1));
  ASSERT_OK_AND_ASSIGN(const NearPictures found,
                       corpus_->FindNearPictures("c", absl::InfiniteFuture()));
  EXPECT_EQ(found.pictures, 4);
  ASSERT_EQ(found.groups.size(), 1u);
  std::vector<std::string> documents;
  for (const uint64_t id : found.groups[0]) {
    ASSERT_OK_AND_ASSIGN(const Passage passage, corpus_->GetPassage(id));
    documents.push_back(passage.document_id);
  }
  EXPECT_THAT(documents, ElementsAre("a", "b"));
  EXPECT_THAT(corpus_->FindNearPictures("none", absl::InfiniteFuture()),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(corpus_->FindNearPictures("c", absl::InfinitePast()),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
}

}  // namespace
}  // namespace sightline::index
