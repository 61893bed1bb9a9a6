#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "model/byte_grammar.h"

namespace sightline::model {

// A byte grammar made deterministic, as far as texts have come: a state is the set of all places in
// the grammar, each with the calls it is inside of, that the bytes so far can have led to. States
// and steps are made when they are first asked for, and kept.
//
// Every state but kDead can be completed, and from every state with cost c > 0 some byte leads to
// one with cost c - 1 or less. Sets beyond kMaxPlaces lose their dearest places: some texts of the
// grammar are then out of reach, others never come into it. One thread.
class FormatAutomaton {
 public:
  using State = int32_t;
  static constexpr State kDead = -1;

  explicit FormatAutomaton(std::shared_ptr<const ByteGrammar> grammar);

  State Start() const { return start_; }
  State Next(State state, uint8_t byte) {
    const State known = next_[static_cast<size_t>(state) * classes_ + class_of_[byte]];
    return known != kUnknown ? known : Step(state, class_of_[byte]);
  }
  // True when the bytes that led to `state` are a whole text.
  bool Accepts(State state) const { return infos_[state].accepts; }
  // True when more bytes may follow.
  bool GoesOn(State state) const { return infos_[state].goes_on; }
  // Fewest bytes that complete the text.
  uint32_t Cost(State state) const { return infos_[state].cost; }
  size_t size() const { return infos_.size(); }
  // Places looked at since the start: what the steps so far have cost.
  uint64_t work() const { return work_; }

  // The same state in this automaton, which is of the same grammar.
  State Import(const FormatAutomaton& other, State state);

 private:
  static constexpr State kUnknown = -2;
  static constexpr size_t kMaxPlaces = 4096;

  // A call that is under way. Equal ones are one.
  struct Frame {
    ByteGrammar::State back = 0;  // where its caller goes on
    int32_t parent = -1;          // the caller's own frame
    int32_t depth = 0;            // deep calls up to here
    uint32_t cost = 0;            // bytes from `back` to the end of the text
    friend bool operator==(const Frame& a, const Frame& b) {
      return a.back == b.back && a.parent == b.parent && a.depth == b.depth;
    }
    template <typename H>
    friend H AbslHashValue(H h, const Frame& f) {
      return H::combine(std::move(h), f.back, f.parent, f.depth);
    }
  };
  struct Place {
    ByteGrammar::State state = 0;
    int32_t frame = 0;
    friend auto operator<=>(const Place&, const Place&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Place& p) {
      return H::combine(std::move(h), p.state, p.frame);
    }
  };
  struct Scored {
    Place place;
    uint32_t cost = 0;
  };
  struct Info {
    uint32_t begin = 0, end = 0;  // in places_
    uint32_t cost = 0;
    bool accepts = false;
    bool goes_on = false;
  };

  State Step(State state, int byte_class);
  int32_t FrameFor(ByteGrammar::State back, int32_t parent, bool deep);
  uint32_t Cost(const Place& place) const;
  // The state of all places that `seeds` lead to without a byte. Empties `seeds`.
  State Close(std::vector<Scored>& seeds);
  State Intern(std::vector<Place> places, bool accepts, bool goes_on, uint32_t cost);

  const std::shared_ptr<const ByteGrammar> grammar_;
  const size_t classes_;
  std::array<uint8_t, 256> class_of_;

  std::vector<Frame> frames_;  // 0 is that of the whole text
  absl::flat_hash_map<Frame, int32_t> frame_ids_;
  std::vector<Place> places_;  // of all states, one after the other
  std::vector<Info> infos_;
  absl::flat_hash_map<std::pair<std::vector<Place>, bool>, State> state_ids_;
  std::vector<State> next_;  // [states, classes]
  State start_ = kDead;
  uint64_t work_ = 0;

  // Kept from step to step, to allocate once.
  std::vector<Scored> seeds_, open_;
  absl::flat_hash_set<Place> seen_;
};

}  // namespace sightline::model
