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
#include "services/gateway/json_text.h"
#include "services/gateway/query_request.h"

namespace sightline::gateway {
namespace {

namespace json = boost::json;

absl::Status AddInput(const json::value& value, v1::EmbedRequest& request) {
  if (!value.is_string() || value.get_string().empty()) {
    return edge::InvalidField(
        "input",
        "expected a text, or an array of texts, none of them empty; token ids are not read");
  }
  request.add_inputs()->add_content()->set_text(value.get_string().data(),
                                                value.get_string().size());
  return absl::OkStatus();
}

absl::Status ApplyField(absl::string_view name, const json::value& value, EmbeddingsRequest& out) {
  if (name == "input") {
    if (!value.is_array()) return AddInput(value, out.request);
    for (const json::value& entry : value.get_array()) {
      SL_RETURN_IF_ERROR(AddInput(entry, out.request));
    }
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
    if (!value.is_string()) return edge::InvalidField(name, "expected a string");
    out.request.set_instruction(value.get_string().data(), value.get_string().size());
  } else if (name != "model" && name != "user") {
    return edge::InvalidField(name, "no such field", "unknown_field");
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
    return edge::InvalidField("input", "a text, or an array of texts, is required",
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

std::string ModelListJson(const v1::GetModelResponse& reply) {
  std::string out;
  const auto add = [&](const v1::ModelPart& part, const char* role) {
    absl::StrAppend(&out, out.empty() ? "" : ",", "{\"id\":", JsonString(part.name()),
                    ",\"object\":\"model\",\"created\":0,\"owned_by\":\"sightline\",\"role\":\"",
                    role, "\"}");
  };
  if (reply.has_encoder()) add(reply.encoder(), "encoder");
  if (reply.has_reranker()) add(reply.reranker(), "reranker");
  if (reply.has_generator()) add(reply.generator(), "generator");
  return absl::StrCat("{\"object\":\"list\",\"data\":[", out, "]}");
}

}  // namespace sightline::gateway
