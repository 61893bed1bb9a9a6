#include "model/byte_grammar.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <queue>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace sightline::model {
namespace {

using Kind = ByteGrammar::Edge::Kind;

uint32_t Sum(uint32_t a, uint32_t b) {
  return a == ByteGrammar::kNoEnd || b == ByteGrammar::kNoEnd || a + b < a ? ByteGrammar::kNoEnd
                                                                           : a + b;
}

// The UTF-8 spellings of `first` to `last` as sequences of byte ranges: the range is cut until each
// part has all combinations of its bytes' ranges.
void SplitUtf8(uint32_t first, uint32_t last,
               const std::function<void(std::span<const std::pair<uint8_t, uint8_t>>)>& give) {
  for (const uint32_t top : {0x7Fu, 0x7FFu, 0xFFFFu}) {
    if (first <= top && last > top) {
      SplitUtf8(first, top, give);
      SplitUtf8(top + 1, last, give);
      return;
    }
  }
  const int size = first <= 0x7F ? 1 : first <= 0x7FF ? 2 : first <= 0xFFFF ? 3 : 4;
  for (int i = 1; i < size; ++i) {
    const uint32_t low = (1u << (6 * i)) - 1;
    if ((first & ~low) == (last & ~low)) continue;
    if ((first & low) != 0) {
      SplitUtf8(first, first | low, give);
      SplitUtf8((first | low) + 1, last, give);
      return;
    }
    if ((last & low) != low) {
      SplitUtf8(first, (last & ~low) - 1, give);
      SplitUtf8(last & ~low, last, give);
      return;
    }
  }
  constexpr std::array<uint8_t, 5> kLead = {0, 0x00, 0xC0, 0xE0, 0xF0};
  std::array<std::pair<uint8_t, uint8_t>, 4> bytes;
  for (int i = 0; i < size; ++i) {
    const int shift = 6 * (size - 1 - i);
    const auto byte = [&](uint32_t c) {
      return static_cast<uint8_t>(i == 0 ? kLead[size] | (c >> shift)
                                         : 0x80 | ((c >> shift) & 0x3F));
    };
    bytes[i] = {byte(first), byte(last)};
  }
  give(std::span(bytes).first(size));
}

}  // namespace

ByteGrammar::Rule ByteGrammar::NewRule() {
  rules_.emplace_back();
  return static_cast<Rule>(rules_.size()) - 1;
}

void ByteGrammar::Begin(Rule rule) {
  current_ = rule;
  rules_[rule].first = static_cast<State>(states_.size());
  rules_[rule].start = NewState();
  rules_[rule].end = NewState();
}

void ByteGrammar::End() {
  rules_[current_].last = static_cast<State>(states_.size());
  current_ = -1;
}

ByteGrammar::State ByteGrammar::NewState() {
  if (too_large()) return static_cast<State>(states_.size()) - 1;
  states_.push_back({-1, current_});
  return static_cast<State>(states_.size()) - 1;
}

void ByteGrammar::Add(State from, Edge edge) {
  if (too_large()) return;
  edge.next = states_[from].first_edge;
  states_[from].first_edge = static_cast<int32_t>(edges_.size());
  edges_.push_back(edge);
}

void ByteGrammar::Byte(State from, uint8_t first, uint8_t last, State to) {
  Add(from, {.kind = Kind::kByte, .first = first, .last = last, .to = to});
}
void ByteGrammar::Empty(State from, State to) { Add(from, {.kind = Kind::kEmpty, .to = to}); }
void ByteGrammar::Call(State from, Rule rule, bool deep, State to) {
  Add(from, {.kind = Kind::kCall, .deep = deep, .to = to, .rule = rule});
}

ByteGrammar::State ByteGrammar::Literal(State from, absl::string_view bytes) {
  for (const char c : bytes) {
    const State to = NewState();
    Byte(from, static_cast<uint8_t>(c), static_cast<uint8_t>(c), to);
    from = to;
  }
  return from;
}

void ByteGrammar::Character(State from, const CodePointSet& set, Spelling spelling, State to) {
  CodePointSet beyond;
  for (auto [first, last] : set.ranges()) {
    if (last > 0x7F) beyond.Add(std::max(first, 0x80u), last);
    last = std::min(last, 0x7Fu);
    if (first > last) continue;
    if (spelling == Spelling::kUtf8) {
      Byte(from, static_cast<uint8_t>(first), static_cast<uint8_t>(last), to);
      continue;
    }
    for (uint32_t c = first; c <= last;) {
      constexpr absl::string_view kEscaped = "\"\\\b\f\n\r\t";
      constexpr absl::string_view kLetters = "\"\\bfnrt";
      const size_t letter = kEscaped.find(static_cast<char>(c));
      if (letter != absl::string_view::npos) {
        const State behind = Literal(from, absl::StrCat("\\", kLetters.substr(letter, 1)));
        Empty(behind, to);
        ++c;
      } else if (c < 0x20) {
        Empty(Literal(from, absl::StrFormat("\\u%04x", c)), to);
        ++c;
      } else {
        uint32_t end = c;
        while (end < last && end + 1 != '"' && end + 1 != '\\') ++end;
        Byte(from, static_cast<uint8_t>(c), static_cast<uint8_t>(end), to);
        c = end + 1;
      }
    }
  }
  if (!beyond.empty()) Call(from, CharacterRule(beyond), /*deep=*/false, to);
}

ByteGrammar::Rule ByteGrammar::CharacterRule(const CodePointSet& beyond_ascii) {
  const auto known = character_rules_.find(beyond_ascii.ranges());
  if (known != character_rules_.end()) return known->second;
  const Rule rule = NewRule();
  character_rules_.emplace(beyond_ascii.ranges(), rule);
  unbuilt_.emplace_back(beyond_ascii, rule);
  return rule;
}

void ByteGrammar::BuildCharacterRules() {
  for (const auto& [set, rule] : unbuilt_) {
    Begin(rule);
    // Ends that are alike are shared.
    std::map<std::array<int32_t, 3>, State> behind;
    for (const auto& [first, last] : set.ranges()) {
      SplitUtf8(first, last, [&](std::span<const std::pair<uint8_t, uint8_t>> bytes) {
        State to = end();
        for (size_t i = bytes.size() - 1; i > 0; --i) {
          const auto [it, is_new] = behind.try_emplace({bytes[i].first, bytes[i].second, to}, 0);
          if (is_new) {
            it->second = NewState();
            Byte(it->second, bytes[i].first, bytes[i].second, to);
          }
          to = it->second;
        }
        Byte(start(), bytes[0].first, bytes[0].second, to);
      });
    }
    End();
  }
  unbuilt_.clear();
}

void ByteGrammar::Text(State from, const CodePointNfa& nfa, Spelling spelling, State to) {
  std::vector<State> states(nfa.edges.size());
  for (State& state : states) state = NewState();
  for (size_t i = 0; i < nfa.edges.size() && !too_large(); ++i) {
    for (const CodePointNfa::Edge& edge : nfa.edges[i]) {
      if (edge.set == CodePointNfa::kNoCodePoint) {
        Empty(states[i], states[edge.to]);
      } else {
        Character(states[i], nfa.sets[edge.set], spelling, states[edge.to]);
      }
    }
  }
  Empty(from, states[nfa.start]);
  Empty(states[nfa.end], to);
}

absl::Status ByteGrammar::Finish(Rule root) {
  root_ = root;
  BuildCharacterRules();
  if (too_large()) {
    return absl::InvalidArgumentError(absl::StrCat("needs over ", kMaxStates, " states"));
  }
  if (absl::Status status = CheckLeftRecursion(); !status.ok()) return status;
  FindClasses();
  Solve();
  if (Cost(root_start(), kMaxDepth) == kNoEnd) {
    return absl::InvalidArgumentError("no text is of this form");
  }
  return absl::OkStatus();
}

// A rule is never empty, so only what can be reached without a byte counts.
absl::Status ByteGrammar::CheckLeftRecursion() const {
  std::vector<std::vector<Rule>> first(rules_.size());
  for (size_t rule = 0; rule < rules_.size(); ++rule) {
    std::vector<State> open = {rules_[rule].start};
    std::map<State, bool> seen = {{rules_[rule].start, true}};
    while (!open.empty()) {
      const State state = open.back();
      open.pop_back();
      for (int32_t i = FirstEdge(state); i >= 0; i = edges_[i].next) {
        if (edges_[i].kind == Kind::kCall) first[rule].push_back(edges_[i].rule);
        if (edges_[i].kind == Kind::kEmpty && seen.emplace(edges_[i].to, true).second) {
          open.push_back(edges_[i].to);
        }
      }
    }
  }
  // Takes away rules that start with none of those left, until only circles are.
  std::vector<std::vector<Rule>> callers(rules_.size());
  std::vector<size_t> left(rules_.size());
  std::vector<Rule> done;
  for (size_t rule = 0; rule < rules_.size(); ++rule) {
    left[rule] = first[rule].size();
    for (const Rule callee : first[rule]) callers[callee].push_back(static_cast<Rule>(rule));
    if (left[rule] == 0) done.push_back(static_cast<Rule>(rule));
  }
  for (size_t i = 0; i < done.size(); ++i) {
    for (const Rule caller : callers[done[i]]) {
      if (--left[caller] == 0) done.push_back(caller);
    }
  }
  if (done.size() == rules_.size()) return absl::OkStatus();
  return absl::InvalidArgumentError("a definition starts with itself");
}

void ByteGrammar::FindClasses() {
  std::array<bool, 257> begins = {};
  begins[0] = true;
  for (const Edge& edge : edges_) {
    if (edge.kind != Kind::kByte) continue;
    begins[edge.first] = true;
    begins[edge.last + 1] = true;
  }
  for (int byte = 0; byte < 256; ++byte) {
    if (begins[byte]) byte_of_.push_back(static_cast<uint8_t>(byte));
    class_of_[byte] = static_cast<uint8_t>(byte_of_.size() - 1);
  }
  num_classes_ = static_cast<int>(byte_of_.size());
}

// The rules in an order in which shallow calls lead to earlier ones. They never form a circle: a
// shallow call leads to what is written inside the caller.
std::vector<ByteGrammar::Rule> ByteGrammar::CalleesFirst() const {
  std::vector<std::vector<Rule>> callees(rules_.size());
  for (const StateInfo& state : states_) {
    for (int32_t i = state.first_edge; i >= 0; i = edges_[i].next) {
      if (edges_[i].kind == Kind::kCall && !edges_[i].deep) {
        callees[state.rule].push_back(edges_[i].rule);
      }
    }
  }
  std::vector<Rule> order;
  std::vector<bool> seen(rules_.size());
  std::vector<std::pair<Rule, size_t>> path;
  for (size_t root = 0; root < rules_.size(); ++root) {
    if (seen[root]) continue;
    seen[root] = true;
    path.emplace_back(static_cast<Rule>(root), 0);
    while (!path.empty()) {
      auto& [rule, next] = path.back();
      if (next == callees[rule].size()) {
        order.push_back(rule);
        path.pop_back();
        continue;
      }
      const Rule callee = callees[rule][next++];
      if (!seen[callee]) {
        seen[callee] = true;
        path.emplace_back(callee, 0);
      }
    }
  }
  return order;
}

void ByteGrammar::Solve() {
  std::vector<std::vector<std::pair<State, int32_t>>> into(states_.size());
  for (size_t state = 0; state < states_.size(); ++state) {
    for (int32_t i = states_[state].first_edge; i >= 0; i = edges_[i].next) {
      into[edges_[i].to].emplace_back(static_cast<State>(state), i);
    }
  }
  const std::vector<Rule> order = CalleesFirst();
  for (int depth = 0; depth <= kMaxDepth; ++depth) {
    std::vector<uint32_t> costs(states_.size(), kNoEnd);
    for (const Rule rule : order) {
      SolveRule(rules_[rule], costs_.empty() ? nullptr : &costs_.back(), into, costs);
    }
    // Depth that brings nothing shorter never will.
    if (!costs_.empty() && costs == costs_.back()) break;
    costs_.push_back(std::move(costs));
  }
}

// Dijkstra's algorithm, from the rule's end backwards. `below`: the costs with one deep call less,
// null when none is left.
void ByteGrammar::SolveRule(const RuleInfo& rule, const std::vector<uint32_t>* below,
                            const std::vector<std::vector<std::pair<State, int32_t>>>& into,
                            std::vector<uint32_t>& costs) const {
  using Entry = std::pair<uint32_t, State>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> open;
  costs[rule.end] = 0;
  open.emplace(0, rule.end);
  while (!open.empty()) {
    const auto [cost, state] = open.top();
    open.pop();
    if (cost != costs[state]) continue;
    for (const auto& [from, index] : into[state]) {
      const Edge& edge = edges_[index];
      uint32_t step = edge.kind == Kind::kByte ? 1 : 0;
      if (edge.kind == Kind::kCall) {
        const State start = rules_[edge.rule].start;
        step = !edge.deep ? costs[start] : below == nullptr ? kNoEnd : (*below)[start];
      }
      const uint32_t total = Sum(cost, step);
      if (total < costs[from]) {
        costs[from] = total;
        open.emplace(total, from);
      }
    }
  }
}

}  // namespace sightline::model
