// Words against a plain count of every word, on a corpus of some size.

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "index/text_analyzer.h"
#include "index/text_query.h"
#include "tests/index/corpus_fixture.h"

namespace sightline::index {
namespace {

// Passages are what is scored. Fifty go in one document, as every document waits for the disk.
constexpr int kTexts = 10'000;
constexpr int kPassages = 50;

// BM25 with k1 = 1.2 and b = 0.75, from the texts' terms and nothing else.
class PlainBm25 {
 public:
  explicit PlainBm25(const TextAnalyzer& analyzer) : analyzer_(analyzer) {}

  void Add(int number, const std::string& text) {
    const std::vector<std::string> terms = *analyzer_.Terms(text);
    if (terms.empty()) return;
    lengths_[number] = static_cast<double>(terms.size());
    for (const std::string& term : terms) ++counts_[term][number];
  }
  void Remove(int number) { lengths_.erase(number); }

  // Of the texts that hold a word of the query.
  std::map<int, double> Scores(const std::string& query) const {
    double total = 0;
    for (const auto& [number, length] : lengths_) total += length;
    const auto texts = static_cast<double>(lengths_.size());
    std::map<int, double> scores;
    std::vector<std::string> terms = *analyzer_.Terms(query);
    DropFunctionWords(query, false, terms);
    for (const std::string& term : terms) {
      const auto found = counts_.find(term);
      if (found == counts_.end()) continue;
      const auto holding = static_cast<double>(std::ranges::count_if(
          found->second, [&](const auto& entry) { return lengths_.count(entry.first) > 0; }));
      const double idf = std::log(1 + (texts - holding + 0.5) / (holding + 0.5));
      for (const auto& [number, count] : found->second) {
        const auto length = lengths_.find(number);
        if (length == lengths_.end()) continue;
        const double norm = 1.2 * (1 - 0.75 + 0.75 * length->second / (total / texts));
        scores[number] += idf * count * 2.2 / (count + norm);
      }
    }
    return scores;
  }

 private:
  const TextAnalyzer& analyzer_;
  std::unordered_map<int, double> lengths_;  // in terms
  std::unordered_map<std::string, std::unordered_map<int, double>> counts_;
};

// English and Chinese words, each as common as its place in the language's list says (Zipf).
class MixedTexts {
 public:
  explicit MixedTexts(uint32_t seed) : random_(seed) {
    for (int i = 0; i < 8000; ++i) {
      english_.push_back(Syllables(i));
      chinese_.push_back(Characters(2 + i % 3));
    }
  }

  // `chinese`: the share of its words that are.
  std::string Next(int words, double chinese) {
    std::string out;
    for (int i = 0; i < words; ++i) {
      const bool is_chinese = std::bernoulli_distribution(chinese)(random_);
      absl::StrAppend(&out, Pick(is_chinese ? chinese_ : english_), is_chinese ? "" : " ");
      if (random_() % 12 == 0) out += is_chinese ? "，" : ". ";
    }
    return out;
  }

  int Below(int n) { return static_cast<int>(random_() % n); }

 private:
  static std::string Syllables(int number) {
    static constexpr const char* kParts[] = {"ba", "ke", "li", "mo", "nu", "ra", "si", "to",
                                             "ve", "wo", "xi", "yu", "da", "fe", "gi", "ho"};
    std::string out;
    for (int rest = number + 16; rest > 0; rest /= 16) out += kParts[rest % 16];
    return out;
  }
  std::string Characters(int n) {
    std::string out;
    for (int i = 0; i < n; ++i) {
      const uint32_t c = 0x4E00 + random_() % 900;
      out += static_cast<char>(0xE0 | c >> 12);
      out += static_cast<char>(0x80 | (c >> 6 & 63));
      out += static_cast<char>(0x80 | (c & 63));
    }
    return out;
  }
  const std::string& Pick(const std::vector<std::string>& words) {
    const double u = std::uniform_real_distribution<double>()(random_);
    const double place = std::pow(static_cast<double>(words.size()), u);  // density 1 / place
    return words[static_cast<size_t>(place) - 1];
  }

  std::mt19937 random_;
  std::vector<std::string> english_;
  std::vector<std::string> chinese_;
};

class CorpusBm25Test : public CorpusFixture {
 protected:
  void SetUp() override {
    CorpusFixture::SetUp();
    ASSERT_OK_AND_ASSIGN(analyzer_, TextAnalyzer::Create());
    reference_ = std::make_unique<PlainBm25>(*analyzer_);
  }

  void Fill() {
    for (int i = 0; i < kTexts; i += kPassages) {
      DocumentWrite write = OnePassage(absl::StrCat(i / kPassages), "", 1);
      write.passages.clear();
      for (int number = i; number < i + kPassages; ++number) {
        // A third of each language, and a third of both; some long, one in fifty without a word.
        const int words = 5 + texts_.Below(number % 10 == 0 ? 200 : 40);
        const std::string text = number % 50 == 7 ? "…" : texts_.Next(words, kChinese[number % 3]);
        write.passages.push_back(TextPassage(text, 1));
        write.passages.back().passage.ordinal = number - i;
        reference_->Add(number, text);
      }
      Put(std::move(write));
    }
  }

  static int NumberOf(const Passage& passage) {
    return std::stoi(passage.document_id) * kPassages + passage.ordinal;
  }

  // The hundred best of several hundred queries, against the reference.
  void Compare(int queries) {
    for (int i = 0; i < queries && !HasFailure(); ++i) {
      const std::string query = texts_.Next(1 + i % 6, kChinese[i % 3]);
      ASSERT_OK_AND_ASSIGN(const SearchResult result, corpus_->Search(TextQuery(query, 100)));
      const std::map<int, double> scores = reference_->Scores(query);
      std::vector<double> best;
      for (const auto& [number, score] : scores) best.push_back(score);
      std::sort(best.rbegin(), best.rend());
      best.resize(std::min<size_t>(best.size(), 100));
      ASSERT_EQ(result.hits.size(), best.size()) << query;
      for (size_t place = 0; place < best.size(); ++place) {
        const Hit& hit = result.hits[place];
        const auto own = scores.find(NumberOf(hit.passage));
        ASSERT_NE(own, scores.end()) << query << ": " << hit.passage.text;
        // Its own score, and as good as the one that belongs in its place.
        ASSERT_LE(UlpsApart(hit.score, own->second), kMostUlps) << query << " at " << place;
        ASSERT_LE(UlpsApart(hit.score, best[place]), kMostUlps) << query << " at " << place;
        ++compared_;
      }
    }
  }

  static constexpr double kChinese[] = {0, 1, 0.5};  // of a text's words

  // A sum of up to some thirty float32s, each rounded.
  static constexpr double kMostUlps = 8;
  static double UlpsApart(float got, double expected) {
    const auto as_float = static_cast<float>(expected);
    const double ulp = std::nextafter(as_float, std::numeric_limits<float>::infinity()) - as_float;
    return std::abs(got - expected) / ulp;
  }

  std::unique_ptr<TextAnalyzer> analyzer_;
  std::unique_ptr<PlainBm25> reference_;
  MixedTexts texts_{7};
  int compared_ = 0;
};

TEST_F(CorpusBm25Test, TenThousandMixedTextsScoreAsAPlainCountOfTheirWords) {
  Fill();
  Compare(300);
  for (int document = 0; document < kTexts / kPassages; document += 7) {
    ASSERT_THAT(corpus_->DeleteDocument("c", absl::StrCat(document)), testing::IsOk());
    for (int i = 0; i < kPassages; ++i) reference_->Remove(document * kPassages + i);
  }
  Compare(200);
  Reopen();
  Compare(100);
  EXPECT_GT(compared_, 20'000);
}

}  // namespace
}  // namespace sightline::index
