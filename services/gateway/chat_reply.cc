#include "services/gateway/chat_reply.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/utf8.h"
#include "proto/reply_json.h"
#include "services/gateway/answer_stream.h"
#include "services/gateway/chat_tools.h"
#include "services/gateway/json_text.h"
#include "services/gateway/url.h"

namespace sightline::gateway {
namespace {

constexpr char kDone[] = "data: [DONE]\n\n";

std::string Data(absl::string_view json) { return absl::StrCat("data: ", json, "\n\n"); }

std::string UsageJson(const v1::Usage& usage) {
  return absl::StrCat("{\"prompt_tokens\":", usage.prompt_tokens(),
                      ",\"completion_tokens\":", usage.completion_tokens(),
                      ",\"total_tokens\":", usage.prompt_tokens() + usage.completion_tokens(),
                      ",\"prompt_tokens_details\":{\"cached_tokens\":0,\"image_tokens\":",
                      usage.image_tokens(), "}}");
}

std::string Head(const ChatHead& head, absl::string_view object) {
  return absl::StrCat("{\"id\":", JsonString(head.id), ",\"object\":\"", object,
                      "\",\"created\":", head.created, ",\"model\":", JsonString(head.model));
}

// Minus infinity, a forbidden token, is OpenAI's -9999.
std::string LogprobText(float logprob) {
  return std::isfinite(logprob) ? absl::StrCat(logprob) : "-9999.0";
}

std::string TokenFields(const v1::TokenLogprob& token) {
  const std::string& bytes = token.bytes();
  return absl::StrCat("\"token\":", JsonString(ToValidUtf8(bytes)),
                      ",\"logprob\":", LogprobText(token.logprob()), ",\"bytes\":[",
                      absl::StrJoin(bytes, ",",
                                    [](std::string* out, char byte) {
                                      absl::StrAppend(
                                          out, static_cast<int>(static_cast<unsigned char>(byte)));
                                    }),
                      "]");
}

// Appends `tokens` to the inside of an array.
void AppendTokens(const google::protobuf::RepeatedPtrField<v1::TokenLogprobs>& tokens,
                  std::string& out) {
  for (const v1::TokenLogprobs& place : tokens) {
    absl::StrAppend(&out, out.empty() ? "" : ",", "{", TokenFields(place.chosen()),
                    ",\"top_logprobs\":[");
    for (int j = 0; j < place.top_size(); ++j) {
      absl::StrAppend(&out, j > 0 ? "," : "", "{", TokenFields(place.top(j)), "}");
    }
    out += "]}";
  }
}

std::string LogprobsJson(absl::string_view tokens) {
  return absl::StrCat("{\"content\":[", tokens, "],\"refusal\":null}");
}

// Turns growing offsets in bytes into such in characters; each text is walked once.
class CharacterCounter {
 public:
  explicit CharacterCounter(absl::string_view text) : text_(text) {}
  int At(int byte) {
    const size_t end = std::min<size_t>(std::max(byte, 0), text_.size());
    if (end < at_) at_ = count_ = 0;
    for (; at_ < end; ++at_) count_ += (text_[at_] & 0xC0) != 0x80;
    return static_cast<int>(count_);
  }

 private:
  const absl::string_view text_;
  size_t at_ = 0;
  size_t count_ = 0;
};

std::string UrlOf(const v1::Passage& passage) {
  if (absl::StartsWith(passage.source(), "http://") ||
      absl::StartsWith(passage.source(), "https://")) {
    return passage.source();
  }
  return absl::StrCat("/v1/passages/", EscapeSegment(passage.passage_id()));
}

std::string AnnotationsJson(const v1::AnswerResponse& done) {
  std::string out = "[";
  CharacterCounter characters(done.answer());
  for (const v1::Citation& citation : done.citations()) {
    const v1::Passage& passage = citation.hit().passage();
    const int start = characters.At(citation.start());
    const int end = characters.At(citation.end());
    absl::StrAppend(
        &out, out.size() > 1 ? "," : "",
        "{\"type\":\"url_citation\",\"url_citation\":{\"start_index\":", start,
        ",\"end_index\":", end, ",\"url\":", JsonString(UrlOf(passage)),
        ",\"title\":", JsonString(passage.source()), ",\"start_byte\":", citation.start(),
        ",\"end_byte\":", citation.end(), ",\"marker\":", citation.marker(),
        ",\"file_id\":", JsonString(passage.document_id()),
        ",\"passage_id\":", JsonString(passage.passage_id()),
        ",\"page\":", passage.has_page() ? absl::StrCat(passage.page()) : "null",
        ",\"start_seconds\":",
        passage.has_start() ? absl::StrFormat("%.3f", passage.start()) : "null",
        ",\"end_seconds\":", passage.has_end() ? absl::StrFormat("%.3f", passage.end()) : "null",
        ",\"snippet\":", JsonString(citation.snippet()));
    if (citation.verdict() == v1::VERDICT_UNSPECIFIED) {
      out += ",\"verdict\":null,\"support\":null";
    } else {
      absl::StrAppend(&out, ",\"verdict\":", JsonString(VerdictName(citation.verdict())),
                      ",\"support\":", citation.support());
    }
    absl::StrAppend(
        &out, ",\"region\":", citation.has_region() ? BoxJson(citation.region()) : "null", "}}");
  }
  return out + "]";
}

// What a grounded reply has besides OpenAI's fields.
std::string GroundingFields(const v1::AnswerResponse& done,
                            const std::vector<std::string>& warnings) {
  std::string out = absl::StrCat(
      ",\"follow_up\":", done.has_follow_up() ? FollowUpJson(done.follow_up()) : "null",
      ",\"sources\":[");
  for (int i = 0; i < done.hits_size(); ++i) {
    absl::StrAppend(&out, i > 0 ? "," : "", HitJson(done.hits(i)));
  }
  absl::StrAppend(&out, "],\"abstained\":", done.abstained() ? "true" : "false",
                  ",\"cached\":", done.cached() ? "true" : "false", ",\"warnings\":[");
  std::vector<std::string> all;
  for (const std::string& warning : warnings) all.push_back(JsonString(warning));
  for (const std::string& warning : done.warnings()) all.push_back(JsonString(warning));
  return absl::StrCat(out, absl::StrJoin(all, ","), "]");
}

// Of a reply from messages alone, which seldom has any.
std::string WarningsField(const v1::GenerateDone& done) {
  if (done.warnings().empty()) return "";
  std::vector<std::string> warnings;
  for (const std::string& warning : done.warnings()) warnings.push_back(JsonString(warning));
  return absl::StrCat(",\"warnings\":[", absl::StrJoin(warnings, ","), "]");
}

std::string FinishReason(const v1::AnswerResponse& done) {
  const std::string& reason = done.finish_reason();
  return reason == "length" || reason == "content_filter" ? reason : "stop";
}

// The chunks of one reply.
class Chunks {
 public:
  Chunks(ChatHead head, bool include_usage, int choices)
      : head_(std::move(head)), include_usage_(include_usage), begun_(choices, false) {}

  // The first chunk of a choice, with its role and nothing else; nothing for one that has begun.
  std::string Begin(int choice) {
    return HasBegun(choice) ? "" : Delta(choice, "\"content\":\"\"");
  }
  // `delta` is the inside of an object; the first chunk of a choice gets the role as well.
  std::string Delta(int choice, absl::string_view delta, absl::string_view logprobs = "null") {
    return Chunk(choice, delta, logprobs, "null", "");
  }
  std::string Last(int choice, absl::string_view delta, absl::string_view finish_reason,
                   absl::string_view more) {
    return Chunk(choice, delta, "null", absl::StrCat("\"", finish_reason, "\""), more);
  }
  std::string End(const v1::Usage& usage) const {
    if (!include_usage_) return kDone;
    return absl::StrCat(Data(absl::StrCat(Head(head_, "chat.completion.chunk"),
                                          ",\"choices\":[],\"usage\":", UsageJson(usage), "}")),
                        kDone);
  }

 private:
  // A choice that was not asked for has no beginning.
  bool HasBegun(int choice) const {
    return choice < 0 || choice >= static_cast<int>(begun_.size()) || begun_[choice];
  }
  std::string Chunk(int choice, absl::string_view delta, absl::string_view logprobs,
                    absl::string_view finish_reason, absl::string_view more) {
    std::string role;
    if (!HasBegun(choice)) {
      begun_[choice] = true;
      role = absl::StrCat("\"role\":\"assistant\"", delta.empty() ? "" : ",");
    }
    return Data(absl::StrCat(Head(head_, "chat.completion.chunk"),
                             ",\"choices\":[{\"index\":", choice, ",\"delta\":{", role, delta,
                             "},\"logprobs\":", logprobs, ",\"finish_reason\":", finish_reason,
                             "}]", include_usage_ ? ",\"usage\":null" : "", more, "}"));
  }

  const ChatHead head_;
  const bool include_usage_;
  std::vector<bool> begun_;
};

class ChatChunks final : public EventRenderer<v1::GenerateEvent> {
 public:
  ChatChunks(ChatHead head, const ChatRequest& request)
      : chunks_(head, request.include_usage, request.choices()),
        head_(std::move(head)),
        logprobs_(request.logprobs),
        streamed_(request.stream) {}

  std::string Render(const v1::GenerateEvent& event) override {
    if (event.has_done()) {
      complete_ = true;
      if (!streamed_) {
        whole_ = ChatJson(head_, event.done(), logprobs_ ? &tokens_ : nullptr);
        return "";
      }
      std::string out;
      const int choices = event.done().choices_size();
      for (int i = 0; i < choices; ++i) {
        const v1::GenerateChoice& choice = event.done().choices(i);
        out += chunks_.Last(i, "", choice.finish_reason(),
                            i + 1 == choices ? WarningsField(event.done()) : "");
      }
      return out + chunks_.End(event.done().usage());
    }
    if (!event.has_delta()) return "";
    const v1::GenerateDelta& delta = event.delta();
    if (!streamed_) {
      if (logprobs_) AppendTokens(delta.logprobs(), tokens_[delta.choice()]);
      return "";
    }
    if (delta.has_tool_call()) {
      return chunks_.Delta(
          delta.choice(),
          absl::StrCat("\"tool_calls\":[",
                       ToolCallDelta(delta.tool_call(), calls_[delta.choice()]++), "]"));
    }
    if (!delta.reasoning().empty()) {
      return chunks_.Delta(delta.choice(),
                           absl::StrCat("\"reasoning_content\":", JsonString(delta.reasoning())));
    }
    const std::string text = absl::StrCat("\"content\":", JsonString(delta.text()));
    if (!logprobs_ || delta.logprobs().empty()) return chunks_.Delta(delta.choice(), text);
    std::string tokens;
    AppendTokens(delta.logprobs(), tokens);
    // OpenAI's clients take those of a choice's first chunk twice; theirs has none.
    std::string out = chunks_.Begin(delta.choice());
    return out + chunks_.Delta(delta.choice(), text, LogprobsJson(tokens));
  }
  bool complete() const override { return complete_; }
  Reply Head() override {
    if (streamed_) return EventStreamReply();
    Reply reply;
    reply.body = std::move(whole_);
    return reply;
  }
  std::string RenderError(const Reply& error) override { return Data(error.body); }

 private:
  Chunks chunks_;
  const ChatHead head_;
  const bool logprobs_;
  const bool streamed_;
  std::map<int, int> calls_;  // how many each choice has made
  ChoiceTokens tokens_;       // of a reply that is not streamed
  bool complete_ = false;
  std::string whole_;
};

class AnswerChunks final : public EventRenderer<v1::AnswerEvent> {
 public:
  AnswerChunks(ChatHead head, const ChatRequest& request)
      : chunks_(std::move(head), request.include_usage, 1), warnings_(request.warnings) {
    const auto policy = std::get<v1::SearchAndAnswerRequest>(request.call).verdict_policy();
    waits_ = policy == v1::VERDICT_POLICY_DROP || policy == v1::VERDICT_POLICY_REGENERATE;
  }

  std::string Render(const v1::AnswerEvent& event) override {
    if (event.has_delta() && !waits_) {
      sent_ += event.delta().text();
      return chunks_.Delta(0, absl::StrCat("\"content\":", JsonString(event.delta().text())));
    }
    if (!event.has_done()) return "";
    complete_ = true;
    const v1::AnswerResponse& done = event.done();
    std::string out;
    if (sent_ != done.answer()) {
      if (absl::StartsWith(done.answer(), sent_)) {
        out = chunks_.Delta(
            0, absl::StrCat("\"content\":", JsonString(done.answer().substr(sent_.size()))));
      } else {
        warnings_.push_back(
            "the answer was changed after it was sent; the annotations are of its "
            "last form: " +
            done.answer());
      }
    }
    absl::StrAppend(&out,
                    chunks_.Last(0, absl::StrCat("\"annotations\":", AnnotationsJson(done)),
                                 FinishReason(done), GroundingFields(done, warnings_)),
                    chunks_.End(done.usage()));
    return out;
  }
  bool complete() const override { return complete_; }
  Reply Head() override { return EventStreamReply(); }
  std::string RenderError(const Reply& error) override { return Data(error.body); }

 private:
  Chunks chunks_;
  std::vector<std::string> warnings_;
  bool waits_ = false;  // the text is known only after its checks
  bool complete_ = false;
  std::string sent_;
};

}  // namespace

std::string ChatJson(const ChatHead& head, const v1::GenerateDone& done,
                     const ChoiceTokens* tokens) {
  std::string out = absl::StrCat(Head(head, "chat.completion"), ",\"choices\":[");
  for (int i = 0; i < done.choices_size(); ++i) {
    const v1::GenerateChoice& choice = done.choices(i);
    const bool only_calls = choice.text().empty() && choice.tool_calls_size() > 0;
    absl::StrAppend(&out, i > 0 ? "," : "", "{\"index\":", i,
                    ",\"message\":{\"role\":\"assistant\",\"content\":",
                    only_calls ? "null" : JsonString(choice.text()), ",\"refusal\":null");
    for (int j = 0; j < choice.tool_calls_size(); ++j) {
      absl::StrAppend(&out, j > 0 ? "," : ",\"tool_calls\":[", ToolCallJson(choice.tool_calls(j)),
                      j + 1 == choice.tool_calls_size() ? "]" : "");
    }
    if (!choice.reasoning().empty()) {
      absl::StrAppend(&out, ",\"reasoning_content\":", JsonString(choice.reasoning()));
    }
    std::string logprobs = "null";
    if (tokens != nullptr) {
      const auto of_choice = tokens->find(i);
      logprobs = LogprobsJson(of_choice == tokens->end() ? "" : of_choice->second);
    }
    absl::StrAppend(&out, "},\"logprobs\":", logprobs,
                    ",\"finish_reason\":", JsonString(choice.finish_reason()), "}");
  }
  return absl::StrCat(out, "],\"usage\":", UsageJson(done.usage()), WarningsField(done), "}");
}

std::string ChatJson(const ChatHead& head, const v1::AnswerResponse& done,
                     const std::vector<std::string>& warnings) {
  return absl::StrCat(
      Head(head, "chat.completion"),
      ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":",
      JsonString(done.answer()), ",\"refusal\":null,\"annotations\":", AnnotationsJson(done),
      "},\"logprobs\":null,\"finish_reason\":\"", FinishReason(done),
      "\"}],\"usage\":", UsageJson(done.usage()), GroundingFields(done, warnings), "}");
}

std::unique_ptr<EventRenderer<v1::GenerateEvent>> MakeChatChunks(ChatHead head,
                                                                 const ChatRequest& request) {
  return std::make_unique<ChatChunks>(std::move(head), request);
}

std::unique_ptr<EventRenderer<v1::AnswerEvent>> MakeAnswerChunks(ChatHead head,
                                                                 const ChatRequest& request) {
  return std::make_unique<AnswerChunks>(std::move(head), request);
}

}  // namespace sightline::gateway
