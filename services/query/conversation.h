#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/image.h"
#include "services/query/content.h"
#include "services/query/hits.h"
#include "sightline/v1/query.pb.h"

namespace sightline::query {

// Bounds on what was said before a question; checked before anything is decoded.
struct ConversationLimits {
  int max_turns = 64;
  int max_pictures = 16;              // of all turns together
  size_t max_text_bytes = 128 << 10;  // of all turns together
  int rewrite_tokens = 96;            // of a question the generator makes stand alone
  double rewrite_seconds = 10;        // that may take at most
};

// A picture of a turn, by its place among the turn's parts.
struct TurnPicture {
  int part = 0;
  ImagePtr image;
};

// One earlier message.
struct ConversationTurn {
  bool by_user = true;
  std::string text;  // parts with line breaks between; may be empty
  std::vector<TurnPicture> pictures = {};
};

using Conversation = std::vector<ConversationTurn>;  // oldest first

// What can be told of the turns before a picture is fetched or decoded; `field` names them in
// errors
// ("history"). kInvalidArgument with the field and a reason: "too_many_turns", "bad_role" (neither
// user nor assistant), "too_many_pictures", "text_too_long", "not_supported" (an assistant's
// picture, a weight, a stored passage).
absl::Status CheckHistory(const google::protobuf::RepeatedPtrField<v1::Turn>& turns,
                          absl::string_view field, const ConversationLimits& limits);

// Checks and decodes what was said before. Errors of CheckHistory, and those of ReadContent but
// "empty_query": a turn may say nothing. `fetched`: pictures of http(s) URLs among them.
absl::StatusOr<Conversation> ReadHistory(const google::protobuf::RepeatedPtrField<v1::Turn>& turns,
                                         absl::string_view field, const ConversationLimits& limits,
                                         const ContentLimits& content, const PictureDecoder& decode,
                                         absl::Time deadline, const FetchedPictures& fetched = {});

}  // namespace sightline::query
