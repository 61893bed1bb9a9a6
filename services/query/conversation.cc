#include "services/query/conversation.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "services/edge/error_details.h"

namespace sightline::query {
namespace {

bool IsText(const v1::Content& part) { return part.part_case() == v1::Content::kText; }

// What room is left for the turns to come.
struct Room {
  size_t text_bytes;
  int pictures;
};

absl::Status TakeRoom(const v1::Content& part, bool by_user, const std::string& field,
                      const ConversationLimits& limits, Room& left) {
  if (!IsText(part) && !by_user) {
    return edge::InvalidField(field, "an assistant's turn is text", "not_supported");
  }
  if (IsText(part) && part.text().size() > left.text_bytes) {
    return edge::InvalidField(
        field,
        absl::StrCat("the history holds more than ", limits.max_text_bytes, " bytes of text"),
        "text_too_long");
  }
  if (!IsText(part) && left.pictures == 0) {
    return edge::InvalidField(
        field, absl::StrCat("the history holds more than ", limits.max_pictures, " pictures"),
        "too_many_pictures");
  }
  if (IsText(part)) {
    left.text_bytes -= part.text().size();
  } else {
    --left.pictures;
  }
  return absl::OkStatus();
}

bool SaysSomething(const v1::Turn& turn) {
  return std::ranges::any_of(turn.content(), [](const v1::Content& part) {
    return !IsText(part) || !absl::StripAsciiWhitespace(part.text()).empty();
  });
}

}  // namespace

absl::Status CheckHistory(const google::protobuf::RepeatedPtrField<v1::Turn>& turns,
                          absl::string_view field, const ConversationLimits& limits) {
  if (turns.size() > limits.max_turns) {
    return edge::InvalidField(
        field, absl::StrCat("at most ", limits.max_turns, " turns, got ", turns.size()),
        "too_many_turns");
  }
  Room left = {.text_bytes = limits.max_text_bytes, .pictures = limits.max_pictures};
  for (int i = 0; i < turns.size(); ++i) {
    const std::string at = absl::StrCat(field, "[", i, "]");
    const v1::Turn& turn = turns[i];
    if (turn.role() != "user" && turn.role() != "assistant") {
      return edge::InvalidField(absl::StrCat(at, ".role"), "expected user or assistant",
                                "bad_role");
    }
    SL_RETURN_IF_ERROR(CheckUnweighted(turn.content(), absl::StrCat(at, ".content")));
    for (int j = 0; j < turn.content_size(); ++j) {
      SL_RETURN_IF_ERROR(TakeRoom(turn.content(j), turn.role() == "user",
                                  absl::StrCat(at, ".content[", j, "]"), limits, left));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Conversation> ReadHistory(const google::protobuf::RepeatedPtrField<v1::Turn>& turns,
                                         absl::string_view field, const ConversationLimits& limits,
                                         const ContentLimits& content, const PictureDecoder& decode,
                                         absl::Time deadline, const FetchedPictures& fetched) {
  SL_RETURN_IF_ERROR(CheckHistory(turns, field, limits));
  // Those of a question hold for one alone.
  ContentLimits of_turn = content;
  of_turn.max_text_bytes = limits.max_text_bytes;
  of_turn.max_pictures = limits.max_pictures;
  Conversation out;
  for (int i = 0; i < turns.size(); ++i) {
    ConversationTurn& turn = out.emplace_back();
    turn.by_user = turns[i].role() == "user";
    if (!SaysSomething(turns[i])) continue;
    SL_ASSIGN_OR_RETURN(QueryContent read,
                        ReadContent(turns[i].content(), absl::StrCat(field, "[", i, "].content"),
                                    of_turn, decode, deadline, fetched));
    turn.text = read.JoinedText();
    auto image = read.images.begin();
    for (int j = 0; j < turns[i].content_size(); ++j) {
      if (!IsText(turns[i].content(j))) turn.pictures.push_back({j, std::move(*image++)});
    }
  }
  return out;
}

}  // namespace sightline::query
