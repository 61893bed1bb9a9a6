#include "services/query/answer_filter.h"

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "services/query/json_leaves.h"
#include "services/query/text_filter.h"

namespace sightline::query {
namespace {

// What has a place [start, end) in an answer, moved to where that stands in the filtered text.
template <typename Placed>
Placed Moved(Placed placed, const TextFilter& text) {
  placed.start = text.MapBegin(placed.start);
  placed.end = text.MapEnd(placed.end);
  return placed;
}

// Stands between a writer and its sink. Each On… is one of the sink's calls; false stops the
// writer.
class Filter {
 public:
  Filter(const ContentRules& rules, const AnswerSink& sink)
      : sink_(sink), text_(rules), reasoning_(rules) {}

  bool OnText(absl::string_view text) {
    return FinishReasoning() && GiveText(text_.Push(text)) && !blocked();
  }
  bool OnCitation(const Citation& citation) {
    waiting_.push_back({text_.taken(), citation});
    return GiveCitations();
  }
  bool OnField(const FieldCitation& field) {
    if (!FinishText() || blocked()) return false;
    if (sink_.on_field == nullptr) return true;
    const std::string* const pointer = PointerNow(field.pointer);
    return pointer == nullptr || sink_.on_field({*pointer, Moved(field.citation, text_)});
  }
  bool OnReasoning(absl::string_view text) {
    return GiveReasoning(reasoning_.Push(text)) && !blocked();
  }
  bool Finish() { return FinishReasoning() && FinishText(); }

  bool blocked() const { return !text_.blocked_by().empty() || !reasoning_.blocked_by().empty(); }
  const absl::Status& status() const { return status_; }

  // The answer as it left.
  Answer Take(Answer answer) {
    answer.text = text_.text();
    answer.reasoning = reasoning_.text();
    for (Citation& citation : answer.citations) citation = Moved(std::move(citation), text_);
    for (SentenceVerdict& sentence : answer.sentences) {
      sentence = Moved(std::move(sentence), text_);
    }
    FieldSupport fields;
    for (FieldCitation& field : answer.fields.citations) {
      const std::string* const pointer = PointerNow(field.pointer);
      if (pointer == nullptr) continue;
      fields.citations.push_back({*pointer, Moved(std::move(field.citation), text_)});
    }
    for (const std::string& field : answer.fields.unsupported) {
      if (const auto* pointer = PointerNow(field)) fields.unsupported.push_back(*pointer);
    }
    answer.fields = std::move(fields);
    return answer;
  }
  // The same, where a rule blocks it.
  Answer TakeBlocked(Answer answer) {
    answer.abstained = false;
    answer.finish_reason = "content_filter";
    answer.citations.clear();
    answer.fields = {};
    std::erase_if(answer.sentences, [this](const SentenceVerdict& sentence) {
      return sentence.end > text_.settled();
    });
    answer = Take(std::move(answer));
    answer.citations = std::move(sent_);
    answer.warnings.push_back(absl::StrCat(
        "the answer ends where the content rule ",
        text_.blocked_by().empty() ? reasoning_.blocked_by() : text_.blocked_by(), " blocks it"));
    return answer;
  }

 private:
  // The pointer, in the JSON text that has left, of what `pointer` names in the one that was
  // written: a rule may have masked its keys. Null where there is none, because a rule took away
  // what makes it JSON. The text is finished.
  const std::string* PointerNow(const std::string& pointer) {
    if (!text_.changed()) return &pointer;
    if (!pointers_.has_value()) {
      pointers_.emplace();
      std::vector<JsonLeaf> written = JsonLeaves(text_.raw());
      std::vector<JsonLeaf> left = JsonLeaves(text_.text());
      for (size_t i = 0; i < written.size() && written.size() == left.size(); ++i) {
        pointers_->emplace(std::move(written[i].pointer), std::move(left[i].pointer));
      }
    }
    const auto found = pointers_->find(pointer);
    return found == pointers_->end() ? nullptr : &found->second;
  }

  bool GiveText(const absl::StatusOr<std::string>& text) {
    status_.Update(text.status());
    if (!text.ok() || (!text->empty() && !sink_.on_text(*text))) return false;
    return GiveCitations();
  }
  bool GiveReasoning(const absl::StatusOr<std::string>& text) {
    status_.Update(text.status());
    if (!text.ok()) return false;
    return text->empty() || sink_.on_reasoning == nullptr || sink_.on_reasoning(*text);
  }
  bool GiveCitations() {
    while (!waiting_.empty() && waiting_.front().behind <= text_.settled()) {
      sent_.push_back(Moved(std::move(waiting_.front().citation), text_));
      waiting_.pop_front();
      if (!sink_.on_citation(sent_.back())) return false;
    }
    return true;
  }
  bool FinishReasoning() { return GiveReasoning(reasoning_.Finish()) && !blocked(); }
  bool FinishText() { return GiveText(text_.Finish()); }

  struct Waiting {
    size_t behind = 0;  // bytes of the text that were written before it
    Citation citation;
  };
  const AnswerSink& sink_;
  TextFilter text_;
  TextFilter reasoning_;
  std::optional<std::map<std::string, std::string>> pointers_;  // where a rule changed the text
  std::deque<Waiting> waiting_;
  std::vector<Citation> sent_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<Answer> FilterAnswer(const ContentRules& rules, AnswerMode mode,
                                    const AnswerSink& sink, const AnswerWriter& write) {
  Filter filter(rules, sink);
  const AnswerSink filtered = {
      .on_text = [&](absl::string_view text) { return filter.OnText(text); },
      .on_citation = [&](const Citation& citation) { return filter.OnCitation(citation); },
      .on_field = [&](const FieldCitation& field) { return filter.OnField(field); },
      .on_reasoning = [&](absl::string_view text) { return filter.OnReasoning(text); }};
  absl::StatusOr<Answer> answer = write(filtered);
  // Stopping the writer at a block makes it fail.
  if (!answer.ok() && filter.status().ok() && !filter.blocked()) return answer;
  const bool wanted = !answer.ok() || filter.Finish();
  SL_RETURN_IF_ERROR(filter.status());
  if (filter.blocked()) {
    Answer stopped;
    stopped.mode = mode;
    return filter.TakeBlocked(answer.ok() ? *std::move(answer) : std::move(stopped));
  }
  if (!wanted) return absl::CancelledError("the client is gone");
  return filter.Take(*std::move(answer));
}

}  // namespace sightline::query
