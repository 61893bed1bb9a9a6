#include "model/json_schema_merge.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace sightline::model {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kMaxDepth = 32;

absl::Status Fault(const std::string& pointer, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("json_schema: ", pointer.empty() ? "the root" : pointer, ": ", what));
}

// "%24" and the like, as a reference may spell its characters.
std::string PercentDecoded(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto hex = [&](size_t at) {
      return at < text.size() && absl::ascii_isxdigit(static_cast<unsigned char>(text[at]));
    };
    if (text[i] == '%' && hex(i + 1) && hex(i + 2)) {
      out.push_back(static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16)));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

Json List(const Json& value) { return value.is_array() ? value : Json::array({value}); }

// The values of both lists; of types, where an integer is a number too.
Json CommonTypes(const Json& a, const Json& b) {
  Json out = Json::array();
  const auto has = [](const Json& list, const char* type) {
    return std::find(list.begin(), list.end(), type) != list.end();
  };
  for (const Json& type : List(a)) {
    const Json other = List(b);
    if (std::find(other.begin(), other.end(), type) != other.end() ||
        (type == "integer" && has(other, "number"))) {
      out.push_back(type);
    } else if (type == "number" && has(other, "integer")) {
      out.push_back("integer");
    }
  }
  return out;
}

Json CommonValues(const Json& a, const Json& b) {
  Json out = Json::array();
  for (const Json& value : a) {
    if (std::find(b.begin(), b.end(), value) != b.end()) out.push_back(value);
  }
  return out;
}

// True when `schema` says false to names that `other` declares.
bool ShutsOut(const Json& schema, const Json& other) {
  if (!schema.contains("additionalProperties") || schema["additionalProperties"] == true) {
    return false;
  }
  const Json own = schema.value("properties", Json::object());
  const Json theirs = other.value("properties", Json::object());
  return std::any_of(theirs.items().begin(), theirs.items().end(),
                     [&](const auto& item) { return !own.contains(item.key()); });
}

class Merger {
 public:
  Merger(const Json& root, const std::string& pointer, int depth)
      : root_(root), pointer_(pointer), depth_(depth) {}

  absl::StatusOr<Json> Merge(Json a, const Json& b) {
    if (ShutsOut(a, b) || ShutsOut(b, a)) {
      return Fault(pointer_, "additionalProperties of one schema and properties of another");
    }
    for (const auto& [key, value] : b.items()) {
      if (!a.contains(key)) {
        a[key] = value;
        continue;
      }
      if (a[key] == value || !ConstrainsText(key)) continue;
      SL_RETURN_IF_ERROR(One(key, value, a));
    }
    // Nothing is of no type, and no value is left of an empty list.
    for (const char* key : {"type", "enum"}) {
      if (a.contains(key) && a[key].is_array() && a[key].empty()) return Json(false);
    }
    return a;
  }

 private:
  absl::Status One(const std::string& key, const Json& value, Json& a) {
    Json& mine = a[key];
    if (key == "type") {
      mine = CommonTypes(mine, value);
    } else if (key == "enum" && mine.is_array() && value.is_array()) {
      mine = CommonValues(mine, value);
    } else if (key == "required" && mine.is_array() && value.is_array()) {
      for (const Json& name : value) {
        if (std::find(mine.begin(), mine.end(), name) == mine.end()) mine.push_back(name);
      }
    } else if (key == "properties" && mine.is_object() && value.is_object()) {
      for (const auto& [name, schema] : value.items()) {
        if (!mine.contains(name)) {
          mine[name] = schema;
          continue;
        }
        SL_ASSIGN_OR_RETURN(mine[name],
                            MergeSchemas(root_, mine[name], schema, pointer_, depth_ + 1));
      }
    } else if (key == "items" && !mine.is_array() && !value.is_array()) {
      SL_ASSIGN_OR_RETURN(mine, MergeSchemas(root_, mine, value, pointer_, depth_ + 1));
    } else if (key == "minimum" || key == "exclusiveMinimum" || key == "minLength" ||
               key == "minItems" || key == "minProperties") {
      SL_RETURN_IF_ERROR(CheckNumbers(key, mine, value));
      if (value > mine) mine = value;
    } else if (key == "maximum" || key == "exclusiveMaximum" || key == "maxLength" ||
               key == "maxItems" || key == "maxProperties") {
      SL_RETURN_IF_ERROR(CheckNumbers(key, mine, value));
      if (value < mine) mine = value;
    } else if (key == "const") {
      a = Json{{"enum", Json::array()}};
    } else {
      return Fault(pointer_, absl::StrCat("two of \"", key, "\" cannot be merged"));
    }
    return absl::OkStatus();
  }

  absl::Status CheckNumbers(const std::string& key, const Json& a, const Json& b) const {
    if (a.is_number() && b.is_number()) return absl::OkStatus();
    return Fault(pointer_, absl::StrCat("\"", key, "\": expected a number"));
  }

  const Json& root_;
  const std::string& pointer_;
  const int depth_;
};

}  // namespace

bool ConstrainsText(absl::string_view keyword) {
  static const auto* const kKeywords = new std::set<std::string>{"$ref",
                                                                 "$dynamicRef",
                                                                 "$recursiveRef",
                                                                 "additionalItems",
                                                                 "additionalProperties",
                                                                 "allOf",
                                                                 "anyOf",
                                                                 "const",
                                                                 "contains",
                                                                 "dependencies",
                                                                 "dependentRequired",
                                                                 "dependentSchemas",
                                                                 "else",
                                                                 "enum",
                                                                 "exclusiveMaximum",
                                                                 "exclusiveMinimum",
                                                                 "format",
                                                                 "if",
                                                                 "items",
                                                                 "maxContains",
                                                                 "maxItems",
                                                                 "maxLength",
                                                                 "maxProperties",
                                                                 "maximum",
                                                                 "minContains",
                                                                 "minItems",
                                                                 "minLength",
                                                                 "minProperties",
                                                                 "minimum",
                                                                 "multipleOf",
                                                                 "not",
                                                                 "oneOf",
                                                                 "pattern",
                                                                 "patternProperties",
                                                                 "prefixItems",
                                                                 "properties",
                                                                 "propertyNames",
                                                                 "required",
                                                                 "then",
                                                                 "type",
                                                                 "unevaluatedItems",
                                                                 "unevaluatedProperties",
                                                                 "uniqueItems"};
  return kKeywords->contains(std::string(keyword));
}

absl::StatusOr<std::string> ReferencePointer(const Json& reference, const std::string& pointer) {
  if (!reference.is_string()) return Fault(pointer, "expected a text");
  const std::string text = reference.get<std::string>();
  if (text.empty() || text[0] != '#' || (text.size() > 1 && text[1] != '/')) {
    return Fault(pointer, absl::StrCat("\"", text, "\" leads out of the document, or to a name"));
  }
  return PercentDecoded(absl::string_view(text).substr(1));
}

absl::StatusOr<const Json*> Find(const Json& root, const std::string& place,
                                 const std::string& pointer) {
  try {
    const Json::json_pointer found(place);
    if (root.contains(found)) return &root.at(found);
  } catch (const std::exception&) {
    // Not a pointer.
  }
  return Fault(pointer, absl::StrCat("\"#", place, "\" leads to nothing"));
}

absl::StatusOr<Json> MergeSchemas(const Json& root, const Json& a, const Json& b,
                                  const std::string& pointer, int depth) {
  if (depth > kMaxDepth) return Fault(pointer, "combinations of combinations without end");
  if (a == true) return b;
  if (b == true) return a;
  if (a == false || b == false) return Json(false);
  if (!a.is_object() || !b.is_object()) return Fault(pointer, "expected a schema");
  for (const auto& [with, other] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    if (!with->contains("$ref")) continue;
    SL_ASSIGN_OR_RETURN(const std::string place, ReferencePointer((*with)["$ref"], pointer));
    SL_ASSIGN_OR_RETURN(const Json* target, Find(root, place, pointer));
    Json rest = *with;
    rest.erase("$ref");
    SL_ASSIGN_OR_RETURN(const Json whole, MergeSchemas(root, rest, *target, pointer, depth + 1));
    return MergeSchemas(root, whole, *other, pointer, depth + 1);
  }
  return Merger(root, pointer, depth).Merge(a, b);
}

}  // namespace sightline::model
