#include "services/query/message_filter.h"

#include <google/protobuf/struct.pb.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "services/edge/error_details.h"
#include "services/query/text_filter.h"

namespace sightline::query {
namespace {

absl::Status FilterString(const ContentRules& rules, std::string& text) {
  if (text.empty()) return absl::OkStatus();
  SL_ASSIGN_OR_RETURN(FilteredText filtered, FilterText(rules, text));
  text = filtered.blocked_by.empty() ? std::move(filtered.text)
                                     : absl::StrCat("[blocked: ", filtered.blocked_by, "]");
  return absl::OkStatus();
}

absl::Status FilterContent(const ContentRules& rules, const std::string& field,
                           google::protobuf::RepeatedPtrField<v1::Content>& parts) {
  for (int i = 0; i < parts.size(); ++i) {
    if (parts[i].part_case() != v1::Content::kText) continue;
    SL_RETURN_IF_ERROR(
        FilterQuestionText(rules, absl::StrCat(field, "[", i, "]"), *parts[i].mutable_text()));
  }
  return absl::OkStatus();
}

// As deep as the metadata is; what stores it bounds that.
absl::Status FilterValue(const ContentRules& rules, google::protobuf::Value& value) {
  if (value.kind_case() == google::protobuf::Value::kStringValue) {
    return FilterString(rules, *value.mutable_string_value());
  }
  if (value.kind_case() == google::protobuf::Value::kListValue) {
    for (google::protobuf::Value& item : *value.mutable_list_value()->mutable_values()) {
      SL_RETURN_IF_ERROR(FilterValue(rules, item));
    }
  }
  if (value.kind_case() == google::protobuf::Value::kStructValue) {
    for (auto& [name, field] : *value.mutable_struct_value()->mutable_fields()) {
      SL_RETURN_IF_ERROR(FilterValue(rules, field));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status FilterPassage(const ContentRules& rules, v1::Passage& passage) {
  SL_RETURN_IF_ERROR(FilterString(rules, *passage.mutable_text()));
  SL_RETURN_IF_ERROR(FilterString(rules, *passage.mutable_heading()));
  if (!passage.has_metadata()) return absl::OkStatus();
  for (auto& [name, value] : *passage.mutable_metadata()->mutable_fields()) {
    SL_RETURN_IF_ERROR(FilterValue(rules, value));
  }
  return absl::OkStatus();
}

absl::Status FilterHits(const ContentRules& rules,
                        google::protobuf::RepeatedPtrField<v1::Hit>& hits) {
  for (v1::Hit& hit : hits) {
    const std::string before = hit.passage().text() + hit.passage().heading();
    SL_RETURN_IF_ERROR(FilterPassage(rules, *hit.mutable_passage()));
    // They stand in the passage, in another case or cut up: what was taken out may be among them.
    if (before != hit.passage().text() + hit.passage().heading()) hit.clear_led_by();
    // As one text: a rule may look for several words in a row.
    const std::string led_by = absl::StrJoin(hit.led_by(), " ");
    std::string leaving = led_by;
    SL_RETURN_IF_ERROR(FilterString(rules, leaving));
    if (leaving != led_by) {
      hit.clear_led_by();
      hit.add_led_by(std::move(leaving));
    }
    for (v1::Neighbour& neighbour : *hit.mutable_neighbours()) {
      SL_RETURN_IF_ERROR(FilterString(rules, *neighbour.mutable_heading()));
      SL_RETURN_IF_ERROR(FilterString(rules, *neighbour.mutable_text()));
    }
  }
  return absl::OkStatus();
}

absl::Status FilterCitation(const ContentRules& rules, v1::Citation& citation) {
  SL_RETURN_IF_ERROR(FilterString(rules, *citation.mutable_snippet()));
  return FilterPassage(rules, *citation.mutable_hit()->mutable_passage());
}

absl::Status FilterQuestionText(const ContentRules& rules, const std::string& field,
                                std::string& text) {
  TextFilter filter(rules);
  return FilterQuestionText(filter, field, text);
}

absl::Status FilterQuestionText(TextFilter& filter, const std::string& field, std::string& text) {
  SL_RETURN_IF_ERROR(filter.Push(text).status());
  SL_RETURN_IF_ERROR(filter.Finish().status());
  if (!filter.blocked_by().empty()) {
    return edge::InvalidField(
        field, absl::StrCat("the content rule ", filter.blocked_by(), " blocks this text"),
        "content_blocked");
  }
  text = filter.text();
  return absl::OkStatus();
}

absl::Status FilterFollowUp(const ContentRules& rules, v1::FollowUp& follow_up) {
  return FilterString(rules, *follow_up.mutable_rewritten_query());
}

absl::Status FilterPlace(const ContentRules& rules, v1::LocatedPlace& place) {
  return FilterString(rules, *place.mutable_says());
}

absl::StatusOr<v1::SearchRequest> FilterQuestion(const ContentRules& rules,
                                                 v1::SearchRequest request,
                                                 const std::string& prefix) {
  SL_RETURN_IF_ERROR(FilterContent(rules, absl::StrCat(prefix, "query"), *request.mutable_query()));
  for (int i = 0; i < request.history_size(); ++i) {
    SL_RETURN_IF_ERROR(FilterContent(rules, absl::StrCat(prefix, "history[", i, "].content"),
                                     *request.mutable_history(i)->mutable_content()));
  }
  SL_RETURN_IF_ERROR(FilterQuestionText(rules, absl::StrCat(prefix, "instruction"),
                                        *request.mutable_instruction()));
  return request;
}

absl::StatusOr<v1::GenerateRequest> FilterMessages(const ContentRules& rules,
                                                   v1::GenerateRequest request) {
  for (int i = 0; i < request.messages_size(); ++i) {
    v1::ChatMessage& message = *request.mutable_messages(i);
    const std::string at = absl::StrCat("messages[", i, "]");
    SL_RETURN_IF_ERROR(
        FilterContent(rules, absl::StrCat(at, ".content"), *message.mutable_content()));
    for (int j = 0; j < message.tool_calls_size(); ++j) {
      SL_RETURN_IF_ERROR(FilterQuestionText(rules,
                                            absl::StrCat(at, ".tool_calls[", j, "].arguments"),
                                            *message.mutable_tool_calls(j)->mutable_arguments()));
    }
  }
  return request;
}

absl::StatusOr<v1::LocateRequest> FilterLookedFor(const ContentRules& rules,
                                                  v1::LocateRequest request) {
  SL_RETURN_IF_ERROR(FilterContent(rules, "content", *request.mutable_content()));
  return request;
}

}  // namespace sightline::query
