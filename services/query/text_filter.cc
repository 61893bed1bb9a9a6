#include "services/query/text_filter.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace sightline::query {

TextFilter::TextFilter(const ContentRules& rules) : rules_(rules), decided_(rules.size(), 0) {}

absl::StatusOr<std::string> TextFilter::Push(absl::string_view text) {
  if (!blocked_by_.empty()) return std::string();
  raw_.append(text.data(), text.size());
  return Advance(/*whole=*/false);
}

absl::StatusOr<std::string> TextFilter::Finish() {
  if (!blocked_by_.empty()) return std::string();
  return Advance(/*whole=*/true);
}

absl::StatusOr<std::string> TextFilter::Advance(bool whole) {
  size_t frontier = raw_.size();  // before it every match of every rule is found
  for (size_t rule = 0; rule < rules_.size(); ++rule) {
    while (true) {
      SL_ASSIGN_OR_RETURN(const ContentRules::Step step,
                          rules_.Next(rule, raw_, decided_[rule], whole));
      decided_[rule] = step.decided;
      if (!step.match.has_value()) break;
      found_.push_back({step.match->begin, step.match->end, rule});
    }
    frontier = std::min(frontier, decided_[rule]);
  }
  std::stable_sort(found_.begin(), found_.end(),
                   [](const Found& a, const Found& b) { return a.begin < b.begin; });
  const size_t sent = out_.size();
  size_t done = 0;
  while (done < found_.size() && found_[done].begin < frontier) {
    // Matches that overlap go as one, under the first's name; one that blocks blocks all.
    const Found& first = found_[done];
    size_t end = first.end;
    size_t next = done;
    const Found* blocking = nullptr;
    for (; next < found_.size() && (next == done || found_[next].begin < end); ++next) {
      end = std::max(end, found_[next].end);
      if (blocking == nullptr && rules_.action(found_[next].rule) == RuleAction::kBlock) {
        blocking = &found_[next];
      }
    }
    if (end > frontier) break;
    Leave(first.begin);
    if (blocking != nullptr) {
      blocked_by_ = rules_.name(blocking->rule);
      return out_.substr(sent);
    }
    const size_t out_begin = out_.size();
    absl::StrAppend(&out_, "[", rules_.name(first.rule), "]");
    edits_.push_back({first.begin, end, out_begin, out_.size()});
    settled_ = end;
    done = next;
  }
  Leave(done < found_.size() ? std::min(frontier, found_[done].begin) : frontier);
  found_.erase(found_.begin(), found_.begin() + static_cast<ptrdiff_t>(done));
  return out_.substr(sent);
}

void TextFilter::Leave(size_t raw_end) {
  out_.append(raw_, settled_, raw_end - settled_);
  settled_ = raw_end;
}

size_t TextFilter::Map(size_t raw, bool to_end) const {
  const auto behind = std::upper_bound(edits_.begin(), edits_.end(), raw,
                                       [](size_t at, const Edit& edit) { return at < edit.begin; });
  if (behind == edits_.begin()) return raw;
  const Edit& edit = *(behind - 1);
  if (raw >= edit.end) return edit.out_end + (raw - edit.end);
  return to_end && raw > edit.begin ? edit.out_end : edit.out_begin;
}

size_t TextFilter::Unmap(size_t out, bool to_end) const {
  const auto behind =
      std::upper_bound(edits_.begin(), edits_.end(), out,
                       [](size_t at, const Edit& edit) { return at < edit.out_begin; });
  if (behind == edits_.begin()) return out;
  const Edit& edit = *(behind - 1);
  if (out >= edit.out_end) return edit.end + (out - edit.out_end);
  return to_end && out > edit.out_begin ? edit.end : edit.begin;
}

absl::StatusOr<FilteredText> FilterText(const ContentRules& rules, absl::string_view text) {
  TextFilter filter(rules);
  SL_RETURN_IF_ERROR(filter.Push(text).status());
  SL_RETURN_IF_ERROR(filter.Finish().status());
  return FilteredText{filter.text(), filter.blocked_by()};
}

}  // namespace sightline::query
