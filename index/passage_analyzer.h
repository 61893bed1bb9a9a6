#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "index/field_weights.h"
#include "index/text_analyzer.h"
#include "index/types.h"

namespace sightline::index {

// The distinct terms of a text, ascending, with how often each stands in it.
using TermCounts = std::vector<std::pair<std::string, uint32_t>>;

// The terms by which word search finds a passage: those of its headings and of its text. Immutable;
// any thread.
class PassageAnalyzer {
 public:
  // kInvalidArgument: weights out of range; kInternal: ICU's data is not there.
  static absl::StatusOr<std::unique_ptr<PassageAnalyzer>> Create(const FieldWeights& weights = {});

  const TextAnalyzer& text() const { return *text_; }
  absl::StatusOr<TermCounts> Count(const Passage& passage) const;

  // Changes whenever the same passage may give other counts.
  std::string version() const;

 private:
  PassageAnalyzer(std::unique_ptr<const TextAnalyzer> text, const FieldWeights& weights)
      : text_(std::move(text)), weights_(weights) {}
  const std::unique_ptr<const TextAnalyzer> text_;
  const FieldWeights weights_;
};

}  // namespace sightline::index
