#include "index/text_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "index/collection_loader.h"
#include "index/key_codec.h"
#include "index/text_analyzer.h"
#include "tests/index/corpus_fixture.h"
#include "tests/support/plain_text_search.h"

namespace sightline::index {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::PlainTextSearch;

// A corpus that grows and shrinks at random, and the search below it, on the store itself.
class TextSearchTest : public CorpusFixture {
 protected:
  // Words whose frequencies fall as in natural language; few of them, so that there are ties.
  std::string Text(std::mt19937& random, int words, int vocabulary) {
    std::string out;
    for (int i = 0; i < words; ++i) {
      const double u = static_cast<double>(random() % 10'000) / 10'000;
      absl::StrAppend(&out, "w", static_cast<int>(std::pow(vocabulary, u)), " ");
    }
    return out;
  }

  DocumentWrite Document(std::mt19937& random, int passages, int vocabulary) {
    DocumentWrite out = OnePassage("d" + std::to_string(random() % 60), "", 1);
    out.passages.clear();
    for (int i = 0; i < passages; ++i) {
      // A third of the texts have one length, so that scores tie; some have no words at all.
      const int words = random() % 3 == 0 ? 12 : static_cast<int>(random() % 80);
      PassageWrite& write = out.passages.emplace_back();
      write.passage.text = Text(random, words, vocabulary);
    }
    return out;
  }

  void Change(std::mt19937& random, int vocabulary) {
    if (random() % 4 == 0) {
      (void)corpus_->DeleteDocument("c", "d" + std::to_string(random() % 60));
    } else {
      Put(Document(random, static_cast<int>(random() % 400), vocabulary));
    }
  }

  // Closes the corpus, opens what lies below it and compares.
  void ExpectSameAsPlain(std::mt19937& random, int vocabulary, int queries) {
    corpus_.reset();
    {
      ASSERT_OK_AND_ASSIGN(const auto store, Store::Open(options_.path + "/store"));
      ASSERT_OK_AND_ASSIGN(const auto value, store->Get(CollectionKey("c"), nullptr));
      ASSERT_TRUE(value.has_value());
      ASSERT_OK_AND_ASSIGN(const CollectionRecord record, DecodeCollection(*value));
      ASSERT_OK_AND_ASSIGN(LoadedCollection loaded,
                           LoadCollection(*store, record, options_.path + "/none", true));
      View& view = *loaded.view;
      for (int i = 0; i < queries; ++i) {
        std::vector<std::string> terms;
        for (int words = static_cast<int>(1 + random() % 9); words > 0; --words) {
          const double u = static_cast<double>(random() % 1000) / 1000;
          terms.push_back(absl::StrCat("w", static_cast<int>(std::pow(vocabulary * 1.1, u))));
        }
        const PassageSet allowed = Allowed(random, view);
        const int n = static_cast<int>(1 + random() % (random() % 8 == 0 ? 10'000 : 60));
        ASSERT_OK_AND_ASSIGN(const auto expected, PlainTextSearch(*store, view, terms, allowed, n));
        ASSERT_OK_AND_ASSIGN(const auto found, SearchText(*store, view, {.words = terms}, allowed,
                                                          n, absl::InfiniteFuture()));
        ASSERT_EQ(found.size(), expected.size());
        for (size_t place = 0; place < found.size(); ++place) {
          ASSERT_EQ(found[place].number, expected[place].number) << "at " << place;
          ASSERT_EQ(found[place].score, expected[place].score) << "at " << place;
        }
      }
    }
    Open();
  }

  // Every passage, some at random, those of one stretch, or none.
  PassageSet Allowed(std::mt19937& random, const View& view) {
    PassageSet all = view.passages.live();
    const uint32_t kind = random() % 6;
    if (kind < 3) return all;
    PassageSet out;
    const uint32_t from = random() % view.counters.next_passage;
    const uint32_t one_in = 1 + random() % 50;
    all.ForEach([&](uint32_t number) {
      if (kind == 3 ? random() % one_in == 0 : kind == 4 && number >= from && number < from + 500) {
        out.Insert(number);
      }
    });
    return out;
  }
};

TEST_F(TextSearchTest, FindsToTheLastBitWhatAddingUpEveryPostingFinds) {
  for (const uint32_t seed : {1u, 2u, 3u}) {
    std::mt19937 random(seed);
    const int vocabulary = seed == 1 ? 30 : seed == 2 ? 400 : 5000;
    for (int round = 0; round < 4; ++round) {
      for (int i = 0; i < 25; ++i) Change(random, vocabulary);
      if (round % 2 == 1) Reopen();
      ASSERT_NO_FATAL_FAILURE(ExpectSameAsPlain(random, vocabulary, 60));
    }
    ExpectSound();
  }
}

}  // namespace
}  // namespace sightline::index
