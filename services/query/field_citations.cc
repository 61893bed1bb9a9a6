#include "services/query/field_citations.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "services/query/terms.h"

namespace sightline::query {
namespace {

constexpr size_t kLongTerms = 4;      // from here on a string may be worded a little differently
constexpr float kNearWording = 0.8f;  // share of its terms that must then be there
constexpr int kMaxScored = 64;        // fields that the scorer is asked for

// True when `wanted` stands in `text`, both normalised, and is no part of a longer ASCII word or
// number there.
bool StandsIn(absl::string_view wanted, absl::string_view text) {
  const auto joins = [](char a, char b) {
    return absl::ascii_isalnum(a) && absl::ascii_isalnum(b);
  };
  for (size_t at = text.find(wanted); at != absl::string_view::npos;
       at = text.find(wanted, at + 1)) {
    const size_t end = at + wanted.size();
    if (at > 0 && joins(text[at - 1], wanted.front())) continue;
    if (end < text.size() && joins(wanted.back(), text[end])) continue;
    return true;
  }
  return false;
}

// How well `facts` hold the leaf, (0, 1]; 0: not.
float Held(const JsonLeaf& leaf, const std::string& facts) {
  if (leaf.kind == JsonLeaf::Kind::kBool || facts.empty()) return 0;
  if (leaf.kind == JsonLeaf::Kind::kNumber) {
    // An exponent is not how documents write numbers.
    if (leaf.value.find_first_of("eE") != std::string::npos) return 0;
    const std::set<std::string> numbers = NumbersIn(facts);
    return numbers.contains(*NumbersIn(leaf.value).begin()) ? 1 : 0;
  }
  if (StandsIn(NormalisedText(leaf.value), NormalisedText(facts))) return 1;
  const std::vector<std::string> terms = ContentTerms(leaf.value);
  const bool of_digits =
      !terms.empty() && std::all_of(terms.begin(), terms.end(), [](const std::string& term) {
        return absl::ascii_isdigit(term[0]);
      });
  if (!of_digits && terms.size() < kLongTerms) return 0;
  if (CheckClaim(leaf.value, {facts}) != Verdict::kSupported) return 0;
  const float overlap = Overlap(leaf.value, facts);
  return of_digits || overlap >= kNearWording ? std::max(overlap, 0.5f) : 0;
}

std::string ClaimOf(const JsonLeaf& leaf) {
  return leaf.name.empty() ? leaf.value : absl::StrCat(leaf.name, ": ", leaf.value);
}

// What stands beside the leaf: names and values of the fields with the same parent.
std::string Beside(const JsonLeaf& leaf, const std::vector<JsonLeaf>& leaves) {
  const std::string parent = leaf.pointer.substr(0, leaf.pointer.rfind('/') + 1);
  std::string out = leaf.name;
  for (const JsonLeaf& other : leaves) {
    if (other.pointer == leaf.pointer || other.pointer.rfind('/') + 1 != parent.size() ||
        other.pointer.compare(0, parent.size(), parent) != 0) {
      continue;
    }
    absl::StrAppend(&out, " ", other.name, " ", other.value);
  }
  return out;
}

struct Found {
  size_t hit = 0;
  float support = 0;
};

std::optional<Found> FindExact(const JsonLeaf& leaf, const std::string& beside,
                               const std::vector<std::string>& facts) {
  std::optional<Found> best;
  float best_beside = -1;
  for (size_t i = 0; i < facts.size(); ++i) {
    const float held = Held(leaf, facts[i]);
    if (held == 0) continue;
    const float near = Overlap(beside, facts[i]);
    if (!best || std::pair(held, near) > std::pair(best->support, best_beside)) {
      best = Found{i, held};
      best_beside = near;
    }
  }
  return best;
}

std::optional<Found> FindEntailed(const JsonLeaf& leaf, std::span<const Hit> hits,
                                  const EntailmentScorer& scorer, const edge::CallLimits& limits) {
  const std::string claim = ClaimOf(leaf);
  std::optional<Found> best;
  for (size_t i = 0; i < hits.size(); ++i) {
    const index::Passage* const passage = &hits[i].passage;
    const absl::StatusOr<float> score = scorer(claim, std::span(&passage, 1), limits);
    if (!score.ok()) {
      edge::NoteMakeshift(limits);
      return std::nullopt;
    }
    if (*score >= kEntailed && (!best || *score > best->support)) best = Found{i, *score};
  }
  return best;
}

}  // namespace

FieldSupport CiteFields(const std::string& json, std::span<const Hit> hits, int passages,
                        const EntailmentScorer& scorer, const RegionFinder& locate,
                        const edge::CallLimits& limits) {
  hits = hits.first(std::min(hits.size(), static_cast<size_t>(passages)));
  std::vector<std::string> facts;
  for (const Hit& hit : hits) facts.push_back(FactsOf(hit.passage));
  const std::vector<JsonLeaf> leaves = JsonLeaves(json);
  FieldSupport out;
  int scored = 0;
  for (const JsonLeaf& leaf : leaves) {
    if (leaf.kind == JsonLeaf::Kind::kNull) continue;
    if (absl::StripAsciiWhitespace(leaf.value).empty()) continue;
    std::optional<Found> found = FindExact(leaf, Beside(leaf, leaves), facts);
    if (!found && scorer != nullptr && scored < kMaxScored &&
        edge::StillWanted(limits, "citing fields").ok()) {
      ++scored;
      found = FindEntailed(leaf, hits, scorer, limits);
    }
    if (!found) {
      out.unsupported.push_back(leaf.pointer);
      continue;
    }
    FieldCitation field;
    field.pointer = leaf.pointer;
    field.citation.marker = static_cast<int>(found->hit) + 1;
    field.citation.start = leaf.begin;
    field.citation.end = leaf.end;
    field.citation.hit = found->hit;
    RestOn(hits[found->hit].passage, leaf.value, field.citation);
    field.citation.verdict = Verdict::kSupported;
    field.citation.support = found->support;
    if (locate != nullptr && !field.citation.region.has_value()) {
      field.citation.region = locate(ClaimOf(leaf), hits[found->hit].passage);
    }
    out.citations.push_back(std::move(field));
  }
  return out;
}

}  // namespace sightline::query
