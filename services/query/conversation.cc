#include "services/query/conversation.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "services/edge/error_details.h"

namespace sightline::query {
namespace {

// Reads turns while the room for all of them lasts.
class Reader {
 public:
  Reader(const ConversationLimits& limits, const ContentLimits& content,
         const PictureDecoder& decode, absl::Time deadline)
      : limits_(limits),
        decode_(decode),
        deadline_(deadline),
        content_(content),
        text_left_(limits.max_text_bytes),
        pictures_left_(limits.max_pictures) {}

  absl::StatusOr<ConversationTurn> Read(const v1::Turn& turn, const std::string& field) {
    ConversationTurn out;
    out.by_user = turn.role() == "user";
    if (!out.by_user && turn.role() != "assistant") {
      return edge::InvalidField(absl::StrCat(field, ".role"), "expected user or assistant",
                                "bad_role");
    }
    for (int i = 0; i < turn.content_size(); ++i) {
      SL_RETURN_IF_ERROR(
          ReadPart(turn.content(i), absl::StrCat(field, ".content[", i, "]"), i, out));
    }
    return out;
  }

 private:
  absl::Status ReadPart(const v1::Content& part, const std::string& field, int place,
                        ConversationTurn& turn) {
    const bool is_text = part.part_case() == v1::Content::kText;
    // An empty text says nothing, which is no error here.
    if (is_text && absl::StripAsciiWhitespace(part.text()).empty()) return absl::OkStatus();
    if (!is_text && !turn.by_user) {
      return edge::InvalidField(field, "an assistant's turn is text", "not_supported");
    }
    if (is_text && part.text().size() > text_left_) {
      return edge::InvalidField(
          field,
          absl::StrCat("the history holds more than ", limits_.max_text_bytes, " bytes of text"),
          "text_too_long");
    }
    if (!is_text && pictures_left_ == 0) {
      return edge::InvalidField(
          field, absl::StrCat("the history holds more than ", limits_.max_pictures, " pictures"),
          "too_many_pictures");
    }
    content_.max_text_bytes = text_left_;
    content_.max_pictures = 1;
    google::protobuf::RepeatedPtrField<v1::Content> one;
    *one.Add() = part;
    auto read = ReadContent(one, field, content_, decode_, deadline_);
    if (!read.ok()) return read.status();
    for (const std::string& text : read->texts) {
      text_left_ -= text.size();
      absl::StrAppend(&turn.text, turn.text.empty() ? "" : "\n", text);
    }
    for (ImagePtr& image : read->images) {
      --pictures_left_;
      turn.pictures.push_back({place, std::move(image)});
    }
    return absl::OkStatus();
  }

  const ConversationLimits& limits_;
  const PictureDecoder& decode_;
  const absl::Time deadline_;
  ContentLimits content_;
  size_t text_left_;
  int pictures_left_;
};

}  // namespace

absl::StatusOr<Conversation> ReadHistory(const google::protobuf::RepeatedPtrField<v1::Turn>& turns,
                                         absl::string_view field, const ConversationLimits& limits,
                                         const ContentLimits& content, const PictureDecoder& decode,
                                         absl::Time deadline) {
  if (turns.size() > limits.max_turns) {
    return edge::InvalidField(
        field, absl::StrCat("at most ", limits.max_turns, " turns, got ", turns.size()),
        "too_many_turns");
  }
  Reader reader(limits, content, decode, deadline);
  Conversation out;
  for (int i = 0; i < turns.size(); ++i) {
    SL_ASSIGN_OR_RETURN(ConversationTurn turn,
                        reader.Read(turns[i], absl::StrCat(field, "[", i, "]")));
    out.push_back(std::move(turn));
  }
  return out;
}

}  // namespace sightline::query
