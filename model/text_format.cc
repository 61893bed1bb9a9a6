#include "model/text_format.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/status.h"
#include "model/format_automaton.h"
#include "model/json_schema.h"
#include "model/marked_text.h"
#include "model/regex.h"

namespace sightline::model {
namespace {

using State = FormatAutomaton::State;

constexpr float kForbidden = -std::numeric_limits<float>::infinity();
// An automaton with more states is given up for a fresh one.
constexpr size_t kMaxStates = 16'384;
// Masks beyond this are forgotten, all together.
constexpr size_t kMaxMaskBytes = size_t{8} << 20;
// New states one walk over the vocabulary may make. A format that needs more gets a part of its
// tokens, always with those of one byte: the engine's other texts wait for each walk.
constexpr size_t kMaxNewStates = 16'384;
constexpr uint64_t kMaxNewPlaces = 500'000;
// Up to so many tokens a mask is a list.
constexpr size_t kMaxListed = 512;

// Tokens that may come, as a list or, when they are many, as bits.
struct Mask {
  std::vector<int32_t> listed;
  std::vector<uint64_t> bits;
  uint32_t dearest = 0;  // largest cost after one of them

  size_t bytes() const { return listed.size() * 4 + bits.size() * 8 + sizeof(Mask); }
};

void Apply(const Mask& mask, std::span<float> logits) {
  if (mask.bits.empty()) {
    std::vector<std::pair<int32_t, float>> kept;
    for (const int32_t token : mask.listed) {
      if (static_cast<size_t>(token) < logits.size()) kept.emplace_back(token, logits[token]);
    }
    std::fill(logits.begin(), logits.end(), kForbidden);
    for (const auto& [token, logit] : kept) logits[token] = logit;
    return;
  }
  for (size_t word = 0; word * 64 < logits.size(); ++word) {
    const uint64_t bits = word < mask.bits.size() ? mask.bits[word] : 0;
    if (bits == ~uint64_t{0}) continue;
    const size_t end = std::min(logits.size(), word * 64 + 64);
    for (size_t i = word * 64; i < end; ++i) {
      if ((bits >> (i % 64) & 1) == 0) logits[i] = kForbidden;
    }
  }
}

}  // namespace

absl::StatusOr<std::shared_ptr<const ByteGrammar>> CompileFormat(const TextFormat& format) {
  if (const auto* schema = std::get_if<JsonSchemaFormat>(&format)) {
    return CompileJsonSchema(schema->schema);
  }
  if (const auto* marked = std::get_if<MarkedTextFormat>(&format)) {
    if (marked->markers < 0 || marked->markers > kMaxMarkers) {
      return absl::InvalidArgumentError(
          absl::StrCat("markers: expected 0 to ", kMaxMarkers, ", got ", marked->markers));
    }
    return CompileFormat(RegexFormat{MarkedTextPattern(marked->markers)});
  }
  const auto* regex = std::get_if<RegexFormat>(&format);
  if (regex == nullptr) return std::shared_ptr<const ByteGrammar>();
  SL_ASSIGN_OR_RETURN(const CodePointNfa nfa, ParseRegex(regex->pattern, RegexMatch::kWhole));
  auto grammar = std::make_shared<ByteGrammar>();
  const ByteGrammar::Rule whole = grammar->NewRule();
  grammar->Begin(whole);
  grammar->Text(grammar->start(), nfa, ByteGrammar::Spelling::kUtf8, grammar->end());
  grammar->End();
  if (absl::Status status = grammar->Finish(whole); !status.ok()) return Annotate(status, "regex");
  FormatAutomaton automaton(grammar);
  if (!automaton.GoesOn(automaton.Start())) {
    return absl::InvalidArgumentError("regex: only the empty text is of this form");
  }
  return std::shared_ptr<const ByteGrammar>(std::move(grammar));
}

class FormatMasks::Impl {
 public:
  Impl(std::shared_ptr<const ByteGrammar> grammar, std::shared_ptr<const TokenTrie> trie)
      : grammar_(std::move(grammar)),
        trie_(std::move(trie)),
        least_(grammar_->Cost(grammar_->root_start(), ByteGrammar::kMaxDepth)),
        tables_(std::make_shared<Tables>(grammar_)) {}

  // What the automaton and the masks made of it are in; a new one takes over when it is full.
  struct Tables {
    explicit Tables(std::shared_ptr<const ByteGrammar> grammar) : automaton(std::move(grammar)) {}
    FormatAutomaton automaton;
    absl::flat_hash_map<State, Mask> masks;
    size_t mask_bytes = 0;
  };
  // Where one text is.
  struct Place {
    std::shared_ptr<Tables> tables;
    State state = FormatAutomaton::kDead;
  };

  int64_t least() const { return least_; }
  const TokenTrie& trie() const { return *trie_; }

  Place Start() {
    absl::MutexLock lock(&mu_);
    return {tables_, tables_->automaton.Start()};
  }

  void Advance(Place& place, int32_t token) {
    absl::MutexLock lock(&mu_);
    Renew(place);
    const absl::string_view bytes = trie_->Bytes(token);
    if (bytes.empty()) place.state = FormatAutomaton::kDead;
    for (const char c : bytes) {
      if (place.state == FormatAutomaton::kDead) return;
      place.state = place.tables->automaton.Next(place.state, static_cast<uint8_t>(c));
    }
  }

  bool IsWhole(const Place& place) {
    absl::MutexLock lock(&mu_);
    return place.state != FormatAutomaton::kDead && place.tables->automaton.Accepts(place.state);
  }
  bool GoesOn(const Place& place) {
    absl::MutexLock lock(&mu_);
    return place.state == FormatAutomaton::kDead || place.tables->automaton.GoesOn(place.state);
  }

  void Restrict(Place& place, int64_t left, std::span<float> logits) {
    absl::MutexLock lock(&mu_);
    Renew(place);
    if (place.state == FormatAutomaton::kDead) {
      std::fill(logits.begin(), logits.end(), kForbidden);
      return;
    }
    const Mask& mask = MaskOf(*place.tables, place.state);
    if (mask.dearest < left) {
      Apply(mask, logits);
    } else {
      Apply(Walk(*place.tables, place.state, static_cast<uint32_t>(left - 1)), logits);
    }
  }

 private:
  // Moves `place` into the tables in use, and these on when they are full.
  void Renew(Place& place) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (tables_->automaton.size() > kMaxStates) tables_ = std::make_shared<Tables>(grammar_);
    if (place.tables == tables_) return;
    place.state = tables_->automaton.Import(place.tables->automaton, place.state);
    place.tables = tables_;
  }

  const Mask& MaskOf(Tables& tables, State state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const auto known = tables.masks.find(state);
    if (known != tables.masks.end()) return known->second;
    Mask mask = Walk(tables, state, std::numeric_limits<uint32_t>::max());
    if (tables.mask_bytes + mask.bytes() > kMaxMaskBytes) {
      tables.masks.clear();
      tables.mask_bytes = 0;
    }
    tables.mask_bytes += mask.bytes();
    return tables.masks.emplace(state, std::move(mask)).first->second;
  }

  // The tokens after which the text can be completed in `most` bytes.
  Mask Walk(Tables& tables, State from, uint32_t most) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    FormatAutomaton& automaton = tables.automaton;
    const std::vector<TokenTrie::Node>& nodes = trie_->nodes();
    found_.clear();
    uint32_t dearest = 0;
    const auto take = [&](const TokenTrie::Node& node, State state) {
      if (node.token < 0) return;
      const uint32_t cost = automaton.Cost(state);
      if (cost > most) return;
      found_.push_back(node.token);
      dearest = std::max(dearest, cost);
    };
    // Those of one byte first: one of them leads to the end, whatever is left out behind them.
    for (int32_t i = 0; i < static_cast<int32_t>(nodes.size()); i = nodes[i].skip) {
      const State state = automaton.Next(from, nodes[i].byte);
      if (state != FormatAutomaton::kDead) take(nodes[i], state);
    }
    path_.resize(static_cast<size_t>(trie_->depth()) + 1);
    path_[0] = from;
    const size_t size_limit = automaton.size() + kMaxNewStates;
    const uint64_t work_limit = automaton.work() + kMaxNewPlaces;
    for (int32_t i = 0; i < static_cast<int32_t>(nodes.size());) {
      const TokenTrie::Node& node = nodes[i];
      const State state = automaton.Next(path_[node.depth - 1], node.byte);
      if (state == FormatAutomaton::kDead) {
        i = node.skip;
        continue;
      }
      path_[node.depth] = state;
      if (node.depth > 1) take(node, state);
      ++i;
      if (automaton.size() > size_limit || automaton.work() > work_limit) break;
    }
    Mask mask;
    mask.dearest = dearest;
    if (found_.size() <= kMaxListed) {
      mask.listed = found_;
    } else {
      mask.bits.resize((static_cast<size_t>(trie_->vocab_size()) + 63) / 64);
      for (const int32_t token : found_) mask.bits[token / 64] |= uint64_t{1} << (token % 64);
    }
    return mask;
  }

  const std::shared_ptr<const ByteGrammar> grammar_;
  const std::shared_ptr<const TokenTrie> trie_;
  const int64_t least_;
  absl::Mutex mu_;
  std::shared_ptr<Tables> tables_ ABSL_GUARDED_BY(mu_);
  // Of the walk under way, kept to allocate once.
  std::vector<int32_t> found_ ABSL_GUARDED_BY(mu_);
  std::vector<State> path_ ABSL_GUARDED_BY(mu_);
};

class FormatMasks::Constraint : public TokenConstraint {
 public:
  Constraint(std::shared_ptr<FormatMasks> masks, std::vector<int32_t> end_tokens)
      : masks_(std::move(masks)),
        end_tokens_(std::move(end_tokens)),
        place_(masks_->impl_->Start()) {}

  int64_t MinTokens() const override { return masks_->MinTokens(); }

  void Apply(std::span<const int32_t> generated, int64_t left, std::span<float> logits) override {
    Follow(generated);
    std::vector<std::pair<int32_t, float>> ends;
    if (masks_->impl_->IsWhole(place_)) {
      for (const int32_t id : end_tokens_) {
        if (id >= 0 && static_cast<size_t>(id) < logits.size()) ends.emplace_back(id, logits[id]);
      }
    }
    masks_->impl_->Restrict(place_, left, logits);
    for (const auto& [id, logit] : ends) logits[id] = logit;
  }

  bool Complete(std::span<const int32_t> generated) override {
    Follow(generated);
    return !masks_->impl_->GoesOn(place_);
  }

 private:
  void Follow(std::span<const int32_t> generated) {
    for (; followed_ < generated.size(); ++followed_) {
      masks_->impl_->Advance(place_, generated[followed_]);
    }
  }

  const std::shared_ptr<FormatMasks> masks_;
  const std::vector<int32_t> end_tokens_;
  Impl::Place place_;
  size_t followed_ = 0;  // tokens of the text that `place_` is behind
};

FormatMasks::FormatMasks(std::shared_ptr<const ByteGrammar> grammar,
                         std::shared_ptr<const TokenTrie> trie)
    : impl_(std::make_unique<Impl>(std::move(grammar), std::move(trie))) {}
FormatMasks::~FormatMasks() = default;

int64_t FormatMasks::MinTokens() const { return impl_->least(); }

std::unique_ptr<TokenConstraint> FormatMasks::NewConstraint(std::shared_ptr<FormatMasks> masks,
                                                            std::vector<int32_t> end_tokens) {
  return std::make_unique<Constraint>(std::move(masks), std::move(end_tokens));
}

}  // namespace sightline::model
