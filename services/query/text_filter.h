#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/query/content_rules.h"

namespace sightline::query {

// Applies rules to a text while it is being written: what may still become part of a match waits,
// so that nothing of one leaves. However a text is cut into pieces, the same leaves in the end. Not
// thread-safe.
class TextFilter {
 public:
  // `rules` outlives the filter.
  explicit TextFilter(const ContentRules& rules);

  // Takes more of the text, whole UTF-8 characters; returns what can leave. After a match of a
  // blocking rule: what stands before the match, then nothing ever more. Errors of
  // ContentRules::Next.
  absl::StatusOr<std::string> Push(absl::string_view text);
  // The rest, as nothing follows.
  absl::StatusOr<std::string> Finish();

  const std::string& blocked_by() const { return blocked_by_; }  // a rule's name; empty = none
  const std::string& text() const { return out_; }               // all that has left
  bool changed() const { return !edits_.empty() || !blocked_by_.empty(); }  // by a rule
  size_t taken() const { return raw_.size(); }                              // bytes that came
  size_t settled() const { return settled_; }  // bytes that came and whose outcome has left

  // Where byte `raw` of what came stands in text(); inside a match: the begin or end of what stands
  // for it. `raw` is at most settled().
  size_t MapBegin(size_t raw) const { return Map(raw, /*to_end=*/false); }
  size_t MapEnd(size_t raw) const { return Map(raw, /*to_end=*/true); }
  // The other way: where byte `out` of text() stood in what came; inside what stands for a match:
  // the match's begin or end. `out` is at most text().size().
  size_t UnmapBegin(size_t out) const { return Unmap(out, /*to_end=*/false); }
  size_t UnmapEnd(size_t out) const { return Unmap(out, /*to_end=*/true); }
  const std::string& raw() const { return raw_; }  // all that came

 private:
  struct Found {
    size_t begin = 0, end = 0;  // of raw_
    size_t rule = 0;
  };
  struct Edit {
    size_t begin = 0, end = 0;          // of raw_
    size_t out_begin = 0, out_end = 0;  // of out_
  };
  absl::StatusOr<std::string> Advance(bool whole);
  void Leave(size_t raw_end);
  size_t Map(size_t raw, bool to_end) const;
  size_t Unmap(size_t out, bool to_end) const;

  const ContentRules& rules_;
  std::string raw_;
  std::string out_;
  size_t settled_ = 0;
  std::vector<size_t> decided_;  // by rule, as ContentRules::Step
  std::vector<Found> found_;     // behind settled_, in the order of their begins
  std::vector<Edit> edits_;
  std::string blocked_by_;
};

// A whole text after its rules.
struct FilteredText {
  std::string text;        // masked
  std::string blocked_by;  // the name of the rule that blocks it; empty = none
};

// `text` is valid UTF-8. Errors of ContentRules::Next.
absl::StatusOr<FilteredText> FilterText(const ContentRules& rules, absl::string_view text);

}  // namespace sightline::query
