#include "index/hnsw_walk.h"

#include <faiss/impl/HNSW.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "index/partial_scores.h"
#include "index/prefetch.h"

namespace sightline::index {
namespace {

// Rows whose bytes are fetched while one is compared.
constexpr size_t kAhead = 4;
constexpr size_t kPartsAhead = 8;
// The beam finds its own last places less surely than its first: so many times the wished number
// must be met for the wished ones to be right.
constexpr double kSpare = 1.6;
// Where the allowed share near the query is below this part of the share of all, the filter works
// against the query, and no walk finds what it leaves; below the smaller part when the beam is full
// for the first time, the walk is given up there, if so many allowed rows were to be expected.
constexpr double kAgainst = 0.5;
constexpr double kAgainstAtOnce = 0.25;
constexpr double kExpectedAtOnce = 24;
constexpr double kMostlyAllowed = 0.7;
// Where other walks have met better rows already, so much of the beam is followed all the same: a
// walk must first find its way to the query.
constexpr size_t kLeastFollowed = 16;
constexpr size_t kFollowedShare = 4;

class Walk {
 public:
  using Entry = WalkScratch::Entry;

  Walk(const faiss::HNSW& links, const VectorRows& rows, WalkScratch& scratch,
       std::span<const float> query)
      : links_(links),
        rows_(rows),
        scratch_(scratch),
        query_(query),
        code_(query),
        kernels_(BestCodeKernels()) {}

  // Leaves the rows nearest to the query, whatever they are, in scratch.beam. Of what is not above
  // `floor` only some is followed. False: `goes_on`, asked when the beam is full for the first
  // time, said no.
  template <typename GoesOn>
  bool OverAll(size_t width, float floor, const GoesOn& goes_on) {
    floor_ = floor;
    scratch_.NextWalk();
    scratch_.beam.clear();
    width_ = width;
    const Entry start = Descend();
    scratch_.Visit(start.row);
    scratch_.beam.push_back(start);
    return Follow([this](int32_t row) { NextOverAll(row); }, goes_on);
  }

  // The same of allowed rows, starting from those that are now in scratch.beam.
  void OverAllowed(size_t width, const PassageSet& allowed) {
    scratch_.NextWalk();
    std::erase_if(scratch_.beam, [&](const Entry& entry) { return !Allows(allowed, entry.row); });
    for (Entry& entry : scratch_.beam) {
      scratch_.Visit(entry.row);
      entry.expanded = false;
    }
    width_ = width;
    floor_ = -std::numeric_limits<float>::infinity();
    Follow([&](int32_t row) { NextOverAllowed(row, allowed); }, [] { return true; });
  }

  bool Allows(const PassageSet& allowed, int32_t row) const {
    return allowed.Contains(rows_.passage(row));
  }

  // The best `n` of what is in scratch.beam, which is all allowed, by their stored vectors.
  std::vector<RowScore> Best(size_t n);

 private:
  float Score(int32_t row) const { return code_.Quick(kernels_, rows_.code(row), rows_.head(row)); }
  void Fetch(int32_t row) const {
    Prefetch(rows_.code(row), code_.stride());
    __builtin_prefetch(&rows_.head(row));
  }
  // Neighbours on the lowest level; the list ends early at a negative number.
  std::span<const int32_t> Neighbours(int32_t row) const {
    return {links_.neighbors.data() + links_.offsets[row],
            static_cast<size_t>(links_.cum_nneighbor_per_level[1])};
  }

  Entry Descend() const;
  void NextOverAll(int32_t row);
  void NextOverAllowed(int32_t row, const PassageSet& allowed);
  template <typename Next, typename GoesOn>
  bool Follow(const Next& next, const GoesOn& goes_on);
  // Compares the rows of scratch.next, and puts those near enough in the beam. The first place
  // that one of them took.
  size_t CompareWhole();
  size_t CompareInParts();
  // Where it went in the beam; the beam's width: it did not.
  size_t Insert(float score, int32_t row);

  const faiss::HNSW& links_;
  const VectorRows& rows_;
  WalkScratch& scratch_;
  const std::span<const float> query_;
  const QueryCode code_;
  const CodeKernels& kernels_;
  PartialScores partial_;
  size_t width_ = 0;
  float floor_ = 0;
};

// To the nearest row that the upper levels lead to.
Walk::Entry Walk::Descend() const {
  Entry at = {Score(links_.entry_point), links_.entry_point};
  for (int level = links_.max_level; level > 0; --level) {
    for (bool moved = true; moved;) {
      moved = false;
      size_t begin = 0;
      size_t end = 0;
      links_.neighbor_range(at.row, level, &begin, &end);
      const int32_t* const neighbours = links_.neighbors.data();
      for (size_t i = begin; i < end && neighbours[i] >= 0; ++i) Fetch(neighbours[i]);
      for (size_t i = begin; i < end && neighbours[i] >= 0; ++i) {
        const float score = Score(neighbours[i]);
        if (score <= at.score) continue;
        at = {score, neighbours[i]};
        moved = true;
      }
    }
  }
  return at;
}

void Walk::NextOverAll(int32_t row) {
  const std::span<const int32_t> neighbours = Neighbours(row);
  std::vector<int32_t>& next = scratch_.next;
  next.resize(neighbours.size());
  // Without a branch on what was visited, which no processor can foresee.
  size_t count = 0;
  for (const int32_t to : neighbours) {
    if (to < 0) break;
    next[count] = to;
    count += scratch_.Visit(to);
  }
  next.resize(count);
}

void Walk::NextOverAllowed(int32_t row, const PassageSet& allowed) {
  const std::span<const int32_t> neighbours = Neighbours(row);
  scratch_.passed.clear();
  for (const int32_t to : neighbours) {
    if (to < 0) break;
    if (Allows(allowed, to)) {
      if (scratch_.Visit(to)) scratch_.next.push_back(to);
    } else {
      scratch_.passed.push_back(to);
      __builtin_prefetch(links_.neighbors.data() + links_.offsets[to]);
    }
  }
  for (const int32_t through : scratch_.passed) {
    if (scratch_.next.size() >= neighbours.size()) break;
    for (const int32_t to : Neighbours(through)) {
      if (to < 0) break;
      if (!scratch_.Visited(to) && Allows(allowed, to) && scratch_.Visit(to)) {
        scratch_.next.push_back(to);
      }
    }
  }
}

template <typename Next, typename GoesOn>
bool Walk::Follow(const Next& next, const GoesOn& goes_on) {
  bool asked = false;
  std::vector<Entry>& beam = scratch_.beam;
  const size_t followed = std::max(kLeastFollowed, width_ / kFollowedShare);
  for (size_t at = 0; at < beam.size();) {
    if (beam[at].expanded) {
      ++at;
      continue;
    }
    if (at >= followed && beam[at].score <= floor_) break;
    beam[at].expanded = true;
    scratch_.next.clear();
    next(beam[at].row);
    // What is expanded next unless something nearer turns up.
    if (at + 1 < beam.size()) {
      const std::span<const int32_t> ahead = Neighbours(beam[at + 1].row);
      Prefetch(ahead.data(), ahead.size_bytes());
    }
    at = std::min(at, code_.part() == 0 ? CompareWhole() : CompareInParts());
    if (asked || beam.size() < width_) continue;
    asked = true;
    if (!goes_on()) return false;
  }
  return true;
}

size_t Walk::CompareWhole() {
  const std::vector<int32_t>& rows = scratch_.next;
  size_t first = width_;
  for (size_t i = 0; i < std::min(kAhead, rows.size()); ++i) Fetch(rows[i]);
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i + kAhead < rows.size()) Fetch(rows[i + kAhead]);
    first = std::min(first, Insert(Score(rows[i]), rows[i]));
  }
  return first;
}

size_t Walk::CompareInParts() {
  const std::vector<int32_t>& rows = scratch_.next;
  const size_t part = code_.part();
  const auto fetch = [&](int32_t row) {
    Prefetch(rows_.code(row), part);
    __builtin_prefetch(&rows_.head(row));
  };
  scratch_.near.clear();
  for (size_t i = 0; i < std::min(kPartsAhead, rows.size()); ++i) fetch(rows[i]);
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i + kPartsAhead < rows.size()) fetch(rows[i + kPartsAhead]);
    const int32_t row = rows[i];
    const float score = code_.QuickPart(kernels_, rows_.code(row), rows_.head(row));
    const bool full = scratch_.beam.size() == width_;
    if (full && partial_.ready() && partial_.Most(score) <= scratch_.beam.back().score) continue;
    Prefetch(rows_.code(row) + part, code_.stride() - part);
    scratch_.near.push_back({score, row});
  }
  size_t first = width_;
  for (const Entry& entry : scratch_.near) {
    const float whole =
        entry.score + code_.QuickRest(kernels_, rows_.code(entry.row), rows_.head(entry.row));
    if (!partial_.ready()) partial_.Learn(entry.score, whole);
    const size_t place = Insert(whole, entry.row);
    if (place >= first) continue;
    first = place;
    // It may well be what is expanded next.
    const std::span<const int32_t> ahead = Neighbours(entry.row);
    Prefetch(ahead.data(), ahead.size_bytes());
  }
  return first;
}

size_t Walk::Insert(float score, int32_t row) {
  std::vector<Entry>& beam = scratch_.beam;
  if (beam.size() == width_) {
    if (score <= beam.back().score) return width_;
    beam.pop_back();
  }
  const auto place =
      std::upper_bound(beam.begin(), beam.end(), score,
                       [](float value, const Entry& entry) { return value > entry.score; });
  return static_cast<size_t>(beam.insert(place, {score, row}) - beam.begin());
}

std::vector<RowScore> Walk::Best(size_t n) {
  std::vector<Entry>& beam = scratch_.beam;
  if (beam.size() > n) {
    const float error = code_.quick_error() + rows_.head(beam[n - 1].row).error;
    const float margin = error * LikelyErrorShare(query_.size()) / code_.unit();
    const float least = beam[n - 1].score - margin;
    while (beam.back().score < least) beam.pop_back();
  }
  for (size_t i = 0; i < std::min<size_t>(kAhead, beam.size()); ++i) {
    rows_.FetchForScore(beam[i].row);
  }
  std::vector<RowScore> found;
  found.reserve(beam.size());
  for (size_t i = 0; i < beam.size(); ++i) {
    if (i + kAhead < beam.size()) rows_.FetchForScore(beam[i + kAhead].row);
    found.push_back({beam[i].row, rows_.Score(query_, beam[i].row)});
  }
  const auto better = [](const RowScore& a, const RowScore& b) {
    return a.score != b.score ? a.score > b.score : a.row < b.row;
  };
  const size_t kept = std::min(n, found.size());
  std::partial_sort(found.begin(), found.begin() + static_cast<int64_t>(kept), found.end(), better);
  found.resize(kept);
  return found;
}

}  // namespace

bool GivesUpAtOnce(double share, size_t width, size_t allowed_met) {
  const double expected = share * static_cast<double>(width);
  return share < kMostlyAllowed && expected >= kExpectedAtOnce &&
         static_cast<double>(allowed_met) < kAgainstAtOnce * expected;
}

std::vector<RowScore> WalkGraph(const faiss::HNSW& links, const VectorRows& rows,
                                WalkScratch& scratch, std::span<const float> query, int n, int beam,
                                const PassageSet& allowed, SharedBeam* shared) {
  const auto wanted = static_cast<size_t>(n);
  const double share =
      static_cast<double>(allowed.Count(rows.first_passage(), rows.last_passage())) /
      static_cast<double>(rows.size());
  // Where little is left out, as deleted rows are, a slightly wider beam meets enough at once.
  const double spare = share >= kMostlyAllowed && share < 1 ? 1.25 * n / share : 0;
  const auto width = std::min(std::max(static_cast<size_t>(beam), static_cast<size_t>(spare)),
                              static_cast<size_t>(rows.size()));
  Walk walk(links, rows, scratch, query);
  // What others met says nothing where a filter may treat these rows differently.
  if (share < kMostlyAllowed) shared = nullptr;
  std::vector<WalkScratch::Entry>& found = scratch.beam;
  const auto count_allowed = [&] {
    return static_cast<size_t>(std::count_if(
        found.begin(), found.end(),
        [&](const WalkScratch::Entry& entry) { return walk.Allows(allowed, entry.row); }));
  };
  const auto goes_on = [&] { return share == 1 || !GivesUpAtOnce(share, width, count_allowed()); };
  const float floor = shared == nullptr ? -std::numeric_limits<float>::infinity() : shared->Floor();
  if (!walk.OverAll(width, floor, goes_on)) return {};
  const size_t met = found.size();
  const size_t allowed_met = count_allowed();
  if (allowed_met < met) {
    if (static_cast<double>(allowed_met) < kAgainst * share * static_cast<double>(met)) return {};
    const double enough = std::min(kSpare * n, 0.8 * static_cast<double>(met));
    if (static_cast<double>(allowed_met) >= std::max<double>(n, enough)) {
      std::erase_if(found, [&](const auto& entry) { return !walk.Allows(allowed, entry.row); });
    } else {
      walk.OverAllowed(width, allowed);
      // Nothing more to follow before the beam was full: the allowed rows do not hang together.
      if (found.size() < width) return {};
    }
  }
  if (found.size() < wanted) return {};
  if (shared != nullptr) {
    for (const WalkScratch::Entry& entry : found) shared->Add(entry.score);
  }
  return walk.Best(wanted);
}

}  // namespace sightline::index
