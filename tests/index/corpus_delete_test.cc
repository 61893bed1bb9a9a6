// A deleted document is in no search that begins after the deletion, whatever goes on beside it.
// SIGHTLINE_DELETES says how many are deleted; 500 without it.

#include <atomic>
#include <cstdlib>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/index/corpus_fixture.h"

namespace sightline::index {
namespace {

using ::sightline::testing::IsOk;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;

class CorpusDeleteTest : public CorpusFixture {
 protected:
  void SetUp() override {
    // Segments are sealed and joined all the time.
    options_.exact_below = 300;
    options_.head_limit = 100;
    options_.hnsw_links = 8;
    options_.hnsw_build_beam = 24;
    CorpusFixture::SetUp();
  }

  static int Deletes() {
    int out = 500;
    if (const char* const given = std::getenv("SIGHTLINE_DELETES"); given != nullptr) {
      EXPECT_TRUE(absl::SimpleAtoi(given, &out)) << given;
    }
    return out;
  }

  static std::string Name(int number) { return absl::StrCat("victim", number); }

  // Its vector, its own word, and both: each finds it first as long as it is there.
  static std::vector<SearchQuery> QueriesFor(int number) {
    SearchQuery hybrid = DenseQuery(UnitVector(number));
    hybrid.mode = FusionMode::kHybrid;
    hybrid.text = Name(number) + " shared";
    return {DenseQuery(UnitVector(number)), TextQuery(Name(number)), hybrid};
  }
};

TEST_F(CorpusDeleteTest, TheNextSearchDoesNotSeeItBesideAWriterAndMerges) {
  const int deletes = Deletes();
  constexpr int kAhead = 400;  // how many wait to be deleted
  constexpr int kRing = 600;   // documents that the writer puts and replaces
  const auto put = [&](int number) {
    Put(OnePassage(Name(number), Name(number) + " shared words", static_cast<uint32_t>(number)));
  };
  for (int number = 0; number < std::min(kAhead, deletes); ++number) put(number);
  std::atomic<bool> done{false};
  std::atomic<int> written{0};
  std::thread writer([&] {
    for (int i = 0; !done; ++i) {
      DocumentWrite write = OnePassage(absl::StrCat("w", i % kRing), "shared beside", 1 << 20 | i);
      for (int j = 1; j < 5; ++j)
        write.passages.push_back(TextPassage("shared", 1 << 24 | i * 8 | j));
      ASSERT_THAT(corpus_->PutDocument(std::move(write)), IsOk());
      written = i + 1;
    }
  });
  int seen_before = 0;
  for (int number = 0; number < deletes && !HasFailure(); ++number) {
    if (number + kAhead < deletes) put(number + kAhead);
    if (number % 20 == 0) {
      for (const SearchQuery& query : QueriesFor(number)) {
        EXPECT_THAT(Find(query), Contains(Name(number))) << number;
        ++seen_before;
      }
    }
    ASSERT_THAT(corpus_->DeleteDocument("c", Name(number)), IsOk());
    const std::vector<SearchQuery> queries = QueriesFor(number);
    EXPECT_THAT(Find(queries[0]), Not(Contains(Name(number)))) << number;
    EXPECT_THAT(Find(queries[1]), IsEmpty()) << number;
    EXPECT_THAT(Find(queries[2]), Not(Contains(Name(number)))) << number;
  }
  done = true;
  writer.join();
  EXPECT_GE(seen_before, 3);
  EXPECT_GT(written, 10);
  corpus_->WaitForUpkeep();
  ExpectSound();
}

}  // namespace
}  // namespace sightline::index
