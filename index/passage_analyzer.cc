#include "index/passage_analyzer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace sightline::index {
namespace {

bool IsInRange(int weight) { return weight >= 0 && weight <= kMaxFieldWeight; }

}  // namespace

absl::StatusOr<std::unique_ptr<PassageAnalyzer>> PassageAnalyzer::Create(
    const FieldWeights& weights) {
  if (!IsInRange(weights.heading) || !IsInRange(weights.text) ||
      weights.heading + weights.text == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("index: the weights of headings and texts are ", weights.heading, " and ",
                     weights.text, ", expected 0 to ", kMaxFieldWeight, ", not both 0"));
  }
  SL_ASSIGN_OR_RETURN(auto text, TextAnalyzer::Create());
  return std::unique_ptr<PassageAnalyzer>(new PassageAnalyzer(std::move(text), weights));
}

absl::StatusOr<TermCounts> PassageAnalyzer::Count(const Passage& passage) const {
  TermCounts terms;
  const auto add = [&](const std::string& field, int weight) -> absl::Status {
    if (weight == 0) return absl::OkStatus();
    SL_ASSIGN_OR_RETURN(std::vector<std::string> found, text_->Terms(field));
    for (std::string& term : found) terms.emplace_back(std::move(term), weight);
    return absl::OkStatus();
  };
  SL_RETURN_IF_ERROR(add(passage.heading, weights_.heading));
  SL_RETURN_IF_ERROR(add(passage.text, weights_.text));
  std::sort(terms.begin(), terms.end());
  TermCounts counts;
  for (auto& [term, weight] : terms) {
    if (!counts.empty() && counts.back().first == term) {
      counts.back().second += weight;
    } else {
      counts.emplace_back(std::move(term), weight);
    }
  }
  return counts;
}

std::string PassageAnalyzer::version() const {
  if (weights_.heading == 1 && weights_.text == 1) return text_->version();
  return absl::StrCat(text_->version(), ", headings ", weights_.heading, ", texts ", weights_.text);
}

}  // namespace sightline::index
