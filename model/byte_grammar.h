#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "model/code_point_set.h"
#include "model/regex.h"

namespace sightline::model {

// A language of byte strings: rules, each an automaton over bytes whose edges take a byte, nothing,
// or a text of another rule. Calls make nesting and recursion possible; what they may not do is
// start with themselves.
//
// Also knows, for every state, the fewest bytes to the end of its rule when so many deep calls may
// still nest; a state from which there is no end within them has cost kNoEnd.
//
// Filled by one thread, then finished and immutable.
class ByteGrammar {
 public:
  using State = int32_t;
  using Rule = int32_t;
  static constexpr uint32_t kNoEnd = UINT32_MAX;
  // Deep calls in one another, at most.
  static constexpr int kMaxDepth = 64;
  static constexpr size_t kMaxStates = 200'000;

  struct Edge {
    enum class Kind : uint8_t { kByte, kEmpty, kCall };
    Kind kind = Kind::kEmpty;
    uint8_t first = 0, last = 0;  // kByte, both included
    bool deep = false;            // kCall: counts as one of kMaxDepth
    State to = 0;
    Rule rule = 0;      // kCall
    int32_t next = -1;  // of the edges of the same state; -1 = none
  };

  // How the characters of a text are spelt.
  enum class Spelling {
    kUtf8,
    // Between the quotes of a JSON string. Each has one spelling: \" \\ \b \f \n \r \t, \u00xx for
    // other controls, and UTF-8 for the rest.
    kJson,
  };

  // A rule without states yet; Begin and End enclose the making of these, one rule after the other.
  Rule NewRule();
  void Begin(Rule rule);
  void End();
  State start() const { return rules_[current_].start; }
  State end() const { return rules_[current_].end; }

  State NewState();
  void Byte(State from, uint8_t first, uint8_t last, State to);
  void Empty(State from, State to);
  void Call(State from, Rule rule, bool deep, State to);
  // Adds the bytes behind `from`; the state behind them.
  State Literal(State from, absl::string_view bytes);
  // One character of `set`.
  void Character(State from, const CodePointSet& set, Spelling spelling, State to);
  // A text of `nfa`.
  void Text(State from, const CodePointNfa& nfa, Spelling spelling, State to);

  // True when states beyond kMaxStates were asked for: the grammar is then of no use.
  bool too_large() const { return states_.size() > kMaxStates; }

  // Completes the grammar, whose texts are those of `root`. kInvalidArgument: too large, a rule
  // that starts with itself, or no text at all.
  absl::Status Finish(Rule root);

  // What follows is for a finished grammar.

  State root_start() const { return rules_[root_].start; }
  State root_end() const { return rules_[root_].end; }
  State StartOf(Rule rule) const { return rules_[rule].start; }
  bool IsEnd(State state) const { return rules_[states_[state].rule].end == state; }
  // Index into edges(), -1 = none.
  int32_t FirstEdge(State state) const { return states_[state].first_edge; }
  const Edge& edge(int32_t index) const { return edges_[index]; }
  // Fewest bytes from `state` to the end of its rule with `depth` deep calls left.
  uint32_t Cost(State state, int depth) const {
    const auto layer = std::min<size_t>(static_cast<size_t>(depth), costs_.size() - 1);
    return costs_[layer][state];
  }
  // Bytes that no edge tells apart are of one class.
  int byte_classes() const { return num_classes_; }
  int ClassOf(uint8_t byte) const { return class_of_[byte]; }
  uint8_t ByteOf(int byte_class) const { return byte_of_[byte_class]; }

 private:
  struct StateInfo {
    int32_t first_edge = -1;
    Rule rule = 0;
  };
  struct RuleInfo {
    State start = -1, end = -1;
    State first = -1, last = -1;  // its states, `last` excluded
  };

  void Add(State from, Edge edge);
  Rule CharacterRule(const CodePointSet& beyond_ascii);
  void BuildCharacterRules();
  absl::Status CheckLeftRecursion() const;
  std::vector<Rule> CalleesFirst() const;
  void Solve();
  void SolveRule(const RuleInfo& rule, const std::vector<uint32_t>* below,
                 const std::vector<std::vector<std::pair<State, int32_t>>>& into,
                 std::vector<uint32_t>& costs) const;
  void FindClasses();

  std::vector<StateInfo> states_;
  std::vector<Edge> edges_;
  std::vector<RuleInfo> rules_;
  Rule current_ = -1;
  Rule root_ = -1;
  std::map<std::vector<CodePointSet::Range>, Rule> character_rules_;
  std::vector<std::pair<CodePointSet, Rule>> unbuilt_;
  // By layer, then state: layer d holds the costs with d deep calls left; the last one holds for
  // more as well.
  std::vector<std::vector<uint32_t>> costs_;
  std::array<uint8_t, 256> class_of_ = {};
  std::vector<uint8_t> byte_of_;
  int num_classes_ = 0;
};

}  // namespace sightline::model
