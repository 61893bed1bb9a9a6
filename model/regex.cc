#include "model/regex.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/utf8.h"

namespace sightline::model {
namespace {

constexpr size_t kMaxPattern = 64 << 10;  // bytes
constexpr int kMaxGroups = 100;           // inside one another
constexpr int kMaxRepeat = 65'535;
constexpr int kUnbounded = -1;

absl::Status TooLarge() {
  return absl::InvalidArgumentError(absl::StrCat("regex: needs over ", kMaxRegexStates, " states"));
}

CodePointSet AsciiSpaces() {
  CodePointSet set = CodePointSet::Of('\t', '\r');
  set.Add(' ', ' ');
  return set;
}

CodePointSet Digits() { return CodePointSet::Of('0', '9'); }

CodePointSet WordCharacters() {
  CodePointSet set = Digits();
  set.Add('A', 'Z');
  set.Add('a', 'z');
  set.Add('_', '_');
  return set;
}

CodePointSet WithoutNul(const CodePointSet& set) {
  return set.Intersection(CodePointSet::Of(1, 0x10FFFF));
}

// Readers disagree on what white space is beyond ASCII: \s is what all agree on, \S also leaves out
// what any of them calls a space.
CodePointSet NotSpaces() {
  CodePointSet spaces = AsciiSpaces();
  for (const auto& [first, last] : std::initializer_list<CodePointSet::Range>{{0x85, 0x85},
                                                                              {0xA0, 0xA0},
                                                                              {0x1680, 0x1680},
                                                                              {0x180E, 0x180E},
                                                                              {0x2000, 0x200A},
                                                                              {0x2028, 0x2029},
                                                                              {0x202F, 0x202F},
                                                                              {0x205F, 0x205F},
                                                                              {0x3000, 0x3000},
                                                                              {0xFEFF, 0xFEFF}}) {
    spaces.Add(first, last);
  }
  return WithoutNul(spaces.Complement());
}

CodePointSet AnyButLineEnds() {
  CodePointSet ends = CodePointSet::Of('\n', '\r');
  ends.Add(0x85, 0x85);
  ends.Add(0x2028, 0x2029);
  return WithoutNul(ends.Complement());
}

struct Node {
  enum class Kind { kEmpty, kSet, kSequence, kAlternatives, kRepeat };
  Kind kind = Kind::kEmpty;
  CodePointSet set = {};
  std::vector<Node> children = {};
  int min = 0, max = 0;  // kRepeat; max kUnbounded = no limit
};

// An alternative of the outermost level.
struct Branch {
  Node node;
  bool at_begin = false;
  bool at_end = false;
};

class Parser {
 public:
  explicit Parser(std::vector<uint32_t> pattern) : pattern_(std::move(pattern)) {}

  absl::StatusOr<std::vector<Branch>> Parse() {
    std::vector<Branch> branches;
    do {
      Branch branch;
      branch.at_begin = Take('^');
      SL_ASSIGN_OR_RETURN(branch.node, Sequence(0));
      branch.at_end = Take('$');
      branches.push_back(std::move(branch));
    } while (Take('|'));
    if (more()) return Fault(peek() == ')' ? "a ) without its (" : "not understood here");
    return branches;
  }

 private:
  bool more() const { return at_ < pattern_.size(); }
  uint32_t peek() const { return pattern_[at_]; }
  bool Take(uint32_t c) {
    if (!more() || peek() != c) return false;
    ++at_;
    return true;
  }
  bool Next(const char* text) const {
    size_t i = at_;
    for (; *text != 0; ++text, ++i) {
      if (i >= pattern_.size() || pattern_[i] != static_cast<uint32_t>(*text)) return false;
    }
    return true;
  }
  absl::Status FaultAt(size_t at, absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat("regex: character ", at + 1, ": ", what));
  }
  absl::Status Fault(absl::string_view what) const { return FaultAt(at_, what); }

  absl::StatusOr<Node> Alternatives(int depth) {
    Node out;
    out.kind = Node::Kind::kAlternatives;
    do {
      SL_ASSIGN_OR_RETURN(Node node, Sequence(depth));
      out.children.push_back(std::move(node));
    } while (Take('|'));
    return out;
  }

  // Up to a |, a ) or, outermost, a $ in front of one of them.
  absl::StatusOr<Node> Sequence(int depth) {
    Node out;
    out.kind = Node::Kind::kSequence;
    while (more() && peek() != '|' && peek() != ')') {
      if (depth == 0 && peek() == '$' && (at_ + 1 == pattern_.size() || pattern_[at_ + 1] == '|')) {
        break;
      }
      SL_ASSIGN_OR_RETURN(Node atom, Atom(depth));
      SL_ASSIGN_OR_RETURN(Node item, Repeats(std::move(atom)));
      out.children.push_back(std::move(item));
    }
    return out;
  }

  absl::StatusOr<Node> Repeats(Node atom) {
    bool repeated = false;
    while (more()) {
      const size_t begin = at_;
      int min = 0;
      int max = kUnbounded;
      if (Take('*')) {
      } else if (Take('+')) {
        min = 1;
      } else if (Take('?')) {
        // Behind another one it asks for as little as possible: the same texts.
        if (repeated) {
          repeated = false;
          continue;
        }
        max = 1;
      } else if (peek() == '{') {
        SL_RETURN_IF_ERROR(Counts(min, max));
      } else {
        break;
      }
      if (repeated) return FaultAt(begin, "a repeat of a repeat");
      repeated = true;
      Node out;
      out.kind = Node::Kind::kRepeat;
      out.min = min;
      out.max = max;
      out.children.push_back(std::move(atom));
      atom = std::move(out);
    }
    return atom;
  }

  absl::Status Counts(int& min, int& max) {
    const size_t begin = at_++;
    const auto number = [&](int& out) {
      const size_t first = at_;
      int64_t value = 0;
      while (more() && peek() >= '0' && peek() <= '9') {
        value = std::min<int64_t>(value * 10 + (peek() - '0'), kMaxRepeat + 1);
        ++at_;
      }
      out = static_cast<int>(value);
      return at_ > first;
    };
    if (!number(min)) return FaultAt(begin, "expected {n}, {n,} or {n,m}; a brace itself is \\{");
    max = min;
    if (Take(',') && !number(max)) max = kUnbounded;
    if (!Take('}')) return FaultAt(begin, "expected {n}, {n,} or {n,m}; a brace itself is \\{");
    if (min > kMaxRepeat || max > kMaxRepeat) {
      return FaultAt(begin, absl::StrCat("a count over ", kMaxRepeat));
    }
    if (max != kUnbounded && max < min) return FaultAt(begin, "counts in the wrong order");
    return absl::OkStatus();
  }

  absl::StatusOr<Node> Atom(int depth) {
    const uint32_t c = peek();
    if (c == '(') return Group(depth);
    Node out;
    out.kind = Node::Kind::kSet;
    if (c == '[') {
      SL_ASSIGN_OR_RETURN(out.set, Class());
      return out;
    }
    if (c == '\\') {
      SL_ASSIGN_OR_RETURN(out.set, Escape(/*in_class=*/false));
      return out;
    }
    switch (c) {
      case '^': return Fault("^ is understood in front of an outermost alternative only");
      case '$': return Fault("$ is understood behind an outermost alternative only");
      case '*':
      case '+':
      case '?': return Fault("nothing to repeat");
      case '{': return Fault("nothing to repeat; a brace itself is \\{");
      default: break;
    }
    ++at_;
    out.set = c == '.' ? AnyButLineEnds() : CodePointSet::Of(c, c);
    return out;
  }

  absl::StatusOr<Node> Group(int depth) {
    const size_t begin = at_++;
    if (depth >= kMaxGroups) {
      return FaultAt(begin, absl::StrCat("more than ", kMaxGroups, " groups in one another"));
    }
    if (Next("?:")) {
      at_ += 2;
    } else if (Next("?<=") || Next("?<!") || Next("?=") || Next("?!")) {
      return FaultAt(begin, "look-around is not supported");
    } else if (Next("?<") || Next("?P<")) {
      while (more() && peek() != '>') ++at_;
      if (!Take('>')) return FaultAt(begin, "a group's name without its >");
    } else if (Next("?")) {
      return FaultAt(begin, "this kind of group is not supported");
    }
    SL_ASSIGN_OR_RETURN(Node out, Alternatives(depth + 1));
    if (!Take(')')) return FaultAt(begin, "a ( without its )");
    return out;
  }

  // What stands behind a backslash. In a class \b is the backspace.
  absl::StatusOr<CodePointSet> Escape(bool in_class) {
    const size_t begin = at_++;
    if (!more()) return FaultAt(begin, "a backslash at the end");
    const uint32_t c = pattern_[at_++];
    switch (c) {
      case 'd': return Digits();
      case 'D': return WithoutNul(Digits().Complement());
      case 'w': return WordCharacters();
      case 'W': return WithoutNul(WordCharacters().Complement());
      case 's': return AsciiSpaces();
      case 'S': return NotSpaces();
      case 't': return CodePointSet::Of('\t', '\t');
      case 'n': return CodePointSet::Of('\n', '\n');
      case 'r': return CodePointSet::Of('\r', '\r');
      case 'f': return CodePointSet::Of('\f', '\f');
      case 'v': return CodePointSet::Of('\v', '\v');
      case 'x': return Hex(begin, 2);
      case 'u':
        if (Next("{")) return Braced(begin);
        return Hex(begin, 4);
      case 'p':
      case 'P': {
        if (!Take('{')) return FaultAt(begin, "expected \\p{NAME}");
        std::string name;
        while (more() && peek() != '}') {
          name.push_back(peek() < 0x80 ? static_cast<char>(peek()) : '?');
          ++at_;
        }
        if (!Take('}')) return FaultAt(begin, "expected \\p{NAME}");
        absl::StatusOr<CodePointSet> set = CodePointSet::Property(name);
        if (!set.ok()) return FaultAt(begin, set.status().message());
        return WithoutNul(c == 'p' ? *set : set->Complement());
      }
      case 'b':
        if (in_class) return CodePointSet::Of('\b', '\b');
        return FaultAt(begin, "word boundaries are not supported");
      default: break;
    }
    if (c == '0' && !(more() && peek() >= '0' && peek() <= '9')) return CodePointSet::Of(0, 0);
    if (c >= '0' && c <= '9') return FaultAt(begin, "back references are not supported");
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      return FaultAt(begin, "this escape is not supported");
    }
    return CodePointSet::Of(c, c);
  }

  // -1: not a hexadecimal digit.
  static int HexDigit(uint32_t c) {
    if (c >= '0' && c <= '9') return static_cast<int>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<int>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<int>(c - 'A' + 10);
    return -1;
  }

  absl::StatusOr<CodePointSet> Hex(size_t begin, int digits) {
    uint32_t value = 0;
    for (int i = 0; i < digits; ++i) {
      const int digit = more() ? HexDigit(peek()) : -1;
      if (digit < 0)
        return FaultAt(begin, absl::StrCat("expected ", digits, " hexadecimal digits"));
      value = value * 16 + static_cast<uint32_t>(digit);
      ++at_;
    }
    return Scalar(begin, value);
  }

  absl::StatusOr<CodePointSet> Braced(size_t begin) {
    ++at_;
    uint32_t value = 0;
    const size_t first = at_;
    while (more() && HexDigit(peek()) >= 0 && at_ - first < 6) {
      value = value * 16 + static_cast<uint32_t>(HexDigit(peek()));
      ++at_;
    }
    if (at_ == first || !Take('}')) return FaultAt(begin, "expected \\u{…} with 1 to 6 digits");
    return Scalar(begin, value);
  }

  absl::StatusOr<CodePointSet> Scalar(size_t begin, uint32_t value) const {
    CodePointSet set = CodePointSet::Of(value, value);
    if (set.empty()) return FaultAt(begin, "not a character of Unicode");
    return set;
  }

  absl::StatusOr<CodePointSet> Class() {
    const size_t begin = at_++;
    const bool negated = Take('^');
    CodePointSet set;
    while (more() && peek() != ']') {
      const size_t item_at = at_;
      SL_ASSIGN_OR_RETURN(CodePointSet item, ClassItem());
      const bool range = Next("-") && at_ + 1 < pattern_.size() && pattern_[at_ + 1] != ']';
      if (!range) {
        set.Add(item);
        continue;
      }
      ++at_;
      SL_ASSIGN_OR_RETURN(const CodePointSet last, ClassItem());
      if (!IsOne(item) || !IsOne(last)) return FaultAt(item_at, "a range between classes");
      const uint32_t from = item.ranges().front().first;
      const uint32_t to = last.ranges().front().first;
      if (from > to) return FaultAt(item_at, "a range in the wrong order");
      set.Add(from, to);
    }
    if (!Take(']')) return FaultAt(begin, "a [ without its ]");
    if (negated) set = WithoutNul(set.Complement());
    if (set.empty()) return FaultAt(begin, "an empty class");
    return set;
  }

  absl::StatusOr<CodePointSet> ClassItem() {
    if (Next("[:") || Next("[=") || Next("[.")) return Fault("POSIX classes are not supported");
    if (peek() == '\\') return Escape(/*in_class=*/true);
    const uint32_t c = pattern_[at_++];
    return CodePointSet::Of(c, c);
  }

  static bool IsOne(const CodePointSet& set) {
    return set.ranges().size() == 1 && set.ranges().front().first == set.ranges().front().second;
  }

  const std::vector<uint32_t> pattern_;
  size_t at_ = 0;
};

// Thompson's construction; counted repeats are written out.
class Builder {
 public:
  Builder() { nfa_.edges.resize(1); }

  int NewState() {
    nfa_.edges.emplace_back();
    return static_cast<int>(nfa_.edges.size()) - 1;
  }
  void Empty(int from, int to) { nfa_.edges[from].push_back({CodePointNfa::kNoCodePoint, to}); }
  void Set(int from, const CodePointSet& set, int to) {
    if (nfa_.sets.empty() || !(nfa_.sets.back() == set)) nfa_.sets.push_back(set);
    nfa_.edges[from].push_back({static_cast<int>(nfa_.sets.size()) - 1, to});
  }

  // Adds `node` behind `from`; the state behind it.
  absl::StatusOr<int> Add(const Node& node, int from) {
    if (++work_ > 4 * kMaxRegexStates || nfa_.edges.size() > kMaxRegexStates) return TooLarge();
    switch (node.kind) {
      case Node::Kind::kEmpty: return from;
      case Node::Kind::kSet: {
        const int to = NewState();
        Set(from, node.set, to);
        return to;
      }
      case Node::Kind::kSequence:
        for (const Node& child : node.children) {
          SL_ASSIGN_OR_RETURN(from, Add(child, from));
        }
        return from;
      case Node::Kind::kAlternatives: {
        const int to = NewState();
        for (const Node& child : node.children) {
          const int begin = NewState();
          Empty(from, begin);
          SL_ASSIGN_OR_RETURN(const int end, Add(child, begin));
          Empty(end, to);
        }
        return to;
      }
      case Node::Kind::kRepeat: return Repeat(node, from);
    }
    return from;
  }

  CodePointNfa Take(int end) {
    nfa_.start = 0;
    nfa_.end = end;
    return std::move(nfa_);
  }

 private:
  absl::StatusOr<int> Repeat(const Node& node, int from) {
    const Node& body = node.children.front();
    for (int i = 0; i < node.min; ++i) {
      SL_ASSIGN_OR_RETURN(from, Add(body, from));
    }
    const int to = NewState();
    if (node.max == kUnbounded) {
      Empty(from, to);
      SL_ASSIGN_OR_RETURN(const int end, Add(body, to));
      Empty(end, to);
      // What follows must not become a part of the loop.
      const int behind = NewState();
      Empty(to, behind);
      return behind;
    }
    for (int i = node.min; i < node.max; ++i) {
      Empty(from, to);
      SL_ASSIGN_OR_RETURN(from, Add(body, from));
    }
    Empty(from, to);
    return to;
  }

  CodePointNfa nfa_;
  int64_t work_ = 0;
};

// Loops on `state` over everything a text may hold.
void Anything(Builder& builder, int state) {
  builder.Set(state, WithoutNul(CodePointSet::All()), state);
}

}  // namespace

absl::StatusOr<CodePointNfa> ParseRegex(absl::string_view pattern, RegexMatch match) {
  if (pattern.size() > kMaxPattern) {
    return absl::InvalidArgumentError(
        absl::StrCat("regex: ", pattern.size(), " bytes, expected at most ", kMaxPattern));
  }
  if (!IsValidUtf8(pattern)) return absl::InvalidArgumentError("regex: not UTF-8");
  SL_ASSIGN_OR_RETURN(const std::vector<Branch> branches, Parser(CodePointsOf(pattern)).Parse());
  Builder builder;
  const int end = builder.NewState();
  for (const Branch& branch : branches) {
    const int begin = builder.NewState();
    builder.Empty(0, begin);
    if (match == RegexMatch::kAnywhere && !branch.at_begin) Anything(builder, begin);
    const int body = builder.NewState();
    builder.Empty(begin, body);
    SL_ASSIGN_OR_RETURN(const int last, builder.Add(branch.node, body));
    const int behind = builder.NewState();
    builder.Empty(last, behind);
    if (match == RegexMatch::kAnywhere && !branch.at_end) Anything(builder, behind);
    builder.Empty(behind, end);
  }
  return builder.Take(end);
}

absl::StatusOr<CodePointNfa> WithLength(const CodePointNfa& nfa, int64_t min, int64_t max) {
  // States are those of `nfa` with the number of code points so far, which without an upper limit
  // stops to count at `min`.
  const int64_t top = max < 0 ? min : max;
  CodePointNfa out;
  out.sets = nfa.sets;
  absl::flat_hash_map<std::pair<int, int64_t>, int> known;
  std::vector<std::pair<int, int64_t>> open;
  const auto state = [&](int from, int64_t count) {
    const auto [it, is_new] = known.try_emplace({from, count}, static_cast<int>(out.edges.size()));
    if (is_new) {
      out.edges.emplace_back();
      open.emplace_back(from, count);
    }
    return it->second;
  };
  out.start = state(nfa.start, 0);
  out.end = static_cast<int>(out.edges.size());
  out.edges.emplace_back();
  while (!open.empty()) {
    if (out.edges.size() > kMaxRegexStates) return TooLarge();
    const auto [from, count] = open.back();
    open.pop_back();
    const int made = state(from, count);
    if (from == nfa.end && count >= min) {
      out.edges[made].push_back({CodePointNfa::kNoCodePoint, out.end});
    }
    for (const CodePointNfa::Edge& edge : nfa.edges[from]) {
      const bool empty = edge.set == CodePointNfa::kNoCodePoint;
      if (!empty && count == top && max >= 0) continue;
      const int to = state(edge.to, empty ? count : std::min(count + 1, top));
      out.edges[made].push_back({edge.set, to});
    }
  }
  return out;
}

CodePointNfa AnyOf(const CodePointSet& set) {
  CodePointNfa nfa;
  nfa.edges = {{{0, 0}}};
  nfa.sets = {set};
  return nfa;
}

}  // namespace sightline::model
