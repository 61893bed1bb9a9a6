#pragma once

#include <array>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "tools/demo_world/picture.h"

namespace sightline::cli {

// How much each document that answers a query is worth, > 0. Others are worth nothing.
using Gains = std::map<std::string, double>;

// Of a ranking: document ids, best first, each once. All are in [0, 1], and 0 of a query that no
// document answers.

// Normalised discounted cumulated gain (Järvelin and Kekäläinen, 2002): the sum of gain /
// log2(rank + 1) over the first `k`, as a part of what the best order would have.
double NdcgAt(int k, std::span<const std::string> ranked, const Gains& gains);
// The share of the documents that answer, among the first `k`.
double RecallAt(int k, std::span<const std::string> ranked, const Gains& gains);
// 1 / rank of the first document that answers, 0 when none is among the first `k`.
double ReciprocalRankAt(int k, std::span<const std::string> ranked, const Gains& gains);

struct RankingScore {
  double recall_at_1 = 0, recall_at_5 = 0, recall_at_10 = 0, recall_at_100 = 0;
  double mrr_at_10 = 0;
  double ndcg_at_5 = 0, ndcg_at_10 = 0;
};
RankingScore ScoreRanking(std::span<const std::string> ranked, const Gains& gains);

// The figures by name, in the order in which they are printed.
struct RankingFigure {
  const char* name;
  double RankingScore::* value;
  int depth;  // documents of the ranking that it looks at
};
inline constexpr std::array<RankingFigure, 7> kRankingFigures = {
    {{"ndcg_at_10", &RankingScore::ndcg_at_10, 10},
     {"recall_at_1", &RankingScore::recall_at_1, 1},
     {"recall_at_5", &RankingScore::recall_at_5, 5},
     {"recall_at_10", &RankingScore::recall_at_10, 10},
     {"recall_at_100", &RankingScore::recall_at_100, 100},
     {"mrr_at_10", &RankingScore::mrr_at_10, 10},
     {"ndcg_at_5", &RankingScore::ndcg_at_5, 5}}};

// Area of what two boxes share, as a part of what they cover together; 0 of boxes without area.
double IntersectionOverUnion(const demo_world::Box& a, const demo_world::Box& b);

// The share of `inner` that lies in `outer`; 0 where `inner` has no area.
double Covered(const demo_world::Box& inner, const demo_world::Box& outer);

// The smallest box that holds both.
demo_world::Box Around(const demo_world::Box& a, const demo_world::Box& b);

// The smallest sample that at least `percent` of 100 of them do not exceed; 0 without samples.
double Percentile(double percent, std::vector<double> samples);

}  // namespace sightline::cli
