#include "services/query/grounded_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace sightline::query {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<Hit> Hits() {
  std::vector<Hit> hits(3);
  hits[0].passage.text = "The mill was built in 1850. It burned down in 1901.";
  hits[1].passage.text = "The bridge is 120 metres long.";
  hits[2].passage.text = "这座塔高45米。";
  return hits;
}

// Runs `pieces` through a writer and keeps what left.
struct Written {
  Written(const std::vector<std::string>& pieces, GroundingOptions options, int passages = 3) {
    const AnswerSink sink = {.on_text =
                                 [this](absl::string_view text) {
                                   sent.append(text.data(), text.size());
                                   return true;
                                 },
                             .on_citation =
                                 [this](const Citation& citation) {
                                   // The text a citation speaks of has left before it.
                                   EXPECT_LE(citation.end, sent.size());
                                   streamed.push_back(citation);
                                   return true;
                                 }};
    const std::vector<Hit> hits = Hits();
    GroundedWriter writer(hits, passages, std::move(options), sink);
    for (const std::string& piece : pieces) EXPECT_TRUE(writer.Write(piece));
    EXPECT_TRUE(writer.Finish());
    text = writer.text();
    citations = writer.citations();
    sentences = writer.sentences();
    dropped = writer.dropped();
    rewritten = writer.rewritten();
    uncited = writer.uncited();
    EXPECT_EQ(sent, text);
    EXPECT_EQ(streamed.size(), citations.size());
  }
  explicit Written(const std::vector<std::string>& pieces,
                   VerdictPolicy policy = VerdictPolicy::kFlag, int passages = 3)
      : Written(pieces, GroundingOptions{.policy = policy, .judge = {}, .rewrite = {}}, passages) {}
  std::string Cited(size_t i) const {
    return text.substr(citations[i].start, citations[i].end - citations[i].start);
  }

  std::string sent, text;
  std::vector<Citation> streamed, citations;
  std::vector<SentenceVerdict> sentences;
  int dropped = 0, uncited = 0, rewritten = 0;
};

TEST(GroundedWriterTest, EachMarkerBecomesACitationWithItsSentence) {
  const Written answer({"The mill was built in 1850 [1]. The bridge is 120 metres long [2]."});
  EXPECT_EQ(answer.text, "The mill was built in 1850 [1]. The bridge is 120 metres long [2].");
  ASSERT_EQ(answer.citations.size(), 2u);
  EXPECT_EQ(answer.citations[0].marker, 1);
  EXPECT_EQ(answer.citations[0].hit, 0u);
  EXPECT_EQ(answer.citations[0].verdict, Verdict::kSupported);
  EXPECT_EQ(answer.citations[0].snippet, "The mill was built in 1850.");
  EXPECT_EQ(answer.Cited(0), "The mill was built in 1850 [1].");
  EXPECT_EQ(answer.Cited(1), "The bridge is 120 metres long [2].");
  EXPECT_EQ(answer.citations[1].support, 1.0f);
}

TEST(RestOnTest, TheRegionIsAroundTheLinesOfTheSnippet) {
  index::Passage passage;
  passage.text = "The mill was built in 1850. It burned down in 1901, and nobody built it again.";
  passage.box = Box{0.1f, 0.1f, 0.9f, 0.5f};
  passage.lines = {{0, Box{0.1f, 0.1f, 0.9f, 0.2f}},
                   {22, Box{0.1f, 0.2f, 0.8f, 0.3f}},
                   {52, Box{0.2f, 0.4f, 0.7f, 0.5f}}};
  Citation citation;
  RestOn(passage, "It burned in 1901.", citation);
  EXPECT_EQ(citation.snippet, "It burned down in 1901, and nobody built it again.");
  ASSERT_TRUE(citation.region.has_value());
  EXPECT_EQ(citation.region->x0, 0.1f);
  EXPECT_EQ(citation.region->y0, 0.2f);
  EXPECT_EQ(citation.region->x1, 0.8f);
  EXPECT_EQ(citation.region->y1, 0.5f);

  RestOn(passage, Span{4, 8}, citation);
  EXPECT_EQ(citation.snippet, "mill");
  EXPECT_EQ(citation.region->y1, 0.2f);

  // The head of the passage stands for nothing in particular.
  RestOn(passage, "xyz", citation);
  EXPECT_EQ(citation.snippet, passage.text);
  EXPECT_FALSE(citation.region.has_value());

  passage.lines.clear();
  RestOn(passage, "It burned in 1901.", citation);
  EXPECT_FALSE(citation.region.has_value());
}

TEST(RestOnTest, ALongSentenceIsCutAndSoIsItsRegion) {
  index::Passage passage;
  passage.text = "发票" + std::string(400, 'a');
  passage.lines = {{0, Box{0, 0, 1, 0.5f}}, {300, Box{0, 0.5f, 1, 1}}};
  Citation citation;
  RestOn(passage, "发票", citation);
  EXPECT_EQ(citation.snippet.size(), 300u);
  EXPECT_EQ(citation.region->y1, 0.5f);
}

TEST(GroundedWriterTest, MarkersBehindTheFullStopBelongToTheSentenceBefore) {
  const Written answer({"The mill was built in 1850. [1] The bridge is 120 metres long.[2]"});
  ASSERT_EQ(answer.citations.size(), 2u);
  EXPECT_EQ(answer.Cited(0), "The mill was built in 1850.");
  EXPECT_EQ(answer.citations[0].marker, 1);
  EXPECT_EQ(answer.Cited(1), "The bridge is 120 metres long.");
  EXPECT_EQ(answer.citations[1].marker, 2);
}

TEST(GroundedWriterTest, ChineseSentencesAreCitedByByteOffsets) {
  const Written answer({"塔高45米【3】。桥长99米[2]。"});
  EXPECT_EQ(answer.text, "塔高45米[3]。桥长99米[2]。");
  ASSERT_EQ(answer.citations.size(), 2u);
  EXPECT_EQ(answer.Cited(0), "塔高45米[3]。");
  EXPECT_EQ(answer.citations[0].verdict, Verdict::kSupported);
  EXPECT_TRUE(Fails(answer.citations[1].verdict));
}

TEST(GroundedWriterTest, ForeignMarkersNeverLeave) {
  const Written answer({"The mill was built in 1850 [7]. The bridge is long [2]."},
                       VerdictPolicy::kFlag, 2);
  EXPECT_EQ(answer.text, "The mill was built in 1850. The bridge is long [2].");
  ASSERT_EQ(answer.citations.size(), 1u);
  EXPECT_EQ(answer.uncited, 1);
}

TEST(GroundedWriterTest, FlagKeepsUnsupportedSentencesWithTheirVerdict) {
  const Written answer({"The mill was built in 1860 [1]."});
  EXPECT_EQ(answer.text, "The mill was built in 1860 [1].");
  ASSERT_EQ(answer.citations.size(), 1u);
  EXPECT_EQ(answer.citations[0].verdict, Verdict::kContradicted);
}

TEST(GroundedWriterTest, EverySentenceThatStatesSomethingHasAVerdict) {
  const Written answer(
      {"The mill was built in 1850 [1]. Trust me. The bridge is 99 feet long [2]."});
  ASSERT_EQ(answer.sentences.size(), 3u);
  EXPECT_EQ(answer.sentences[0].verdict, Verdict::kSupported);
  EXPECT_THAT(answer.sentences[0].markers, ElementsAre(1));
  EXPECT_EQ(answer.sentences[1].verdict, Verdict::kUnsupported);
  EXPECT_THAT(answer.sentences[1].markers, IsEmpty());
  EXPECT_EQ(answer.text.substr(answer.sentences[1].start,
                               answer.sentences[1].end - answer.sentences[1].start),
            "Trust me.");
  EXPECT_EQ(answer.sentences[2].verdict, Verdict::kUnsupported);
}

TEST(GroundedWriterTest, TheJudgeDecides) {
  GroundingOptions options{.policy = VerdictPolicy::kDrop, .judge = {}, .rewrite = {}};
  options.judge = [](const std::string& claim, std::span<const index::Passage* const> cited) {
    EXPECT_EQ(cited.size(), 1u);
    return claim.find("mill") == std::string::npos ? Verdict::kUnsupported : Verdict::kSupported;
  };
  const Written answer({"A mill [1]. The bridge is 120 metres long [2]."}, options);
  EXPECT_EQ(answer.text, "A mill [1].");
  EXPECT_EQ(answer.dropped, 1);
}

TEST(GroundedWriterTest, RegenerateWritesFailingSentencesAgainInTheirPlace) {
  GroundingOptions options{.policy = VerdictPolicy::kRegenerate, .judge = {}, .rewrite = {}};
  std::vector<std::string> asked;
  options.rewrite = [&](absl::string_view before, absl::string_view sentence,
                        int attempt) -> absl::StatusOr<std::string> {
    asked.push_back(std::string(before) + "|" + std::string(sentence));
    if (attempt == 0) return "The bridge is 98 metres long [2].";
    return "The bridge is 120 metres long [2][9]. And more [1].";
  };
  const Written answer({"The mill was built in 1850 [1]. The bridge is 99 metres long [2]. It "
                        "burned down in 1901 [1]."},
                       options);
  EXPECT_EQ(answer.text,
            "The mill was built in 1850 [1]. The bridge is 120 metres long [2]. It burned down in "
            "1901 [1].");
  EXPECT_EQ(answer.rewritten, 1);
  EXPECT_EQ(answer.dropped, 0);
  const std::string once = "The mill was built in 1850 [1].|The bridge is 99 metres long [2].";
  EXPECT_THAT(asked, ElementsAre(once, once));
  ASSERT_EQ(answer.citations.size(), 3u);
  EXPECT_EQ(answer.Cited(1), "The bridge is 120 metres long [2].");
  EXPECT_EQ(answer.Cited(2), "It burned down in 1901 [1].");
}

TEST(GroundedWriterTest, RegenerateGivesUpAfterItsTriesAndDrops) {
  GroundingOptions options{.policy = VerdictPolicy::kRegenerate, .judge = {}, .rewrite = {}};
  int asked = 0;
  options.rewrite = [&](absl::string_view, absl::string_view, int) -> absl::StatusOr<std::string> {
    ++asked;
    return "Nonsense.";
  };
  std::string raw;
  for (int i = 0; i < 9; ++i) raw += "The bridge is 99 metres long [2]. ";
  const Written answer({raw + "The mill was built in 1850 [1]."}, options);
  EXPECT_EQ(answer.text, "The mill was built in 1850 [1].");
  EXPECT_EQ(answer.dropped, 9);
  EXPECT_EQ(asked, kMaxRewrites);
}

TEST(GroundedWriterTest, AFailingRewriterEndsTheAnswer) {
  GroundingOptions options{.policy = VerdictPolicy::kRegenerate, .judge = {}, .rewrite = {}};
  options.rewrite = [](absl::string_view, absl::string_view, int) -> absl::StatusOr<std::string> {
    return absl::DeadlineExceededError("late");
  };
  const std::vector<Hit> hits = Hits();
  const AnswerSink sink = {.on_text = [](absl::string_view) { return true; },
                           .on_citation = [](const Citation&) { return true; }};
  GroundedWriter writer(hits, 3, options, sink);
  EXPECT_FALSE(writer.Write("The bridge is 99 metres long [2].") && writer.Finish());
  EXPECT_EQ(writer.status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(GroundedWriterTest, DropLeavesOutUnsupportedAndUncitedSentences) {
  const Written answer(
      {"Here is what I found. The mill was built in 1860 [1]. The bridge is 120 metres long "
       "[2]. The moon is far."},
      VerdictPolicy::kDrop);
  EXPECT_EQ(answer.text, "The bridge is 120 metres long [2].");
  EXPECT_EQ(answer.dropped, 3);
  ASSERT_EQ(answer.citations.size(), 1u);
  EXPECT_EQ(answer.Cited(0), "The bridge is 120 metres long [2].");
}

TEST(GroundedWriterTest, ASentenceWithSeveralMarkersIsJudgedByAllOfThem) {
  const Written answer({"The mill dates from 1850 and the bridge is 120 metres long [1, 2]."});
  EXPECT_EQ(answer.text, "The mill dates from 1850 and the bridge is 120 metres long [1][2].");
  ASSERT_EQ(answer.citations.size(), 2u);
  EXPECT_EQ(answer.citations[0].verdict, Verdict::kSupported);
  EXPECT_EQ(answer.citations[1].verdict, Verdict::kSupported);
}

TEST(GroundedWriterTest, HowTheTextIsCutChangesNothing) {
  const std::string text =
      "The mill was built in 1850 [1]. It burned down, cf. Fig. 3, in 1901. [1][9] 塔高45米【3】。 "
      "The "
      "bridge is 99 metres long [2]. Dr. No said so.\n- The bridge is 120 metres long [2]\n";
  for (const VerdictPolicy policy : {VerdictPolicy::kFlag, VerdictPolicy::kDrop}) {
    const Written whole({text}, policy);
    std::mt19937 random(7);
    for (int round = 0; round < 200; ++round) {
      std::vector<std::string> pieces;
      for (size_t at = 0; at < text.size();) {
        const size_t n = std::uniform_int_distribution<size_t>(1, 12)(random);
        pieces.push_back(text.substr(at, n));
        at += n;
      }
      const Written cut(pieces, policy);
      ASSERT_EQ(cut.text, whole.text);
      ASSERT_EQ(cut.dropped, whole.dropped);
      ASSERT_EQ(cut.citations.size(), whole.citations.size());
      for (size_t i = 0; i < cut.citations.size(); ++i) {
        ASSERT_EQ(cut.Cited(i), whole.Cited(i));
        ASSERT_EQ(cut.citations[i].verdict, whole.citations[i].verdict);
      }
    }
  }
}

TEST(GroundedWriterTest, StopsWhenTheSinkWantsNoMore) {
  const std::vector<Hit> hits = Hits();
  const AnswerSink sink = {.on_text = [](absl::string_view) { return false; },
                           .on_citation = [](const Citation&) { return true; }};
  GroundedWriter writer(hits, 3, {}, sink);
  EXPECT_FALSE(writer.Write("The mill"));
  EXPECT_FALSE(writer.Write(" was built"));
  EXPECT_FALSE(writer.Finish());
}

TEST(SplitAnswerTest, KeepsListItemsApart) {
  const std::string text = "- a is b [1]\n- c is d [2]\n";
  std::vector<std::string> lines;
  for (const Span& span : SplitAnswer(text)) {
    lines.push_back(text.substr(span.begin, span.end - span.begin));
  }
  EXPECT_THAT(lines, ElementsAre("- a is b [1]\n", "- c is d [2]\n"));
  EXPECT_THAT(SplitAnswer(""), IsEmpty());
}

}  // namespace
}  // namespace sightline::query
