#include "mcp/tools.h"

#include <cmath>
#include <set>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "mcp/history.h"
#include "mcp/resources.h"
#include "proto/reply_json.h"

namespace sightline::mcp {
namespace {

constexpr int kPictureSide = 1024;

Json Property(const char* type, const char* description) {
  return {{"type", type}, {"description", description}};
}

Json Whole(int least, int most, const char* description) {
  return {{"type", "integer"}, {"minimum", least}, {"maximum", most}, {"description", description}};
}

Json HistoryProperty() {
  return {{"type", "array"},
          {"description",
           "What was said before, oldest first: a question that leans on it (And who makes it?) is "
           "searched and answered with it"},
          {"items",
           {{"type", "object"},
            {"properties",
             {{"role", {{"type", "string"}, {"enum", Json::array({"user", "assistant"})}}},
              {"content", Property("string", "The message's words")}}},
            {"required", Json::array({"role", "content"})}}}};
}

// What search and ask share.
Json QueryProperties(const char* text, const char* text_description) {
  return {
      {text, Property("string", text_description)},
      {"image", Property("string", "A picture to look for or ask about, as a data: URL")},
      {"collection", Property("string", "Name of the collection; list_collections tells them")},
      {"k", Whole(1, 100, "Passages to find; default 10")},
      {"filter", Property("string", "Only documents whose metadata fit, e.g. year >= 2023")},
  };
}

Json Tool(const char* name, const char* title, const char* description, Json properties,
          Json required) {
  return {{"name", name},
          {"title", title},
          {"description", description},
          {"inputSchema",
           {{"type", "object"},
            {"properties", std::move(properties)},
            {"required", std::move(required)},
            {"additionalProperties", false}}},
          {"outputSchema", {{"type", "object"}}},
          {"annotations",
           {{"readOnlyHint", true}, {"idempotentHint", true}, {"openWorldHint", false}}}};
}

const Json& Tools() {
  static const auto* const kTools = new Json([] {
    Json ask = QueryProperties("question", "The question");
    ask["max_tokens"] = Whole(1, 32768, "Longest answer");
    ask["history"] = HistoryProperty();
    ask["regions"] = Property("boolean", "Also where in the pictures it cites");
    return Json::array(
        {Tool("search", "Search a collection",
              "Finds passages of a collection's documents and pictures, by words, by a picture, or "
              "by both. Each hit has its passage_id, source, page, start and end (seconds of a "
              "video), text and score; the picture of "
              "a hit can be read as resource sightline://passages/ID/image.",
              QueryProperties("query", "What to look for"), Json::array({"collection"})),
         Tool("ask", "Answer from a collection",
              "Answers a question from a collection's passages. The answer's [n] are its "
              "citations, each with source, page or start_seconds and end_seconds, the words it "
              "rests on, and whether they support "
              "it.",
              std::move(ask), Json::array({"collection"})),
         Tool("get_passage", "Read a passage",
              "One passage in full: text, headings, page, place on the page, metadata.",
              {{"passage_id", Property("string", "As search and ask give it")},
               {"with_image", Property("boolean",
                                       "Also show the passage's picture, where it has "
                                       "one")}},
              Json::array({"passage_id"})),
         Tool("list_collections", "List the collections", "The collections that can be searched.",
              Json::object(), Json::array())});
  }());
  return *kTools;
}

absl::Status WithReason(absl::Status status) {
  status.SetPayload("sightline/reason", absl::Cord("invalid_field"));
  return status;
}

absl::Status Wrong(absl::string_view name, absl::string_view expected) {
  return WithReason(absl::InvalidArgumentError(absl::StrCat(name, ": expected ", expected)));
}

// Holds `arguments` against the tool's schema, as far as the schemas above go.
absl::Status Check(const Json& arguments, const Json& schema) {
  for (const Json& name : schema["required"]) {
    if (!arguments.contains(name.get<std::string>())) {
      return Wrong(name.get<std::string>(), "a value, it is required");
    }
  }
  for (const auto& [name, value] : arguments.items()) {
    const auto property = schema["properties"].find(name);
    if (property == schema["properties"].end()) return Wrong(name, "no such argument");
    const std::string type = (*property)["type"];
    const bool fits = type == "string"    ? value.is_string()
                      : type == "boolean" ? value.is_boolean()
                      : type == "array"   ? value.is_array()
                                          : value.is_number_integer();
    if (!fits) return Wrong(name, absl::StrCat("a value of type ", type));
    if (type == "integer" && (value < (*property)["minimum"] || value > (*property)["maximum"])) {
      return Wrong(name, absl::StrCat((*property)["minimum"].get<int>(), " to ",
                                      (*property)["maximum"].get<int>()));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::SearchRequest> SearchOf(const Json& arguments, const char* text,
                                           const Call& call) {
  v1::SearchRequest search;
  search.set_collection(arguments["collection"].get<std::string>());
  if (arguments.contains("image")) {
    const std::string image = arguments["image"];
    if (!absl::StartsWithIgnoreCase(image, "data:")) return Wrong("image", "a data: URL");
    search.add_query()->set_image_uri(image);
  }
  if (const std::string words = arguments.value(text, ""); !words.empty()) {
    search.add_query()->set_text(words);
  }
  if (search.query().empty()) return Wrong(text, "words, or an image, or both");
  search.set_k(arguments.value("k", 0));
  search.set_filter(arguments.value("filter", ""));
  search.set_no_cache(call.no_cache());
  return search;
}

// A result whose structure is `text`, JSON, with `more` behind it.
Json Result(const std::string& text, Json more = Json::array()) {
  Json content = Json::array({{{"type", "text"}, {"text", text}}});
  for (Json& block : more) content.push_back(std::move(block));
  return {{"content", std::move(content)}, {"structuredContent", Json::parse(text)}};
}

// Links to the pictures of `hits`.
Json PictureLinks(const google::protobuf::RepeatedPtrField<v1::Hit>& hits) {
  Json links = Json::array();
  for (const v1::Hit& hit : hits) {
    if (!hit.passage().has_image()) continue;
    links.push_back({{"type", "resource_link"},
                     {"uri", PictureUri(hit.passage().passage_id())},
                     {"name", hit.passage().source()},
                     {"description", "The picture of passage " + hit.passage().passage_id()}});
  }
  return links;
}

absl::StatusOr<Json> Search(const Json& arguments, const Stubs& stubs, Call& call) {
  SL_ASSIGN_OR_RETURN(const v1::SearchRequest request, SearchOf(arguments, "query", call));
  v1::SearchResponse reply;
  SL_RETURN_IF_ERROR(call.Run(
      [&](grpc::ClientContext* context) { return stubs.query->Search(context, request, &reply); }));
  return Result(SearchReplyJson(reply), PictureLinks(reply.hits()));
}

absl::StatusOr<Json> Ask(const Json& arguments, const Stubs& stubs, Call& call) {
  v1::SearchAndAnswerRequest request;
  SL_ASSIGN_OR_RETURN(*request.mutable_search(), SearchOf(arguments, "question", call));
  request.mutable_sampling()->set_max_tokens(arguments.value("max_tokens", 0));
  request.set_regions(arguments.value("regions", false));
  if (arguments.contains("history")) {
    auto history = ReadHistory(arguments["history"]);
    if (!history.ok()) return WithReason(history.status());
    for (v1::Turn& turn : *history) {
      for (const v1::Content& part : turn.content()) {
        if (part.has_image_uri() && !absl::StartsWithIgnoreCase(part.image_uri(), "data:")) {
          return Wrong("history", "pictures as data: URLs");
        }
      }
      *request.mutable_search()->add_history() = std::move(turn);
    }
  }
  v1::AnswerResponse reply;
  SL_RETURN_IF_ERROR(call.Run(
      [&](grpc::ClientContext* context) { return stubs.query->Answer(context, request, &reply); }));
  return Result(AnswerReplyJson(reply), PictureLinks(reply.hits()));
}

absl::StatusOr<Json> GetPassage(const Json& arguments, const Stubs& stubs, Call& call) {
  const std::string id = arguments["passage_id"];
  v1::GetPassageRequest request;
  request.set_passage_id(id);
  v1::GetPassageResponse reply;
  SL_RETURN_IF_ERROR(call.Run([&](grpc::ClientContext* context) {
    return stubs.query->GetPassage(context, request, &reply);
  }));
  Json more = Json::array();
  if (arguments.value("with_image", false) && reply.passage().has_image()) {
    v1::GetPassageImageRequest wanted;
    wanted.set_passage_id(id);
    wanted.set_max_side(kPictureSide);
    v1::GetPassageImageResponse picture;
    SL_RETURN_IF_ERROR(call.Run([&](grpc::ClientContext* context) {
      return stubs.query->GetPassageImage(context, wanted, &picture);
    }));
    more.push_back({{"type", "image"},
                    {"data", absl::Base64Escape(picture.data())},
                    {"mimeType", picture.media_type()}});
  }
  return Result(PassageJson(reply.passage()), std::move(more));
}

absl::StatusOr<Json> ListCollections(const Stubs& stubs, Call& call) {
  v1::ListCollectionsResponse reply;
  SL_RETURN_IF_ERROR(call.Run([&](grpc::ClientContext* context) {
    return stubs.collection->ListCollections(context, v1::ListCollectionsRequest(), &reply);
  }));
  return Result(CollectionListJson(reply));
}

absl::StatusOr<Json> Run(const std::string& name, const Json& arguments, const Json& tool,
                         const Stubs& stubs, Call& call) {
  SL_RETURN_IF_ERROR(Check(arguments, tool["inputSchema"]));
  if (name == "search") return Search(arguments, stubs, call);
  if (name == "ask") return Ask(arguments, stubs, call);
  if (name == "get_passage") return GetPassage(arguments, stubs, call);
  return ListCollections(stubs, call);
}

}  // namespace

Json ToolList() { return {{"tools", Tools()}}; }

std::variant<Json, RpcError> CallTool(const Json& params, const Stubs& stubs, Call& call) {
  const auto name = params.find("name");
  if (name == params.end() || !name->is_string()) {
    return RpcError{kInvalidParams, "params.name: expected the name of a tool"};
  }
  const Json arguments = params.value("arguments", Json::object());
  if (!arguments.is_object()) {
    return RpcError{kInvalidParams, "params.arguments: expected an object"};
  }
  for (const Json& tool : Tools()) {
    if (tool["name"] != *name) continue;
    absl::StatusOr<Json> result = Run(name->get<std::string>(), arguments, tool, stubs, call);
    if (result.ok()) return *std::move(result);
    const std::string text =
        absl::StrCat(ReasonOf(result.status()), ": ", result.status().message());
    return Json{{"content", Json::array({{{"type", "text"}, {"text", text}}})}, {"isError", true}};
  }
  return RpcError{kInvalidParams,
                  absl::StrCat("there is no tool \"", name->get<std::string>(), "\"")};
}

}  // namespace sightline::mcp
