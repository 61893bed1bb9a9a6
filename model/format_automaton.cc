#include "model/format_automaton.h"

#include <algorithm>
#include <utility>

namespace sightline::model {
namespace {

using Kind = ByteGrammar::Edge::Kind;
constexpr uint32_t kNoEnd = ByteGrammar::kNoEnd;

uint32_t Sum(uint32_t a, uint32_t b) {
  return a == kNoEnd || b == kNoEnd || a + b < a ? kNoEnd : a + b;
}

}  // namespace

FormatAutomaton::FormatAutomaton(std::shared_ptr<const ByteGrammar> grammar)
    : grammar_(std::move(grammar)), classes_(static_cast<size_t>(grammar_->byte_classes())) {
  for (int byte = 0; byte < 256; ++byte) {
    class_of_[byte] = static_cast<uint8_t>(grammar_->ClassOf(static_cast<uint8_t>(byte)));
  }
  frames_.push_back({.back = -1, .parent = -1, .depth = 0, .cost = 0});
  const Place start = {grammar_->root_start(), 0};
  seeds_.push_back({start, Cost(start)});
  start_ = Close(seeds_);
}

uint32_t FormatAutomaton::Cost(const Place& place) const {
  const Frame& frame = frames_[place.frame];
  return Sum(grammar_->Cost(place.state, ByteGrammar::kMaxDepth - frame.depth), frame.cost);
}

int32_t FormatAutomaton::FrameFor(ByteGrammar::State back, int32_t parent, bool deep) {
  Frame frame;
  frame.back = back;
  frame.parent = parent;
  frame.depth = frames_[parent].depth + (deep ? 1 : 0);
  frame.cost = Cost(Place{back, parent});
  const auto [it, is_new] = frame_ids_.try_emplace(frame, static_cast<int32_t>(frames_.size()));
  if (is_new) frames_.push_back(frame);
  return it->second;
}

FormatAutomaton::State FormatAutomaton::Step(State state, int byte_class) {
  const uint8_t byte = grammar_->ByteOf(byte_class);
  seeds_.clear();
  for (uint32_t i = infos_[state].begin; i < infos_[state].end; ++i) {
    const Place place = places_[i];
    for (int32_t e = grammar_->FirstEdge(place.state); e >= 0; e = grammar_->edge(e).next) {
      const ByteGrammar::Edge& edge = grammar_->edge(e);
      if (edge.kind != Kind::kByte || byte < edge.first || byte > edge.last) continue;
      const Place to = {edge.to, place.frame};
      const uint32_t cost = Cost(to);
      if (cost != kNoEnd) seeds_.push_back({to, cost});
    }
  }
  const State to = seeds_.empty() ? kDead : Close(seeds_);
  next_[static_cast<size_t>(state) * classes_ + static_cast<size_t>(byte_class)] = to;
  return to;
}

// Goes depth first and to the cheapest places first: the first one that takes a byte or ends the
// text is then one of the cheapest of all, and stays whatever is dropped after it.
FormatAutomaton::State FormatAutomaton::Close(std::vector<Scored>& seeds) {
  const auto dearer = [](const Scored& a, const Scored& b) { return a.cost > b.cost; };
  std::sort(seeds.begin(), seeds.end(), dearer);
  open_.swap(seeds);
  seen_.clear();
  std::vector<Place> places;
  bool accepts = false;
  uint32_t least = kNoEnd;
  while (!open_.empty() && seen_.size() < kMaxPlaces) {
    const Scored scored = open_.back();
    open_.pop_back();
    if (!seen_.insert(scored.place).second) continue;
    ++work_;
    least = std::min(least, scored.cost);
    const auto [state, frame] = scored.place;
    const size_t first = open_.size();
    const auto follow = [&](const Place& place) {
      const uint32_t cost = Cost(place);
      if (cost != kNoEnd) open_.push_back({place, cost});
    };
    if (grammar_->IsEnd(state)) {
      if (frame == 0) {
        accepts = true;
      } else {
        follow({frames_[frame].back, frames_[frame].parent});
      }
      continue;
    }
    bool takes_byte = false;
    for (int32_t e = grammar_->FirstEdge(state); e >= 0; e = grammar_->edge(e).next) {
      const ByteGrammar::Edge& edge = grammar_->edge(e);
      switch (edge.kind) {
        case Kind::kByte: takes_byte = takes_byte || Cost(Place{edge.to, frame}) != kNoEnd; break;
        case Kind::kEmpty: follow({edge.to, frame}); break;
        case Kind::kCall:
          if (!edge.deep || frames_[frame].depth < ByteGrammar::kMaxDepth) {
            follow({grammar_->StartOf(edge.rule), FrameFor(edge.to, frame, edge.deep)});
          }
          break;
      }
    }
    if (takes_byte) places.push_back(scored.place);
    std::sort(open_.begin() + static_cast<int64_t>(first), open_.end(), dearer);
  }
  open_.clear();
  std::sort(places.begin(), places.end());
  const bool goes_on = !places.empty();
  return Intern(std::move(places), accepts, goes_on, least);
}

FormatAutomaton::State FormatAutomaton::Intern(std::vector<Place> places, bool accepts,
                                               bool goes_on, uint32_t cost) {
  std::pair<std::vector<Place>, bool> key(std::move(places), accepts);
  const auto [it, is_new] = state_ids_.try_emplace(key, static_cast<State>(infos_.size()));
  if (is_new) {
    Info info = {.accepts = accepts, .goes_on = goes_on};
    info.begin = static_cast<uint32_t>(places_.size());
    places_.insert(places_.end(), key.first.begin(), key.first.end());
    info.end = static_cast<uint32_t>(places_.size());
    info.cost = cost;
    infos_.push_back(info);
    next_.resize(next_.size() + classes_, kUnknown);
  }
  return it->second;
}

FormatAutomaton::State FormatAutomaton::Import(const FormatAutomaton& other, State state) {
  if (state == kDead) return kDead;
  std::vector<Place> places;
  for (uint32_t i = other.infos_[state].begin; i < other.infos_[state].end; ++i) {
    // From the outermost call to the innermost.
    std::vector<int32_t> path;
    for (int32_t f = other.places_[i].frame; f != 0; f = other.frames_[f].parent) path.push_back(f);
    int32_t frame = 0;
    for (auto it = path.rbegin(); it != path.rend(); ++it) {
      const Frame& theirs = other.frames_[*it];
      frame = FrameFor(theirs.back, frame, theirs.depth > frames_[frame].depth);
    }
    places.push_back({other.places_[i].state, frame});
  }
  std::sort(places.begin(), places.end());
  const Info& info = other.infos_[state];
  return Intern(std::move(places), info.accepts, info.goes_on, info.cost);
}

}  // namespace sightline::model
