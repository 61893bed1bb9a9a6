#include "services/query/conversation_prompt.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/status.h"
#include "services/query/markers.h"
#include "services/query/prompt.h"

namespace sightline::query {
namespace {

constexpr char kNotShown[] = "(a picture that is not shown)";

// Takes turns from the last one back while the budget lasts.
class Turns {
 public:
  Turns(int token_budget, int max_pictures, const model::Generator& generator)
      : left_(token_budget), pictures_left_(max_pictures), generator_(generator) {}

  // False when the turn does not fit any more.
  absl::StatusOr<bool> Add(const ConversationTurn& turn) {
    std::string text = turn.by_user ? WithoutMarkerForms(turn.text) : DropMarkers(turn.text);
    SL_ASSIGN_OR_RETURN(const int tokens, generator_.CountTokens(text));
    if (tokens > left_) return false;
    left_ -= tokens;
    model::Message message = {.role = turn.by_user ? "user" : "assistant", .parts = {}};
    for (const TurnPicture& picture : turn.pictures) message.parts.push_back(Shown(picture.image));
    if (!text.empty()) message.parts.emplace_back(std::move(text));
    if (!message.parts.empty()) messages_.push_back(std::move(message));
    return true;
  }

  // Oldest first. An answer whose question is missing goes.
  std::vector<model::Message> Take() {
    while (!messages_.empty() && messages_.back().role == "assistant") messages_.pop_back();
    std::reverse(messages_.begin(), messages_.end());
    return std::move(messages_);
  }

 private:
  model::MessagePart Shown(const ImagePtr& image) {
    const int tokens = generator_.ImageTokens(image->width, image->height);
    if (tokens > left_ || pictures_left_ == 0) return std::string(kNotShown);
    left_ -= tokens;
    --pictures_left_;
    return image;
  }

  int left_;
  int pictures_left_;
  const model::Generator& generator_;
  std::vector<model::Message> messages_;  // latest first
};

}  // namespace

absl::StatusOr<std::vector<model::Message>> ShownTurns(const Conversation& conversation,
                                                       int token_budget, int max_pictures,
                                                       const model::Generator& generator,
                                                       const edge::CallLimits& limits) {
  Turns turns(token_budget, max_pictures, generator);
  for (auto turn = conversation.rbegin(); turn != conversation.rend(); ++turn) {
    SL_RETURN_IF_ERROR(edge::StillWanted(limits, "reading the conversation"));
    SL_ASSIGN_OR_RETURN(const bool fits, turns.Add(*turn));
    if (!fits) break;
  }
  return turns.Take();
}

}  // namespace sightline::query
