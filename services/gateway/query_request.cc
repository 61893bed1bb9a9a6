#include "services/gateway/query_request.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "base/utf8.h"
#include "services/edge/error_details.h"
#include "services/gateway/history_field.h"
#include "services/gateway/json_field.h"
#include "services/gateway/json_text.h"
#include "services/gateway/multipart.h"
#include "services/gateway/picture_url.h"

namespace sightline::gateway {
namespace {

namespace json = boost::json;

enum class Type {
  kString,
  kStrings,
  kInteger,
  kNumber,
  kBoolean,
  kCrop,
  kParts,
  kHistory,
  kSchema
};

struct FieldSpec {
  const char* name;
  Type type;
  bool answer_only;
};

// Every field of the body. A form sends the same names as text; there `image` holds files or URLs.
constexpr FieldSpec kFields[] = {
    {"text", Type::kString, false},
    {"images", Type::kStrings, false},
    {"parts", Type::kParts, false},
    {"collection", Type::kString, false},
    {"k", Type::kInteger, false},
    {"filter", Type::kString, false},
    {"mode", Type::kString, false},
    {"rerank", Type::kBoolean, false},
    {"crop", Type::kCrop, false},
    {"instruction", Type::kString, false},
    {"candidates", Type::kInteger, false},
    {"group_by_document", Type::kBoolean, false},
    {"group_size", Type::kInteger, false},
    {"neighbours", Type::kInteger, false},
    {"explain", Type::kBoolean, false},
    {"collapse_near_duplicates", Type::kBoolean, false},
    {"no_patches", Type::kBoolean, false},
    {"dense_weight", Type::kNumber, false},
    {"second_look", Type::kBoolean, false},
    {"time_from", Type::kString, false},
    {"time_to", Type::kString, false},
    {"history", Type::kHistory, false},
    {"no_cache", Type::kBoolean, false},
    {"timeout", Type::kNumber, false},
    {"stream", Type::kBoolean, false},
    {"answer_mode", Type::kString, true},
    {"verdict_policy", Type::kString, true},
    {"max_tokens", Type::kInteger, true},
    {"temperature", Type::kNumber, true},
    {"top_p", Type::kNumber, true},
    {"top_k", Type::kInteger, true},
    {"repetition_penalty", Type::kNumber, true},
    {"presence_penalty", Type::kNumber, true},
    {"seed", Type::kInteger, true},
    {"stop", Type::kStrings, true},
    {"json_schema", Type::kSchema, true},
    {"reasoning", Type::kBoolean, true},
    {"regions", Type::kBoolean, true},
};

const FieldSpec* FindField(absl::string_view name, QueryKind kind) {
  for (const FieldSpec& field : kFields) {
    if (name == field.name && (kind == QueryKind::kAnswer || !field.answer_only)) return &field;
  }
  return nullptr;
}

absl::Status UnknownField(absl::string_view name, QueryKind kind) {
  std::vector<absl::string_view> known;
  for (const FieldSpec& field : kFields) {
    if (kind == QueryKind::kAnswer || !field.answer_only) known.push_back(field.name);
  }
  return edge::InvalidField(
      name, absl::StrCat("no such field; known are ", absl::StrJoin(known, ", ")), "unknown_field");
}

constexpr std::pair<const char*, v1::SearchMode> kModes[] = {{"hybrid", v1::SEARCH_MODE_HYBRID},
                                                             {"dense", v1::SEARCH_MODE_DENSE},
                                                             {"lexical", v1::SEARCH_MODE_LEXICAL}};
constexpr std::pair<const char*, v1::AnswerMode> kAnswerModes[] = {
    {"generative", v1::ANSWER_MODE_GENERATIVE}, {"extractive", v1::ANSWER_MODE_EXTRACTIVE}};
constexpr std::pair<const char*, v1::VerdictPolicy> kPolicies[] = {
    {"flag", v1::VERDICT_POLICY_FLAG},
    {"drop", v1::VERDICT_POLICY_DROP},
    {"regenerate", v1::VERDICT_POLICY_REGENERATE}};

absl::StatusOr<v1::Box> CropBox(absl::string_view name, const json::value& value) {
  constexpr absl::string_view kExpected =
      "expected [x0,y0,x1,y1], fractions of the picture with 0 <= x0 < x1 <= 1 and "
      "0 <= y0 < y1 <= 1";
  if (!value.is_array() || value.get_array().size() != 4) {
    return edge::InvalidField(name, kExpected);
  }
  float edges[4];
  for (int i = 0; i < 4; ++i) {
    SL_ASSIGN_OR_RETURN(const double number, NumberField(name, value.get_array()[i]));
    edges[i] = static_cast<float>(number);
  }
  if (!(0 <= edges[0] && edges[0] < edges[2] && edges[2] <= 1 && 0 <= edges[1] &&
        edges[1] < edges[3] && edges[3] <= 1)) {
    return edge::InvalidField(name, kExpected);
  }
  v1::Box box;
  box.set_x0(edges[0]);
  box.set_y0(edges[1]);
  box.set_x1(edges[2]);
  box.set_y1(edges[3]);
  return box;
}

// `crop` is one box for the only picture, or one box or null for each picture in order.
absl::Status ApplyCrop(const json::value& value, std::vector<v1::Content>& pictures) {
  if (!value.is_array()) return WrongType("crop", "[x0,y0,x1,y1]", value);
  const json::array& list = value.get_array();
  if (!list.empty() && list[0].is_number()) {
    if (pictures.size() != 1) {
      return edge::InvalidField(
          "crop", absl::StrCat("one box fits one picture, there are ", pictures.size(),
                               "; give a list with one box or null for each"));
    }
    SL_ASSIGN_OR_RETURN(*pictures[0].mutable_crop(), CropBox("crop", value));
    return absl::OkStatus();
  }
  if (list.size() != pictures.size()) {
    return edge::InvalidField("crop", absl::StrCat("there are ", pictures.size(), " pictures and ",
                                                   list.size(), " boxes"));
  }
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i].is_null()) continue;
    SL_ASSIGN_OR_RETURN(*pictures[i].mutable_crop(),
                        CropBox(absl::StrCat("crop[", i, "]"), list[i]));
  }
  return absl::OkStatus();
}

// One entry of `parts`: {"text"|"image"|"passage_id"|"document_id", "weight"?, "crop"?}.
absl::StatusOr<v1::Content> Part(const std::string& name, const json::value& value) {
  if (!value.is_object()) return WrongType(name, "an object", value);
  v1::Content out;
  int kinds = 0;
  for (const json::key_value_pair& entry : value.get_object()) {
    const absl::string_view key(entry.key().data(), entry.key().size());
    const std::string at = absl::StrCat(name, ".", key);
    if (key == "weight") {
      SL_ASSIGN_OR_RETURN(const double weight, NumberField(at, entry.value()));
      out.set_weight(static_cast<float>(weight));
      continue;
    }
    if (key == "crop") {
      SL_ASSIGN_OR_RETURN(*out.mutable_crop(), CropBox(at, entry.value()));
      continue;
    }
    if (key != "text" && key != "image" && key != "passage_id" && key != "document_id") {
      return edge::InvalidField(
          at, "no such field; known are text, image, passage_id, document_id, weight, crop",
          "unknown_field");
    }
    ++kinds;
    SL_ASSIGN_OR_RETURN(std::string text, StringField(at, entry.value()));
    if (key == "text") out.set_text(std::move(text));
    if (key == "passage_id") out.set_passage_id(std::move(text));
    if (key == "document_id") out.set_document_id(std::move(text));
    if (key != "image") continue;
    SL_ASSIGN_OR_RETURN(v1::Content picture, PictureFromUrl(at, text));
    out.MergeFrom(picture);
  }
  if (kinds == 1) return out;
  return edge::InvalidField(name, "expected one of text, image, passage_id, document_id");
}

absl::StatusOr<std::vector<v1::Content>> Parts(const json::value& value) {
  if (!value.is_array()) return WrongType("parts", "an array of objects", value);
  std::vector<v1::Content> out;
  for (const json::value& entry : value.get_array()) {
    SL_ASSIGN_OR_RETURN(v1::Content part, Part(absl::StrCat("parts[", out.size(), "]"), entry));
    out.push_back(std::move(part));
  }
  return out;
}

// Every field but text, images, parts and crop. Sets the member of `out` that `name` stands for.
absl::Status ApplyField(absl::string_view name, const json::value& value,
                        absl::Duration max_timeout, QueryRequest& out) {
  v1::SearchRequest& search = *out.request.mutable_search();
  v1::SamplingOptions& sampling = *out.request.mutable_sampling();
  if (name == "collection") {
    SL_ASSIGN_OR_RETURN(*search.mutable_collection(), StringField(name, value));
  } else if (name == "filter") {
    SL_ASSIGN_OR_RETURN(*search.mutable_filter(), StringField(name, value));
  } else if (name == "instruction") {
    SL_ASSIGN_OR_RETURN(*search.mutable_instruction(), StringField(name, value));
  } else if (name == "k") {
    SL_ASSIGN_OR_RETURN(const int32_t k, PositiveField(name, value));
    search.set_k(k);
  } else if (name == "candidates") {
    SL_ASSIGN_OR_RETURN(const int32_t candidates, PositiveField(name, value));
    search.set_candidates(candidates);
  } else if (name == "mode") {
    SL_ASSIGN_OR_RETURN(const v1::SearchMode mode, ChoiceField(name, value, kModes));
    search.set_mode(mode);
  } else if (name == "rerank") {
    SL_ASSIGN_OR_RETURN(const bool rerank, BooleanField(name, value));
    search.set_rerank(rerank);
  } else if (name == "group_by_document") {
    SL_ASSIGN_OR_RETURN(const bool group, BooleanField(name, value));
    search.set_group_by_document(group);
  } else if (name == "collapse_near_duplicates") {
    SL_ASSIGN_OR_RETURN(const bool collapse, BooleanField(name, value));
    search.set_collapse_near_duplicates(collapse);
  } else if (name == "group_size") {
    SL_ASSIGN_OR_RETURN(const int32_t size, PositiveField(name, value));
    search.set_group_size(size);
  } else if (name == "neighbours") {
    SL_ASSIGN_OR_RETURN(const int32_t neighbours, WholeField(name, value, 0));
    search.set_neighbours(neighbours);
  } else if (name == "explain") {
    SL_ASSIGN_OR_RETURN(const bool explain, BooleanField(name, value));
    search.set_explain(explain);
  } else if (name == "no_patches") {
    SL_ASSIGN_OR_RETURN(const bool no_patches, BooleanField(name, value));
    search.set_no_patches(no_patches);
  } else if (name == "dense_weight") {
    SL_ASSIGN_OR_RETURN(const double weight, NumberField(name, value));
    search.set_dense_weight(weight);
  } else if (name == "second_look") {
    SL_ASSIGN_OR_RETURN(const bool second_look, BooleanField(name, value));
    search.set_second_look(second_look);
  } else if (name == "no_cache") {
    SL_ASSIGN_OR_RETURN(const bool no_cache, BooleanField(name, value));
    search.set_no_cache(search.no_cache() || no_cache);
  } else if (name == "time_from") {
    SL_ASSIGN_OR_RETURN(*search.mutable_time_from(), StringField(name, value));
  } else if (name == "time_to") {
    SL_ASSIGN_OR_RETURN(*search.mutable_time_to(), StringField(name, value));
  } else if (name == "history") {
    SL_ASSIGN_OR_RETURN(std::vector<v1::Turn> turns, HistoryField(name, value));
    for (v1::Turn& turn : turns) *search.add_history() = std::move(turn);
  } else if (name == "timeout") {
    SL_ASSIGN_OR_RETURN(const double seconds, NumberField(name, value));
    SL_ASSIGN_OR_RETURN(out.deadline, DeadlineIn(seconds, max_timeout));
  } else if (name == "stream") {
    SL_ASSIGN_OR_RETURN(out.stream, BooleanField(name, value));
  } else if (name == "answer_mode") {
    SL_ASSIGN_OR_RETURN(const v1::AnswerMode mode, ChoiceField(name, value, kAnswerModes));
    out.request.set_mode(mode);
  } else if (name == "verdict_policy") {
    SL_ASSIGN_OR_RETURN(const v1::VerdictPolicy policy, ChoiceField(name, value, kPolicies));
    out.request.set_verdict_policy(policy);
  } else if (name == "max_tokens") {
    SL_ASSIGN_OR_RETURN(const int32_t tokens, PositiveField(name, value));
    sampling.set_max_tokens(tokens);
  } else if (name == "temperature") {
    SL_ASSIGN_OR_RETURN(const double temperature, NumberField(name, value));
    sampling.set_temperature(static_cast<float>(temperature));
  } else if (name == "top_p") {
    SL_ASSIGN_OR_RETURN(const double top_p, NumberField(name, value));
    sampling.set_top_p(static_cast<float>(top_p));
  } else if (name == "top_k") {
    SL_ASSIGN_OR_RETURN(const int32_t top_k, PositiveField(name, value));
    sampling.set_top_k(top_k);
  } else if (name == "repetition_penalty") {
    SL_ASSIGN_OR_RETURN(const double penalty, NumberField(name, value));
    sampling.set_repetition_penalty(static_cast<float>(penalty));
  } else if (name == "presence_penalty") {
    SL_ASSIGN_OR_RETURN(const double penalty, NumberField(name, value));
    sampling.set_presence_penalty(static_cast<float>(penalty));
  } else if (name == "seed") {
    SL_ASSIGN_OR_RETURN(const uint64_t seed, SeedField(name, value));
    sampling.set_seed(seed);
  } else if (name == "stop") {
    SL_ASSIGN_OR_RETURN(const std::vector<std::string> stop, StringsField(name, value));
    sampling.mutable_stop()->Assign(stop.begin(), stop.end());
  } else if (name == "json_schema") {
    if (!value.is_object()) return WrongType(name, "an object", value);
    out.request.set_json_schema(json::serialize(value));
  } else if (name == "reasoning") {
    SL_ASSIGN_OR_RETURN(const bool reasoning, BooleanField(name, value));
    out.request.set_reasoning(reasoning);
  } else if (name == "regions") {
    SL_ASSIGN_OR_RETURN(const bool regions, BooleanField(name, value));
    out.request.set_regions(regions);
  }
  return absl::OkStatus();
}

// `pictures` come before those of `images`.
absl::StatusOr<QueryRequest> Build(const json::object& fields, std::vector<v1::Content> pictures,
                                   QueryKind kind, const Request& request) {
  QueryRequest out;
  out.deadline = request.deadline;
  out.request.mutable_search()->set_no_cache(request.no_cache);
  std::string text;
  std::vector<v1::Content> parts;
  const json::value* crop = nullptr;
  for (const json::key_value_pair& field : fields) {
    const absl::string_view name(field.key().data(), field.key().size());
    if (FindField(name, kind) == nullptr) return UnknownField(name, kind);
    if (field.value().is_null()) continue;
    if (name == "text") {
      SL_ASSIGN_OR_RETURN(text, StringField(name, field.value()));
    } else if (name == "images") {
      SL_ASSIGN_OR_RETURN(const std::vector<std::string> urls, StringsField(name, field.value()));
      for (size_t i = 0; i < urls.size(); ++i) {
        SL_ASSIGN_OR_RETURN(v1::Content picture,
                            PictureFromUrl(absl::StrCat("images[", i, "]"), urls[i]));
        pictures.push_back(std::move(picture));
      }
    } else if (name == "parts") {
      SL_ASSIGN_OR_RETURN(parts, Parts(field.value()));
    } else if (name == "crop") {
      crop = &field.value();
    } else {
      SL_RETURN_IF_ERROR(ApplyField(name, field.value(), request.max_timeout, out));
    }
  }
  if (crop != nullptr) SL_RETURN_IF_ERROR(ApplyCrop(*crop, pictures));
  v1::SearchRequest& search = *out.request.mutable_search();
  if (search.collection().empty()) {
    return edge::InvalidField("collection", "the name of a collection is required",
                              "missing_field");
  }
  if (text.empty() && pictures.empty() && parts.empty()) {
    return edge::InvalidField("text", "a query has text, pictures, parts, or all of them",
                              "missing_field");
  }
  for (v1::Content& picture : pictures) *search.add_query() = std::move(picture);
  if (!text.empty()) search.add_query()->set_text(std::move(text));
  for (v1::Content& part : parts) *search.add_query() = std::move(part);
  return out;
}

// Collects a form: fields as the JSON values they stand for, files as pictures.
class FormSink : public PartSink {
 public:
  explicit FormSink(QueryKind kind) : kind_(kind) {}

  absl::Status OnPartBegin(const PartHeader& header) override {
    header_ = header;
    value_.clear();
    return absl::OkStatus();
  }
  absl::Status OnPartData(absl::string_view bytes) override {
    value_.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  absl::Status OnPartEnd() override {
    const bool is_file = header_.filename.has_value();
    if (header_.name == "image" || header_.name == "images") return AddPicture(is_file);
    const FieldSpec* field = FindField(header_.name, kind_);
    if (field == nullptr) return UnknownField(header_.name, kind_);
    if (is_file) return edge::InvalidField(header_.name, "only `image` takes files");
    if (!IsValidUtf8(value_)) return edge::InvalidField(header_.name, "the text is not UTF-8");
    return AddField(*field);
  }

  json::object fields;
  std::vector<v1::Content> pictures;

 private:
  absl::Status AddPicture(bool is_file) {
    // A form whose file chooser was left empty sends a nameless file of no bytes.
    if (is_file && header_.filename->empty() && value_.empty()) return absl::OkStatus();
    if (value_.empty()) return edge::InvalidField("image", "the file is empty", "empty");
    if (is_file) {
      pictures.emplace_back().set_image(std::exchange(value_, std::string()));
      return absl::OkStatus();
    }
    SL_ASSIGN_OR_RETURN(v1::Content picture, PictureFromUrl("image", value_));
    pictures.push_back(std::move(picture));
    return absl::OkStatus();
  }

  absl::Status AddField(const FieldSpec& field) {
    json::value value;
    switch (field.type) {
      case Type::kString: value = json::string(value_); break;
      case Type::kBoolean: {
        bool flag = false;
        if (!absl::SimpleAtob(value_, &flag)) {
          return edge::InvalidField(field.name, "expected true or false");
        }
        value = flag;
        break;
      }
      case Type::kStrings: return Append(field.name, json::string(value_));
      case Type::kCrop: return AddCrop();
      case Type::kInteger:
      case Type::kNumber:
      case Type::kParts:
      case Type::kHistory:
      case Type::kSchema: {
        absl::StatusOr<json::value> parsed = ParseJson(value_);
        if (!parsed.ok()) return Annotate(parsed.status(), field.name);
        value = *std::move(parsed);
        break;
      }
    }
    if (!fields.emplace(field.name, std::move(value)).second) {
      return edge::InvalidField(field.name, "the field is given twice");
    }
    return absl::OkStatus();
  }

  absl::Status Append(const char* name, json::value value) {
    json::value& list = fields.emplace(name, json::array()).first->value();
    list.get_array().push_back(std::move(value));
    return absl::OkStatus();
  }

  // "x0,y0,x1,y1", once for each picture; an empty one leaves its picture whole.
  absl::Status AddCrop() {
    if (value_.empty()) return Append("crop", nullptr);
    absl::StatusOr<json::value> box = ParseJson(absl::StrCat("[", value_, "]"));
    if (!box.ok()) return edge::InvalidField("crop", "expected x0,y0,x1,y1");
    return Append("crop", *std::move(box));
  }

  const QueryKind kind_;
  PartHeader header_;
  std::string value_;
};

}  // namespace

absl::Status ApplyQueryField(absl::string_view name, const json::value& value,
                             absl::Duration max_timeout, QueryRequest& out) {
  return ApplyField(name, value, max_timeout, out);
}

absl::StatusOr<absl::Time> DeadlineIn(double seconds, absl::Duration max_timeout) {
  if (!(seconds > 0)) return edge::InvalidField("timeout", "expected seconds, more than 0");
  return absl::Now() + std::min(absl::Seconds(seconds), max_timeout);
}

absl::Status RequireJson(const Request& request) {
  const std::optional<std::string> charset = HeaderParameter(request.content_type, "charset");
  if (MediaType(request.content_type) == "application/json" &&
      (!charset.has_value() || absl::EqualsIgnoreCase(*charset, "utf-8"))) {
    return absl::OkStatus();
  }
  return edge::InvalidField("Content-Type", "this route reads application/json in UTF-8",
                            "unknown_type");
}

absl::StatusOr<QueryRequest> ReadQuery(const Request& request, QueryKind kind) {
  if (MediaType(request.content_type) == "multipart/form-data") {
    FormSink form(kind);
    SL_ASSIGN_OR_RETURN(MultipartParser parser,
                        MultipartParser::Create(request.content_type, &form));
    SL_RETURN_IF_ERROR(parser.Feed(request.body));
    SL_RETURN_IF_ERROR(parser.Finish());
    return Build(form.fields, std::move(form.pictures), kind, request);
  }
  if (!RequireJson(request).ok()) {
    return edge::InvalidField(
        "Content-Type", "this route reads application/json or multipart/form-data", "unknown_type");
  }
  SL_ASSIGN_OR_RETURN(const json::value body, ParseJson(request.body));
  if (!body.is_object()) {
    return edge::InvalidField("body", absl::StrCat("expected an object, got ", JsonKindName(body)));
  }
  return Build(body.get_object(), {}, kind, request);
}

}  // namespace sightline::gateway
