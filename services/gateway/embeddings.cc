#include "services/gateway/embeddings.h"

#include <bit>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "services/edge/error_details.h"
#include "services/gateway/input_field.h"
#include "services/gateway/json_field.h"
#include "services/gateway/json_text.h"
#include "services/gateway/query_request.h"

namespace sightline::gateway {
namespace {

namespace json = boost::json;

absl::Status AddInputs(const json::value& value, v1::EmbedRequest& request) {
  if (!value.is_array()) {
    SL_ASSIGN_OR_RETURN(*request.add_inputs(), InputField("input", value));
    return absl::OkStatus();
  }
  for (const json::value& entry : value.get_array()) {
    if (entry.is_number() || entry.is_array()) {
      return edge::InvalidField("input", "token ids are not read; expected texts or pictures");
    }
    SL_ASSIGN_OR_RETURN(v1::EmbedInput input,
                        InputField(absl::StrCat("input[", request.inputs_size(), "]"), entry));
    *request.add_inputs() = std::move(input);
  }
  return absl::OkStatus();
}

// A conversation's form of one input: a system message is the instruction, a user's the content.
absl::Status AddMessages(const json::value& value, v1::EmbedRequest& request) {
  if (!value.is_array()) return WrongType("messages", "an array", value);
  v1::EmbedInput input;
  size_t index = 0;
  for (const json::value& entry : value.get_array()) {
    const std::string at = absl::StrCat("messages[", index++, "]");
    SL_ASSIGN_OR_RETURN(v1::EmbedInput message, InputField(at, entry));
    const json::value* role = Member(entry.get_object(), "role");
    if (role != nullptr && *role == "system" && message.content(0).has_text()) {
      request.set_instruction(message.content(0).text());
    } else if (role != nullptr && *role == "user") {
      input.mutable_content()->MergeFrom(message.content());
    } else {
      return edge::InvalidField(absl::StrCat(at, ".role"), "expected system or user");
    }
  }
  *request.add_inputs() = std::move(input);
  return absl::OkStatus();
}

absl::Status ApplyField(absl::string_view name, const json::value& value, EmbeddingsRequest& out) {
  if (name == "input") {
    return AddInputs(value, out.request);
  } else if (name == "messages") {
    return AddMessages(value, out.request);
  } else if (name == "dimensions") {
    if (!value.is_int64() || value.get_int64() < 1 || value.get_int64() > 65536) {
      return edge::InvalidField(name, "expected a whole number from 1 to 65536");
    }
    out.request.set_dimension(static_cast<int32_t>(value.get_int64()));
  } else if (name == "encoding_format") {
    if (value != "float" && value != "base64") {
      return edge::InvalidField(name, "expected \"float\" or \"base64\"");
    }
    out.base64 = value == "base64";
  } else if (name == "instruction") {
    SL_ASSIGN_OR_RETURN(*out.request.mutable_instruction(), StringField(name, value));
  } else if (name == "model" || name == "user") {
    return StringField(name, value).status();
  }
  return absl::OkStatus();
}

void AppendFloats(const v1::Embedding& embedding, std::string& out) {
  char digits[32];
  out += '[';
  for (int i = 0; i < embedding.values_size(); ++i) {
    if (i > 0) out += ',';
    const auto end = std::to_chars(digits, digits + sizeof(digits), embedding.values(i));
    out.append(digits, end.ptr);
  }
  out += ']';
}

void AppendBase64(const v1::Embedding& embedding, std::string& out) {
  static_assert(std::endian::native == std::endian::little);
  const auto* bytes = reinterpret_cast<const char*>(embedding.values().data());
  absl::StrAppend(
      &out, "\"",
      absl::Base64Escape(absl::string_view(bytes, embedding.values_size() * sizeof(float))), "\"");
}

}  // namespace

absl::StatusOr<EmbeddingsRequest> ReadEmbeddings(const Request& request) {
  SL_RETURN_IF_ERROR(RequireJson(request));
  SL_ASSIGN_OR_RETURN(const json::value body, ParseJson(request.body));
  if (!body.is_object()) return edge::InvalidField("body", "expected an object");
  EmbeddingsRequest out;
  for (const json::key_value_pair& field : body.get_object()) {
    if (field.value().is_null()) continue;
    SL_RETURN_IF_ERROR(
        ApplyField(absl::string_view(field.key().data(), field.key().size()), field.value(), out));
  }
  if (out.request.inputs().empty()) {
    return edge::InvalidField("input", "a text, a picture, or an array of them, is required",
                              "missing_field");
  }
  return out;
}

std::string EmbeddingsReplyJson(const v1::EmbedResponse& reply, bool base64) {
  std::string out = "{\"object\":\"list\",\"data\":[";
  for (int i = 0; i < reply.embeddings_size(); ++i) {
    absl::StrAppend(&out, i > 0 ? "," : "", "{\"object\":\"embedding\",\"index\":", i,
                    ",\"embedding\":");
    base64 ? AppendBase64(reply.embeddings(i), out) : AppendFloats(reply.embeddings(i), out);
    out += '}';
  }
  const int tokens = reply.usage().prompt_tokens();
  absl::StrAppend(&out, "],\"model\":", JsonString(reply.model()),
                  ",\"usage\":{\"prompt_tokens\":", tokens, ",\"total_tokens\":", tokens, "}}");
  return out;
}

}  // namespace sightline::gateway
