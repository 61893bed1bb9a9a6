#include "services/gateway/chat_request.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <iterator>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/utf8.h"
#include "services/edge/error_details.h"
#include "services/gateway/chat_tools.h"
#include "services/gateway/input_field.h"
#include "services/gateway/json_field.h"
#include "services/gateway/json_text.h"
#include "services/gateway/multipart.h"
#include "services/gateway/query_request.h"

namespace sightline::gateway {
namespace {

namespace json = boost::json;

// Fields of OpenAI's that ask for what this server cannot do; passing them over would change what
// the caller gets.
constexpr const char* kUnsupported[] = {"functions", "audio", "prediction", "function_call"};

// The fields of an answer that a chat with a collection has besides OpenAI's.
constexpr const char* kAnswerFields[] = {
    "k",          "filter",      "mode",           "rerank",   "instruction",
    "candidates", "answer_mode", "verdict_policy", "no_cache", "regions"};

absl::Status Unsupported(absl::string_view name, absl::string_view why) {
  return edge::InvalidField(name, why, "unsupported_parameter");
}

absl::Status ReadContent(const std::string& at, const json::value& value,
                         v1::ChatMessage& message) {
  if (value.is_string()) {
    SL_ASSIGN_OR_RETURN(*message.add_content()->mutable_text(), StringField(at, value));
    return absl::OkStatus();
  }
  if (!value.is_array()) return WrongType(at, "a string or an array of parts", value);
  for (const json::value& entry : value.get_array()) {
    const std::string field = absl::StrCat(at, "[", message.content_size(), "]");
    SL_ASSIGN_OR_RETURN(v1::Content part, ContentPart(field, entry));
    if (!part.has_text() && message.role() != "user" && message.role() != "tool") {
      return edge::InvalidField(field, "pictures stand in a user's or a tool's message");
    }
    *message.add_content() = std::move(part);
  }
  return absl::OkStatus();
}

// `ids` are those of the calls in earlier messages.
absl::StatusOr<v1::ChatMessage> ReadMessage(const std::string& at, const json::value& value,
                                            std::vector<std::string>& ids) {
  if (!value.is_object()) return WrongType(at, "an object", value);
  const json::object& fields = value.get_object();
  const json::value* role = Member(fields, "role");
  if (role == nullptr) {
    return edge::InvalidField(absl::StrCat(at, ".role"), "the role is required", "missing_field");
  }
  v1::ChatMessage message;
  SL_ASSIGN_OR_RETURN(*message.mutable_role(), StringField(absl::StrCat(at, ".role"), *role));
  if (message.role() == "developer") message.set_role("system");
  if (message.role() == "function" || Member(fields, "function_call") != nullptr) {
    return Unsupported(at, "functions of the older form; send tools");
  }
  if (message.role() != "system" && message.role() != "user" && message.role() != "assistant" &&
      message.role() != "tool") {
    return edge::InvalidField(absl::StrCat(at, ".role"),
                              "expected one of system, developer, user, assistant, tool");
  }
  if (message.role() == "tool") SL_RETURN_IF_ERROR(CheckToolCallId(at, fields, ids));
  SL_RETURN_IF_ERROR(ReadToolCalls(at, fields, ids, message));
  const json::value* content = Member(fields, "content");
  if (content == nullptr) {
    if (!message.tool_calls().empty()) return message;
    return edge::InvalidField(absl::StrCat(at, ".content"), "the content is required",
                              "missing_field");
  }
  SL_RETURN_IF_ERROR(ReadContent(absl::StrCat(at, ".content"), *content, message));
  if (message.content().empty()) {
    return edge::InvalidField(absl::StrCat(at, ".content"), "the message has no parts",
                              "missing_field");
  }
  return message;
}

// The model's layout knows one system message, at the start: several there become one.
absl::StatusOr<std::vector<v1::ChatMessage>> ReadMessages(const json::value* value) {
  if (value == nullptr) {
    return edge::InvalidField("messages", "the messages are required", "missing_field");
  }
  if (!value->is_array()) return WrongType("messages", "an array", *value);
  std::vector<v1::ChatMessage> out;
  std::vector<std::string> call_ids;
  size_t index = 0;
  for (const json::value& entry : value->get_array()) {
    const std::string at = absl::StrCat("messages[", index, "]");
    SL_ASSIGN_OR_RETURN(v1::ChatMessage message, ReadMessage(at, entry, call_ids));
    if (message.role() == "system" && index > 0) {
      if (out.size() > 1 || out[0].role() != "system") {
        return edge::InvalidField(absl::StrCat(at, ".role"),
                                  "a system message stands before all others");
      }
      out[0].add_content()->set_text("\n\n");
      out[0].mutable_content()->MergeFrom(message.content());
    } else {
      out.push_back(std::move(message));
    }
    ++index;
  }
  if (out.empty()) {
    return edge::InvalidField("messages", "at least one message is required", "missing_field");
  }
  return out;
}

// Sets the member of `out` that `name` stands for; false when it is none of the sampling options.
absl::StatusOr<bool> ApplySampling(absl::string_view name, const json::value& value,
                                   v1::SamplingOptions& out) {
  const auto number = [&](auto set) -> absl::StatusOr<bool> {
    SL_ASSIGN_OR_RETURN(const double given, NumberField(name, value));
    (out.*set)(static_cast<float>(given));
    return true;
  };
  if (name == "temperature") return number(&v1::SamplingOptions::set_temperature);
  if (name == "top_p") return number(&v1::SamplingOptions::set_top_p);
  if (name == "min_p") return number(&v1::SamplingOptions::set_min_p);
  if (name == "presence_penalty") return number(&v1::SamplingOptions::set_presence_penalty);
  if (name == "frequency_penalty") return number(&v1::SamplingOptions::set_frequency_penalty);
  if (name == "repetition_penalty") return number(&v1::SamplingOptions::set_repetition_penalty);
  if (name == "top_k") {
    SL_ASSIGN_OR_RETURN(const int32_t top_k, WholeField(name, value, 0));
    out.set_top_k(top_k);
  } else if (name == "seed") {
    // OpenAI's are signed.
    if (value.is_int64()) {
      out.set_seed(static_cast<uint64_t>(value.get_int64()));
    } else {
      SL_ASSIGN_OR_RETURN(const uint64_t seed, SeedField(name, value));
      out.set_seed(seed);
    }
  } else if (name == "stop") {
    SL_ASSIGN_OR_RETURN(const std::vector<std::string> stop, StringsField(name, value));
    out.mutable_stop()->Assign(stop.begin(), stop.end());
  } else if (name == "max_completion_tokens") {
    SL_ASSIGN_OR_RETURN(const int32_t tokens, PositiveField(name, value));
    out.set_max_tokens(tokens);
  } else if (name == "max_tokens") {  // the older name gives way
    SL_ASSIGN_OR_RETURN(const int32_t tokens, PositiveField(name, value));
    if (out.max_tokens() == 0) out.set_max_tokens(tokens);
  } else if (name == "logit_bias") {
    if (!value.is_object()) return WrongType(name, "an object", value);
    for (const json::key_value_pair& entry : value.get_object()) {
      const absl::string_view token(entry.key().data(), entry.key().size());
      int32_t id = 0;
      if (!absl::SimpleAtoi(token, &id)) {
        return edge::InvalidField(name, "the names are token ids, whole numbers");
      }
      SL_ASSIGN_OR_RETURN(const double bias,
                          NumberField(absl::StrCat(name, ".", token), entry.value()));
      (*out.mutable_logit_bias())[id] = static_cast<float>(bias);
    }
  } else {
    return false;
  }
  return true;
}

// The JSON schema that `response_format` asks for; "" = free text.
absl::StatusOr<std::string> ReadFormat(const json::value* value) {
  constexpr absl::string_view kName = "response_format";
  if (value == nullptr) return std::string();
  if (!value->is_object()) return WrongType(kName, "an object", *value);
  const json::object& format = value->get_object();
  const json::value* kind = Member(format, "type");
  if (kind == nullptr) {
    return edge::InvalidField("response_format.type", "the type is required", "missing_field");
  }
  SL_ASSIGN_OR_RETURN(const std::string type, StringField("response_format.type", *kind));
  if (type == "text") return std::string();
  if (type == "json_object") return std::string(R"({"type":"object"})");
  if (type != "json_schema") {
    return edge::InvalidField("response_format.type",
                              "expected one of text, json_object, json_schema");
  }
  const json::value* given = Member(format, "json_schema");
  const json::value* schema =
      given != nullptr && given->is_object() ? Member(given->get_object(), "schema") : nullptr;
  if (schema == nullptr || !schema->is_object()) {
    return edge::InvalidField("response_format.json_schema.schema",
                              "the schema, an object, is required", "missing_field");
  }
  return json::serialize(*schema);
}

// Fields that say nothing about the text itself, and those that two of them must agree on.
struct Frame {
  int n = 1;
  std::optional<int32_t> logprobs;
  std::string schema;
  std::string collection;
  std::string adapter;
};

absl::StatusOr<Frame> ReadFrame(const json::object& body, const Request& request,
                                ChatRequest& out) {
  Frame frame;
  if (const json::value* value = Member(body, "model"); value != nullptr) {
    SL_ASSIGN_OR_RETURN(out.model, StringField("model", *value));
  }
  if (const json::value* value = Member(body, "stream"); value != nullptr) {
    SL_ASSIGN_OR_RETURN(out.stream, BooleanField("stream", *value));
  }
  if (const json::value* value = Member(body, "timeout"); value != nullptr) {
    SL_ASSIGN_OR_RETURN(const double seconds, NumberField("timeout", *value));
    SL_ASSIGN_OR_RETURN(out.deadline, DeadlineIn(seconds, request.max_timeout));
  }
  if (const json::value* value = Member(body, "stream_options"); value != nullptr) {
    if (!value->is_object()) return WrongType("stream_options", "an object", *value);
    if (!out.stream) {
      return edge::InvalidField("stream_options", "goes with \"stream\": true only", "conflict");
    }
    if (const json::value* usage = Member(value->get_object(), "include_usage"); usage != nullptr) {
      SL_ASSIGN_OR_RETURN(out.include_usage, BooleanField("stream_options.include_usage", *usage));
    }
  }
  if (const json::value* value = Member(body, "n"); value != nullptr) {
    SL_ASSIGN_OR_RETURN(frame.n, PositiveField("n", *value));
  }
  if (const json::value* value = Member(body, "logprobs"); value != nullptr) {
    SL_ASSIGN_OR_RETURN(out.logprobs, BooleanField("logprobs", *value));
    if (out.logprobs) frame.logprobs = 0;
  }
  if (const json::value* value = Member(body, "top_logprobs"); value != nullptr) {
    SL_ASSIGN_OR_RETURN(const int32_t top, WholeField("top_logprobs", *value, 0));
    if (!out.logprobs) {
      return edge::InvalidField("top_logprobs", "goes with \"logprobs\": true only", "conflict");
    }
    frame.logprobs = top;
  }
  if (const json::value* value = Member(body, "collection"); value != nullptr) {
    SL_ASSIGN_OR_RETURN(frame.collection, StringField("collection", *value));
  }
  if (const json::value* value = Member(body, "adapter"); value != nullptr) {
    SL_ASSIGN_OR_RETURN(frame.adapter, StringField("adapter", *value));
  }
  SL_ASSIGN_OR_RETURN(frame.schema, ReadFormat(Member(body, "response_format")));
  return frame;
}

absl::Status RefuseUnsupported(const json::object& body) {
  for (const char* name : kUnsupported) {
    const json::value* value = Member(body, name);
    if (value == nullptr || *value == "none" || *value == "auto" ||
        (value->is_array() && value->get_array().empty())) {
      continue;
    }
    return Unsupported(name, "this server's models cannot do that");
  }
  if (const json::value* value = Member(body, "modalities"); value != nullptr) {
    SL_ASSIGN_OR_RETURN(const std::vector<std::string> modalities,
                        StringsField("modalities", *value));
    for (const std::string& modality : modalities) {
      if (modality != "text") return Unsupported("modalities", "this server writes text only");
    }
  }
  return absl::OkStatus();
}

// What was said before the question.
absl::Status AddHistory(std::vector<v1::ChatMessage> messages, v1::SearchRequest& search,
                        ChatRequest& out) {
  for (v1::ChatMessage& message : messages) {
    if (message.role() == "system") {
      out.warnings.push_back("an answer from a collection has no system message; it was not used");
      continue;
    }
    if (message.role() == "tool" || !message.tool_calls().empty()) {
      return Unsupported("messages", "an answer from a collection calls no tools");
    }
    v1::Turn& turn = *search.add_history();
    turn.set_role(message.role());
    turn.mutable_content()->Swap(message.mutable_content());
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::SearchAndAnswerRequest> Grounded(const json::object& body, const Frame& frame,
                                                    const Request& request,
                                                    std::vector<v1::ChatMessage> messages,
                                                    ChatRequest& out) {
  if (frame.n != 1) {
    return edge::InvalidField("n", "an answer from a collection is one text", "conflict");
  }
  if (frame.logprobs.has_value()) {
    return edge::InvalidField("logprobs", "not known of an answer from a collection", "conflict");
  }
  if (!frame.adapter.empty()) {
    return Unsupported("adapter",
                       "an answer from a collection is written by the generator as it is");
  }
  if (messages.back().role() != "user") {
    return edge::InvalidField("messages", "the last message, the question, is a user's");
  }
  v1::GenerateRequest tools;
  SL_RETURN_IF_ERROR(ReadTools(body, tools));
  if (!tools.tools().empty()) {
    return Unsupported("tools", "an answer from a collection calls no tools");
  }
  QueryRequest query;
  query.request.mutable_search()->set_no_cache(request.no_cache);
  for (const char* name : kAnswerFields) {
    if (const json::value* value = Member(body, name); value != nullptr) {
      SL_RETURN_IF_ERROR(ApplyQueryField(name, *value, request.max_timeout, query));
    }
  }
  query.request.mutable_search()->set_collection(frame.collection);
  *query.request.mutable_search()->mutable_query() = std::move(*messages.back().mutable_content());
  messages.pop_back();
  SL_RETURN_IF_ERROR(AddHistory(std::move(messages), *query.request.mutable_search(), out));
  query.request.set_json_schema(frame.schema);
  return std::move(query.request);
}

// Collects the form of a question about pictures.
class VisionSink final : public PartSink {
 public:
  absl::Status OnPartBegin(const PartHeader& header) override {
    if (header.name != "prompt" && header.name != "image_file") {
      return edge::InvalidField(header.name, "no such field; known are prompt, image_file",
                                "unknown_field");
    }
    is_prompt_ = header.name == "prompt";
    value_.clear();
    return absl::OkStatus();
  }
  absl::Status OnPartData(absl::string_view bytes) override {
    value_.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  absl::Status OnPartEnd() override {
    if (value_.empty()) {
      return edge::InvalidField(is_prompt_ ? "prompt" : "image_file", "holds no bytes", "empty");
    }
    if (!is_prompt_) {
      message.add_content()->set_image(std::exchange(value_, std::string()));
    } else if (!prompt.empty()) {
      return edge::InvalidField("prompt", "the field is given twice");
    } else if (!IsValidUtf8(value_)) {
      return edge::InvalidField("prompt", "the text is not UTF-8");
    } else {
      prompt = std::exchange(value_, std::string());
    }
    return absl::OkStatus();
  }

  v1::ChatMessage message;  // the pictures
  std::string prompt;

 private:
  bool is_prompt_ = false;
  std::string value_;
};

}  // namespace

int ChatRequest::choices() const {
  const auto* generate = std::get_if<v1::GenerateRequest>(&call);
  return generate == nullptr ? 1 : std::max(generate->n(), 1);
}

absl::StatusOr<ChatRequest> ReadChat(const Request& request) {
  SL_RETURN_IF_ERROR(RequireJson(request));
  SL_ASSIGN_OR_RETURN(const json::value value, ParseJson(request.body));
  if (!value.is_object()) return WrongType("body", "an object", value);
  const json::object& body = value.get_object();
  ChatRequest out;
  out.deadline = request.deadline;
  SL_RETURN_IF_ERROR(RefuseUnsupported(body));
  SL_ASSIGN_OR_RETURN(const Frame frame, ReadFrame(body, request, out));
  SL_ASSIGN_OR_RETURN(std::vector<v1::ChatMessage> messages,
                      ReadMessages(Member(body, "messages")));
  v1::SamplingOptions sampling;
  for (const json::key_value_pair& field : body) {
    if (field.value().is_null()) continue;
    const absl::string_view name(field.key().data(), field.key().size());
    SL_RETURN_IF_ERROR(ApplySampling(name, field.value(), sampling).status());
  }
  if (!frame.collection.empty()) {
    SL_ASSIGN_OR_RETURN(v1::SearchAndAnswerRequest answer,
                        Grounded(body, frame, request, std::move(messages), out));
    *answer.mutable_sampling() = std::move(sampling);
    out.call = std::move(answer);
    return out;
  }
  v1::GenerateRequest generate;
  for (v1::ChatMessage& message : messages) *generate.add_messages() = std::move(message);
  *generate.mutable_sampling() = std::move(sampling);
  generate.set_n(frame.n);
  if (frame.logprobs.has_value()) generate.set_logprobs(*frame.logprobs);
  generate.set_json_schema(frame.schema);
  SL_RETURN_IF_ERROR(ReadTools(body, generate));
  generate.set_adapter(frame.adapter);
  out.call = std::move(generate);
  return out;
}

absl::StatusOr<ChatRequest> ReadVisionForm(const Request& request) {
  if (MediaType(request.content_type) != "multipart/form-data") {
    return edge::InvalidField("Content-Type", "this route reads multipart/form-data",
                              "unknown_type");
  }
  VisionSink form;
  SL_ASSIGN_OR_RETURN(MultipartParser parser, MultipartParser::Create(request.content_type, &form));
  SL_RETURN_IF_ERROR(parser.Feed(request.body));
  SL_RETURN_IF_ERROR(parser.Finish());
  if (form.prompt.empty()) {
    return edge::InvalidField("prompt", "the question is required", "missing_field");
  }
  if (form.message.content().empty()) {
    return edge::InvalidField("image_file", "a picture is required", "missing_field");
  }
  v1::GenerateRequest generate;
  form.message.set_role("user");
  form.message.add_content()->set_text(form.prompt);
  *generate.add_messages() = std::move(form.message);
  ChatRequest out;
  out.deadline = request.deadline;
  out.call = std::move(generate);
  return out;
}

}  // namespace sightline::gateway
