#pragma once

#include <span>
#include <string>
#include <vector>

#include "services/query/entailment.h"
#include "services/query/grounded_writer.h"
#include "services/query/hits.h"
#include "services/query/json_leaves.h"

namespace sightline::query {

// The citation of one value of a JSON answer: its span is the value's place in the text.
struct FieldCitation {
  std::string pointer;  // as of JsonLeaf
  Citation citation;
};

struct FieldSupport {
  std::vector<FieldCitation> citations;  // at most one a field, in the order of the text
  std::vector<std::string> unsupported;  // pointers of the fields that no passage supports
};

// Finds for each leaf of `json` the passage it stands in, among hits[0..passages). Exact checks
// first: a number and a string of digits by value, a short string letter by letter (case and white
// space aside), a longer one also where nearly all of its words are there. Of several passages the
// one that shares most with the names and values beside the leaf. What they do not find, and true
// and false, `scorer` (may be null) is asked for, of each passage, as "name: value". null and ""
// state nothing and are neither cited nor missed. `locate` (may be null) is asked where the picture
// of a passage that was found shows it.
//
// "Supported" says that the value stands in the passage, not that the passage gives it the meaning
// of the field's name.
FieldSupport CiteFields(const std::string& json, std::span<const Hit> hits, int passages,
                        const EntailmentScorer& scorer, const RegionFinder& locate,
                        const edge::CallLimits& limits);

}  // namespace sightline::query
