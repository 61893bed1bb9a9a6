#pragma once

#include <map>
#include <memory>
#include <string>

#include "services/gateway/chat_request.h"
#include "services/gateway/event_exchange.h"
#include "sightline/v1/model.pb.h"
#include "sightline/v1/query.pb.h"

namespace sightline::gateway {

// What all parts of one reply repeat.
struct ChatHead {
  std::string id;       // "chatcmpl-…"
  int64_t created = 0;  // seconds since 1970
  std::string model;
};

// The tokens of each choice's text as they came, JSON objects with commas between.
using ChoiceTokens = std::map<int, std::string>;

// {"id","object":"chat.completion","created","model","choices":[{"index","message","logprobs",
// "finish_reason"}],"usage"}. A message has "reasoning_content" where the model thought first, and
// "tool_calls" where it calls tools, its content then null unless it says something besides.
// "warnings" stands behind the usage where a content rule ended a text. `tokens` is null where no
// log probabilities are asked for.
std::string ChatJson(const ChatHead& head, const v1::GenerateDone& done,
                     const ChoiceTokens* tokens);

// The same of a grounded answer, with "annotations" in its message, and "sources" (the hits, as in
// POST /v1/answer), "follow_up" (how a question with earlier messages was searched, else null),
// "abstained", "cached" and "warnings". An annotation is OpenAI's url_citation, whose
// start_index and end_index count Unicode characters; besides it has start_byte and end_byte
// (UTF-8), marker, file_id (the document), passage_id, page, start_seconds and
// end_seconds (of a video), snippet, verdict, support.
std::string ChatJson(const ChatHead& head, const v1::AnswerResponse& done,
                     const std::vector<std::string>& warnings);

// The texts as server-sent events in OpenAI's form: chunks of each choice, the last with its
// finish_reason (and annotations and sources), then usage where asked for, then [DONE]. Log
// probabilities stand in the chunk that ends the text of their token. A failure on the way is a
// last event {"error":{…}}.
std::unique_ptr<EventRenderer<v1::GenerateEvent>> MakeChatChunks(ChatHead head,
                                                                 const ChatRequest& request);
std::unique_ptr<EventRenderer<v1::AnswerEvent>> MakeAnswerChunks(ChatHead head,
                                                                 const ChatRequest& request);

}  // namespace sightline::gateway
