#include "services/query/conversation.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "services/edge/error_details.h"

namespace sightline::query {
namespace {

bool IsText(const v1::Content& part) { return part.part_case() == v1::Content::kText; }

// Reads turns while the room for all of them lasts.
class Reader {
 public:
  Reader(const ConversationLimits& limits, const ContentLimits& content,
         const PictureDecoder& decode, absl::Time deadline, const FetchedPictures& fetched)
      : limits_(limits),
        decode_(decode),
        deadline_(deadline),
        fetched_(fetched),
        content_(content),
        text_left_(limits.max_text_bytes),
        pictures_left_(limits.max_pictures) {
    // What is checked here holds for all turns together.
    content_.max_text_bytes = limits.max_text_bytes;
    content_.max_pictures = limits.max_pictures;
  }

  absl::StatusOr<ConversationTurn> Read(const v1::Turn& turn, const std::string& at) {
    ConversationTurn out;
    out.by_user = turn.role() == "user";
    if (!out.by_user && turn.role() != "assistant") {
      return edge::InvalidField(absl::StrCat(at, ".role"), "expected user or assistant",
                                "bad_role");
    }
    const std::string field = absl::StrCat(at, ".content");
    bool says_something = false;
    for (int i = 0; i < turn.content_size(); ++i) {
      SL_RETURN_IF_ERROR(TakeRoom(turn.content(i), out.by_user, absl::StrCat(field, "[", i, "]")));
      says_something |=
          !IsText(turn.content(i)) || !absl::StripAsciiWhitespace(turn.content(i).text()).empty();
    }
    if (!says_something) return out;
    SL_ASSIGN_OR_RETURN(QueryContent content,
                        ReadContent(turn.content(), field, content_, decode_, deadline_, fetched_));
    out.text = content.JoinedText();
    auto image = content.images.begin();
    for (int i = 0; i < turn.content_size(); ++i) {
      if (!IsText(turn.content(i))) out.pictures.push_back({i, std::move(*image++)});
    }
    return out;
  }

 private:
  absl::Status TakeRoom(const v1::Content& part, bool by_user, const std::string& field) {
    if (!IsText(part) && !by_user) {
      return edge::InvalidField(field, "an assistant's turn is text", "not_supported");
    }
    if (IsText(part) && part.text().size() > text_left_) {
      return edge::InvalidField(
          field,
          absl::StrCat("the history holds more than ", limits_.max_text_bytes, " bytes of text"),
          "text_too_long");
    }
    if (!IsText(part) && pictures_left_ == 0) {
      return edge::InvalidField(
          field, absl::StrCat("the history holds more than ", limits_.max_pictures, " pictures"),
          "too_many_pictures");
    }
    if (IsText(part)) {
      text_left_ -= part.text().size();
    } else {
      --pictures_left_;
    }
    return absl::OkStatus();
  }

  const ConversationLimits& limits_;
  const PictureDecoder& decode_;
  const absl::Time deadline_;
  const FetchedPictures& fetched_;
  ContentLimits content_;
  size_t text_left_;
  int pictures_left_;
};

}  // namespace

absl::StatusOr<Conversation> ReadHistory(const google::protobuf::RepeatedPtrField<v1::Turn>& turns,
                                         absl::string_view field, const ConversationLimits& limits,
                                         const ContentLimits& content, const PictureDecoder& decode,
                                         absl::Time deadline, const FetchedPictures& fetched) {
  if (turns.size() > limits.max_turns) {
    return edge::InvalidField(
        field, absl::StrCat("at most ", limits.max_turns, " turns, got ", turns.size()),
        "too_many_turns");
  }
  Reader reader(limits, content, decode, deadline, fetched);
  Conversation out;
  for (int i = 0; i < turns.size(); ++i) {
    SL_ASSIGN_OR_RETURN(ConversationTurn turn,
                        reader.Read(turns[i], absl::StrCat(field, "[", i, "]")));
    out.push_back(std::move(turn));
  }
  return out;
}

}  // namespace sightline::query
