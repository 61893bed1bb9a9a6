#include "services/gateway/rerank.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <numeric>
#include <utility>
#include <vector>

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

std::string TextOf(const v1::EmbedInput& document) {
  std::string text;
  for (const v1::Content& part : document.content()) {
    if (part.has_text()) absl::StrAppend(&text, text.empty() ? "" : "\n", part.text());
  }
  return text;
}

}  // namespace

absl::StatusOr<RerankCall> ReadRerank(const Request& request) {
  SL_RETURN_IF_ERROR(RequireJson(request));
  SL_ASSIGN_OR_RETURN(const json::value value, ParseJson(request.body));
  if (!value.is_object()) return WrongType("body", "an object", value);
  const json::object& body = value.get_object();
  RerankCall out;
  const json::value* query = Member(body, "query");
  if (query == nullptr) {
    return edge::InvalidField("query", "the query is required", "missing_field");
  }
  SL_ASSIGN_OR_RETURN(v1::EmbedInput content, InputField("query", *query));
  *out.request.mutable_query() = std::move(*content.mutable_content());
  const json::value* documents = Member(body, "documents");
  if (documents == nullptr) {
    return edge::InvalidField("documents", "the documents are required", "missing_field");
  }
  if (!documents->is_array()) return WrongType("documents", "an array", *documents);
  for (const json::value& entry : documents->get_array()) {
    SL_ASSIGN_OR_RETURN(
        v1::EmbedInput document,
        InputField(absl::StrCat("documents[", out.request.documents_size(), "]"), entry));
    *out.request.add_documents() = std::move(document);
  }
  if (const json::value* top = Member(body, "top_n"); top != nullptr) {
    SL_ASSIGN_OR_RETURN(out.top_n, PositiveField("top_n", *top));
  }
  if (const json::value* back = Member(body, "return_documents"); back != nullptr) {
    SL_ASSIGN_OR_RETURN(out.return_documents, BooleanField("return_documents", *back));
  }
  if (const json::value* instruction = Member(body, "instruction"); instruction != nullptr) {
    SL_ASSIGN_OR_RETURN(*out.request.mutable_instruction(),
                        StringField("instruction", *instruction));
  }
  if (const json::value* model = Member(body, "model"); model != nullptr) {
    SL_RETURN_IF_ERROR(StringField("model", *model).status());
  }
  return out;
}

std::string RerankReplyJson(const RerankCall& call, const v1::RerankResponse& reply,
                            absl::string_view id) {
  std::vector<int> order(reply.scores_size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return reply.scores(a) > reply.scores(b); });
  if (call.top_n > 0 && call.top_n < static_cast<int>(order.size())) order.resize(call.top_n);
  std::string out = absl::StrCat("{\"id\":", JsonString(absl::StrCat("rerank-", id)),
                                 ",\"model\":", JsonString(reply.model()), ",\"results\":[");
  for (size_t i = 0; i < order.size(); ++i) {
    absl::StrAppend(&out, i > 0 ? "," : "", "{\"index\":", order[i],
                    ",\"relevance_score\":", reply.scores(order[i]));
    if (call.return_documents) {
      absl::StrAppend(&out, ",\"document\":{\"text\":",
                      JsonString(TextOf(call.request.documents(order[i]))), "}");
    }
    out += '}';
  }
  return out + "]}";
}

}  // namespace sightline::gateway
