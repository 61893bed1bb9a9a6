#include "services/gateway/verify.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "services/edge/error_details.h"
#include "services/gateway/json_field.h"
#include "services/gateway/json_text.h"
#include "services/gateway/query_request.h"

namespace sightline::gateway {
namespace {

namespace json = boost::json;

absl::Status UnknownField(absl::string_view name, absl::string_view known) {
  return edge::InvalidField(name, absl::StrCat("no such field; known are ", known),
                            "unknown_field");
}

absl::StatusOr<v1::Claim> ReadClaim(const std::string& at, const json::value& value) {
  v1::Claim out;
  if (value.is_string()) {
    SL_ASSIGN_OR_RETURN(*out.mutable_text(), StringField(at, value));
    return out;
  }
  if (!value.is_object()) return WrongType(at, "a string or an object", value);
  for (const json::key_value_pair& field : value.get_object()) {
    const absl::string_view name(field.key().data(), field.key().size());
    const std::string path = absl::StrCat(at, ".", name);
    if (field.value().is_null()) continue;
    if (name == "text") {
      SL_ASSIGN_OR_RETURN(*out.mutable_text(), StringField(path, field.value()));
    } else if (name == "passage_ids") {
      SL_ASSIGN_OR_RETURN(const std::vector<std::string> ids, StringsField(path, field.value()));
      out.mutable_passage_ids()->Assign(ids.begin(), ids.end());
    } else if (name == "document_ids") {
      SL_ASSIGN_OR_RETURN(const std::vector<std::string> ids, StringsField(path, field.value()));
      out.mutable_document_ids()->Assign(ids.begin(), ids.end());
    } else {
      return UnknownField(path, "text, passage_ids, document_ids");
    }
  }
  return out;
}

absl::Status ReadClaims(const json::value& value, v1::CheckClaimsRequest& out) {
  if (value.is_string()) {
    SL_ASSIGN_OR_RETURN(*out.add_claims(), ReadClaim("claims", value));
    return absl::OkStatus();
  }
  if (!value.is_array()) return WrongType("claims", "a string or an array", value);
  for (const json::value& entry : value.get_array()) {
    SL_ASSIGN_OR_RETURN(v1::Claim claim,
                        ReadClaim(absl::StrCat("claims[", out.claims_size(), "]"), entry));
    *out.add_claims() = std::move(claim);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::CheckClaimsRequest> ReadVerify(const Request& request) {
  SL_RETURN_IF_ERROR(RequireJson(request));
  SL_ASSIGN_OR_RETURN(const json::value body, ParseJson(request.body));
  if (!body.is_object()) return WrongType("body", "an object", body);
  v1::CheckClaimsRequest out;
  out.set_no_cache(request.no_cache);
  for (const json::key_value_pair& field : body.get_object()) {
    const absl::string_view name(field.key().data(), field.key().size());
    const json::value& value = field.value();
    if (value.is_null()) continue;
    if (name == "collection") {
      SL_ASSIGN_OR_RETURN(*out.mutable_collection(), StringField(name, value));
    } else if (name == "claims") {
      SL_RETURN_IF_ERROR(ReadClaims(value, out));
    } else if (name == "k") {
      SL_ASSIGN_OR_RETURN(const int32_t k, PositiveField(name, value));
      out.set_k(k);
    } else if (name == "filter") {
      SL_ASSIGN_OR_RETURN(*out.mutable_filter(), StringField(name, value));
    } else if (name == "no_cache") {
      SL_ASSIGN_OR_RETURN(const bool no_cache, BooleanField(name, value));
      out.set_no_cache(out.no_cache() || no_cache);
    } else {
      return UnknownField(name, "collection, claims, k, filter, no_cache");
    }
  }
  return out;
}

}  // namespace sightline::gateway
