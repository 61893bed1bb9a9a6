#include "mcp/resources.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "proto/reply_json.h"

namespace sightline::mcp {
namespace {

constexpr char kScheme[] = "sightline://";

std::string Escaped(absl::string_view text) {
  std::string out;
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("-._~", c)) {
      out += c;
    } else {
      absl::StrAppend(&out, "%", absl::BytesToHexString(absl::string_view(&c, 1)));
    }
  }
  return out;
}

std::optional<std::string> Unescaped(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || !absl::ascii_isxdigit(text[i + 1]) ||
        !absl::ascii_isxdigit(text[i + 2])) {
      return std::nullopt;
    }
    out += absl::HexStringToBytes(text.substr(i + 1, 2));
    i += 2;
  }
  return out;
}

RpcError Failure(const absl::Status& status) {
  RpcError error = {kInternalError, std::string(status.message())};
  if (absl::IsNotFound(status)) error.code = kResourceNotFound;
  if (absl::IsInvalidArgument(status)) error.code = kInvalidParams;
  error.data = {{"reason", ReasonOf(status)}};
  return error;
}

Json Contents(const std::string& uri, const std::string& type, const char* key, std::string body) {
  return {{"contents", Json::array({{{"uri", uri}, {"mimeType", type}, {key, std::move(body)}}})}};
}

std::variant<Json, RpcError> ReadCollection(const std::string& uri, const std::string& name,
                                            const Stubs& stubs, Call& call) {
  v1::GetCollectionStatsRequest request;
  request.set_name(name);
  v1::GetCollectionStatsResponse reply;
  const absl::Status status = call.Run([&](grpc::ClientContext* context) {
    return stubs.collection->GetCollectionStats(context, request, &reply);
  });
  if (!status.ok()) return Failure(status);
  return Contents(uri, "application/json", "text", CollectionStatsJson(reply));
}

std::variant<Json, RpcError> ReadPassage(const std::string& uri, const std::string& id,
                                         const Stubs& stubs, Call& call) {
  v1::GetPassageRequest request;
  request.set_passage_id(id);
  v1::GetPassageResponse reply;
  const absl::Status status = call.Run([&](grpc::ClientContext* context) {
    return stubs.query->GetPassage(context, request, &reply);
  });
  if (!status.ok()) return Failure(status);
  return Contents(uri, "application/json", "text", PassageJson(reply.passage()));
}

std::variant<Json, RpcError> ReadPicture(const std::string& uri, const std::string& id,
                                         const Stubs& stubs, Call& call) {
  v1::GetPassageImageRequest request;
  request.set_passage_id(id);
  v1::GetPassageImageResponse reply;
  const absl::Status status = call.Run([&](grpc::ClientContext* context) {
    return stubs.query->GetPassageImage(context, request, &reply);
  });
  if (!status.ok()) return Failure(status);
  return Contents(uri, reply.media_type(), "blob", absl::Base64Escape(reply.data()));
}

}  // namespace

std::string PictureUri(absl::string_view passage_id) {
  return absl::StrCat(kScheme, "passages/", Escaped(passage_id), "/image");
}

std::variant<Json, RpcError> ResourceList(const Stubs& stubs, Call& call) {
  v1::ListCollectionsResponse reply;
  const absl::Status status = call.Run([&](grpc::ClientContext* context) {
    return stubs.collection->ListCollections(context, v1::ListCollectionsRequest(), &reply);
  });
  if (!status.ok()) return Failure(status);
  Json resources = Json::array();
  for (const v1::Collection& collection : reply.collections()) {
    resources.push_back({{"uri", absl::StrCat(kScheme, "collections/", Escaped(collection.name()))},
                         {"name", collection.name()},
                         {"description", "Figures of the collection " + collection.name()},
                         {"mimeType", "application/json"}});
  }
  return Json{{"resources", std::move(resources)}};
}

Json ResourceTemplates() {
  return {{"resourceTemplates",
           Json::array({{{"uriTemplate", "sightline://passages/{passage_id}/image"},
                         {"name", "picture"},
                         {"title", "Picture of a passage"},
                         {"description", "A photo, figure or page as it is stored"}},
                        {{"uriTemplate", "sightline://passages/{passage_id}"},
                         {"name", "passage"},
                         {"title", "Passage"},
                         {"description", "Text, place and metadata of a passage"},
                         {"mimeType", "application/json"}},
                        {{"uriTemplate", "sightline://collections/{collection}"},
                         {"name", "collection"},
                         {"title", "Collection"},
                         {"description", "How much a collection holds"},
                         {"mimeType", "application/json"}}})}};
}

std::variant<Json, RpcError> ReadResource(const Json& params, const Stubs& stubs, Call& call) {
  const auto given = params.find("uri");
  if (given == params.end() || !given->is_string()) {
    return RpcError{kInvalidParams, "params.uri: expected a string"};
  }
  const std::string uri = *given;
  absl::string_view rest = uri;
  const RpcError unknown = {
      kResourceNotFound, absl::StrCat("there is nothing at ", uri), {{"uri", uri}}};
  if (!absl::ConsumePrefix(&rest, kScheme)) return unknown;
  const std::vector<absl::string_view> parts = absl::StrSplit(rest, '/');
  if (parts.size() < 2) return unknown;
  const std::optional<std::string> name = Unescaped(parts[1]);
  if (!name.has_value() || name->empty()) return unknown;
  if (parts[0] == "collections" && parts.size() == 2) {
    return ReadCollection(uri, *name, stubs, call);
  }
  if (parts[0] == "passages" && parts.size() == 2) return ReadPassage(uri, *name, stubs, call);
  if (parts[0] == "passages" && parts.size() == 3 && parts[2] == "image") {
    return ReadPicture(uri, *name, stubs, call);
  }
  return unknown;
}

}  // namespace sightline::mcp
