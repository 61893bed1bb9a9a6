#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/gateway/exchange.h"
#include "sightline/v1/model.pb.h"
#include "sightline/v1/query.pb.h"

namespace sightline::gateway {

// A chat completion as OpenAI's dialect states it, ready for gRPC.
struct ChatRequest {
  // What the model writes from the messages alone, or, with a "collection", an answer from its
  // passages.
  std::variant<v1::GenerateRequest, v1::SearchAndAnswerRequest> call;
  std::string model;  // as asked for; the reply repeats it
  bool stream = false;
  bool include_usage = false;
  bool logprobs = false;
  absl::Time deadline;
  std::vector<std::string> warnings;  // what of the request was not used

  bool grounded() const { return call.index() == 1; }
  int choices() const;  // texts that are written
};

// Reads the body of POST /v1/chat/completions, see openapi.json. Fields that are not known are
// passed over, as OpenAI does. kInvalidArgument names the field: "invalid_field", "missing_field",
// "conflict" (two that do not go together), "unsupported_parameter" (known to OpenAI, and this
// server cannot do it: audio, tools with a collection), and the reasons of json_text.h and
// picture_url.h.
//
// With a collection the last message, a user's, is the question, and those before it its history;
// the fields of POST /v1/answer (k, filter, mode, rerank, instruction, candidates, answer_mode,
// verdict_policy) apply.
absl::StatusOr<ChatRequest> ReadChat(const Request& request);

// Reads the form of POST /v1/chat/vision: `prompt`, and `image_file`, which may be repeated.
absl::StatusOr<ChatRequest> ReadVisionForm(const Request& request);

}  // namespace sightline::gateway
