#include "model/json_schema.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status.h"
#include "model/json.h"
#include "model/json_number_range.h"
#include "model/json_schema_merge.h"
#include "model/regex.h"
#include "nlohmann/json.hpp"

namespace sightline::model {
namespace {

using Json = nlohmann::ordered_json;
using State = ByteGrammar::State;
using Rule = ByteGrammar::Rule;
using Spelling = ByteGrammar::Spelling;

constexpr size_t kMaxSchema = 1 << 20;  // bytes
constexpr int kMaxNesting = 64;         // of the schema's text
constexpr int64_t kMaxLength = 1 << 20;

// Keywords that would constrain the text in ways that are not written here.
constexpr const char* kUnsupported[] = {"not",          "if",
                                        "contains",     "dependentRequired",
                                        "dependencies", "dependentSchemas",
                                        "$dynamicRef",  "$recursiveRef",
                                        "propertyNames"};

constexpr const char* kObjectKeywords[] = {"properties", "required", "additionalProperties",
                                           "minProperties", "maxProperties"};
constexpr const char* kArrayKeywords[] = {"items", "prefixItems", "minItems", "maxItems"};
constexpr const char* kStringKeywords[] = {"minLength", "maxLength", "pattern", "format"};
constexpr const char* kNumberKeywords[] = {"minimum", "maximum", "exclusiveMinimum",
                                           "exclusiveMaximum", "multipleOf"};

struct Format {
  const char* name;
  const char* regex;
};
// After RFC 3339, 4122, 2673 and 1123; of addresses and URIs the plain ones.
#define SL_DATE                                                                      \
  "(\\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\d|30)" \
  "|02-(0[1-9]|1\\d|2[0-8]))"                                                        \
  "|(\\d\\d(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)"
#define SL_TIME                                                             \
  "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,9})?(Z|[+-]([01]\\d|2[0-3])" \
  ":[0-5]\\d)"
#define SL_LABEL "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
#define SL_HOST SL_LABEL "(\\." SL_LABEL "){0,3}"
constexpr Format kFormats[] = {
    {"date", SL_DATE},
    {"time", SL_TIME},
    {"date-time", SL_DATE "T" SL_TIME},
    {"uuid", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"},
    {"email", "[A-Za-z0-9_+-]{1,32}(\\.[A-Za-z0-9_+-]{1,31})?@" SL_LABEL "(\\." SL_LABEL "){1,3}"},
    {"ipv4", "((25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)\\.){3}(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)"},
    {"hostname", SL_HOST},
    {"uri", "(https?|ftp)://" SL_HOST "(:[1-9]\\d{0,3})?(/[A-Za-z0-9._~-]*)*"
            "(\\?[A-Za-z0-9._~=&-]*)?(#[A-Za-z0-9._~-]*)?"},
};
#undef SL_DATE
#undef SL_TIME
#undef SL_LABEL
#undef SL_HOST

absl::Status Fault(absl::string_view pointer, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("json_schema: ", pointer.empty() ? "the root" : pointer, ": ", what));
}

std::string Below(const std::string& pointer, absl::string_view key) {
  return absl::StrCat(pointer, "/", absl::StrReplaceAll(key, {{"~", "~0"}, {"/", "~1"}}));
}

template <size_t kCount>
bool HasAny(const Json& schema, const char* const (&keywords)[kCount]) {
  return std::any_of(std::begin(keywords), std::end(keywords),
                     [&](const char* keyword) { return schema.contains(keyword); });
}

// What every string may hold: no NUL, and of the other controls those with an escape of their own.
CodePointSet StringCharacters() {
  CodePointSet set = CodePointSet::Of(0x20, 0x10FFFF);
  set.Add('\b', '\n');
  set.Add('\f', '\r');
  return set;
}

class Compiler {
 public:
  explicit Compiler(Json root) : root_(std::move(root)) {}

  absl::StatusOr<std::shared_ptr<const ByteGrammar>> Compile() {
    const Rule whole = grammar_->NewRule();
    grammar_->Begin(whole);
    SL_RETURN_IF_ERROR(Value(root_, "", grammar_->start(), grammar_->end()));
    grammar_->End();
    // Making one rule may ask for more.
    while (!unbuilt_.empty()) {
      const Unbuilt next = std::move(unbuilt_.back());
      unbuilt_.pop_back();
      grammar_->Begin(next.rule);
      SL_RETURN_IF_ERROR(
          next.any ? AnyValue()
                   : Value(next.schema, next.pointer, grammar_->start(), grammar_->end()));
      grammar_->End();
    }
    if (absl::Status status = grammar_->Finish(whole); !status.ok()) {
      return Annotate(status, "json_schema");
    }
    return std::shared_ptr<const ByteGrammar>(std::move(grammar_));
  }

 private:
  struct Unbuilt {
    Rule rule = 0;
    bool any = false;
    Json schema = {};
    std::string pointer = {};
  };

  // --- whole values ---

  // Adds the texts of `schema` between two states.
  absl::Status Value(const Json& schema, const std::string& pointer, State from, State to) {
    if (grammar_->too_large()) return Fault(pointer, "too large");
    if (schema.is_boolean()) {
      if (schema.get<bool>()) grammar_->Call(from, AnyRule(), /*deep=*/true, to);
      return absl::OkStatus();
    }
    if (!schema.is_object()) return Fault(pointer, "expected an object, true or false");
    SL_RETURN_IF_ERROR(CheckSupported(schema, pointer));
    if (schema.contains("$ref") && !Constrains(schema, "$ref")) {
      return Reference(schema["$ref"], Below(pointer, "$ref"), from, to);
    }
    for (const char* keyword : {"$ref", "allOf", "anyOf", "oneOf"}) {
      if (schema.contains(keyword)) return Merged(schema, keyword, pointer, from, to);
    }
    if (schema.contains("const")) {
      return Values(schema, {schema["const"]}, "const", pointer, from, to);
    }
    if (schema.contains("enum")) {
      if (!schema["enum"].is_array()) return Fault(Below(pointer, "enum"), "expected a list");
      return Values(schema, schema["enum"].get<std::vector<Json>>(), "enum", pointer, from, to);
    }
    SL_ASSIGN_OR_RETURN(const std::set<std::string> types, TypesOf(schema, pointer));
    if (types.empty()) return Value(Json(true), pointer, from, to);
    for (const std::string& type : types) {
      SL_RETURN_IF_ERROR(OfType(type, schema, pointer, from, to));
    }
    return absl::OkStatus();
  }

  absl::Status OfType(const std::string& type, const Json& schema, const std::string& pointer,
                      State from, State to) {
    if (type == "object") return Object(schema, pointer, from, to);
    if (type == "array") return Array(schema, pointer, from, to);
    if (type == "string") return String(schema, pointer, from, to);
    if (type == "integer" || type == "number") return Number(type, schema, pointer, from, to);
    if (type == "boolean") {
      grammar_->Empty(grammar_->Literal(from, "true"), to);
      grammar_->Empty(grammar_->Literal(from, "false"), to);
      return absl::OkStatus();
    }
    grammar_->Empty(grammar_->Literal(from, "null"), to);
    return absl::OkStatus();
  }

  // True when a keyword besides `keyword` and annotations stands in `schema`.
  static bool Constrains(const Json& schema, absl::string_view keyword) {
    for (const auto& [key, value] : schema.items()) {
      if (key != keyword && ConstrainsText(key)) return true;
    }
    return false;
  }

  absl::Status CheckSupported(const Json& schema, const std::string& pointer) const {
    for (const char* keyword : kUnsupported) {
      if (schema.contains(keyword)) return Fault(Below(pointer, keyword), "not supported");
    }
    if (schema.contains("patternProperties") && !schema["patternProperties"].empty()) {
      return Fault(Below(pointer, "patternProperties"), "not supported");
    }
    if (schema.contains("uniqueItems") && schema["uniqueItems"] != false) {
      return Fault(Below(pointer, "uniqueItems"), "not supported");
    }
    for (const char* keyword : {"unevaluatedProperties", "unevaluatedItems"}) {
      if (schema.contains(keyword) && schema[keyword] != true) {
        return Fault(Below(pointer, keyword), "not supported");
      }
    }
    return absl::OkStatus();
  }

  // The types it names or, without any, those its keywords are of. Empty: all.
  absl::StatusOr<std::set<std::string>> TypesOf(const Json& schema,
                                                const std::string& pointer) const {
    std::set<std::string> types;
    if (schema.contains("type")) {
      const Json& given = schema["type"];
      for (const Json& type : given.is_array() ? given : Json::array({given})) {
        static const auto* const kTypes = new std::set<std::string>{
            "object", "array", "string", "number", "integer", "boolean", "null"};
        if (!type.is_string() || !kTypes->contains(type.get<std::string>())) {
          return Fault(Below(pointer, "type"), "expected the name of a type, or a list of them");
        }
        types.insert(type.get<std::string>());
      }
      if (types.empty()) return Fault(Below(pointer, "type"), "an empty list");
      if (types.contains("number")) types.erase("integer");
      return types;
    }
    if (HasAny(schema, kObjectKeywords)) types.insert("object");
    if (HasAny(schema, kArrayKeywords)) types.insert("array");
    if (HasAny(schema, kStringKeywords)) types.insert("string");
    if (HasAny(schema, kNumberKeywords)) types.insert("number");
    return types;
  }

  // --- references and combinations ---

  absl::Status Reference(const Json& target, const std::string& pointer, State from, State to) {
    SL_ASSIGN_OR_RETURN(const std::string place, ReferencePointer(target, pointer));
    const auto [known, is_new] = references_.try_emplace(place, 0);
    if (is_new) {
      SL_ASSIGN_OR_RETURN(const Json* found, Find(root_, place, pointer));
      known->second = grammar_->NewRule();
      unbuilt_.push_back({.rule = known->second, .schema = *found, .pointer = place});
    }
    grammar_->Call(from, known->second, /*deep=*/true, to);
    return absl::OkStatus();
  }

  // Each alternative of `keyword`, merged with what stands beside it.
  absl::Status Merged(const Json& schema, const std::string& keyword, const std::string& pointer,
                      State from, State to) {
    Json rest = schema;
    rest.erase(keyword);
    const std::string here = Below(pointer, keyword);
    if (keyword == "$ref") {
      SL_ASSIGN_OR_RETURN(const std::string place, ReferencePointer(schema["$ref"], here));
      SL_ASSIGN_OR_RETURN(const Json* found, Find(root_, place, here));
      SL_ASSIGN_OR_RETURN(const Json merged, MergeSchemas(root_, rest, *found, here));
      return NestedValue(merged, pointer, from, to);
    }
    if (!schema[keyword].is_array() || schema[keyword].empty()) {
      return Fault(here, "expected a list of schemas");
    }
    const bool alone = !Constrains(rest, "");
    if (keyword == "allOf") {
      Json merged = alone ? Json(true) : rest;
      for (const Json& part : schema[keyword]) {
        SL_ASSIGN_OR_RETURN(merged, MergeSchemas(root_, merged, part, here));
      }
      return NestedValue(merged, pointer, from, to);
    }
    for (size_t i = 0; i < schema[keyword].size(); ++i) {
      const std::string place = absl::StrCat(here, "/", i);
      Json part = schema[keyword][i];
      if (!alone) {
        SL_ASSIGN_OR_RETURN(part, MergeSchemas(root_, rest, part, place));
      }
      SL_RETURN_IF_ERROR(NestedValue(part, place, from, to));
    }
    return absl::OkStatus();
  }

  // Value, for a schema that merging made: those can grow without end.
  absl::Status NestedValue(const Json& schema, const std::string& pointer, State from, State to) {
    if (merging_ >= kMaxNesting) return Fault(pointer, "combinations of combinations without end");
    ++merging_;
    const absl::Status status = Value(schema, pointer, from, to);
    --merging_;
    return status;
  }

  // --- enum and const ---

  absl::Status Values(const Json& schema, const std::vector<Json>& values, const char* keyword,
                      const std::string& pointer, State from, State to) {
    for (const auto& [key, value] : schema.items()) {
      if (key != keyword && key != "type" && ConstrainsText(key)) {
        return Fault(Below(pointer, key), absl::StrCat("not supported beside ", keyword));
      }
    }
    SL_ASSIGN_OR_RETURN(const std::set<std::string> types, TypesOf(schema, pointer));
    // Equal beginnings are shared, so that a long list is walked as fast as a short one.
    std::map<std::pair<State, char>, State> known;
    for (const Json& value : values) {
      if (!types.empty() && !IsOfTypes(value, types)) continue;
      State at = from;
      bool first = true;
      for (const char c : value.dump()) {
        const auto [it, is_new] = known.try_emplace({at, c}, 0);
        if (is_new) {
          it->second = grammar_->NewState();
          grammar_->Byte(at, static_cast<uint8_t>(c), static_cast<uint8_t>(c), it->second);
        }
        at = it->second;
        first = false;
      }
      if (!first) grammar_->Empty(at, to);
    }
    return absl::OkStatus();
  }

  // --- objects ---

  struct Property {
    std::string name;
    Json schema;
    std::string pointer;
    bool required = false;
  };

  absl::Status Object(const Json& schema, const std::string& pointer, State from, State to) {
    SL_ASSIGN_OR_RETURN(std::vector<Property> properties, PropertiesOf(schema, pointer));
    const bool open = !schema.contains("properties") || schema["properties"].empty();
    const Json others = schema.value("additionalProperties", Json(open));
    const std::string others_at = Below(pointer, "additionalProperties");
    const bool more = others != false;
    const auto required = std::count_if(properties.begin(), properties.end(),
                                        [](const Property& p) { return p.required; });
    SL_ASSIGN_OR_RETURN(const int64_t least, Count(schema, "minProperties", pointer, 0));
    if (least > required) {
      return Fault(Below(pointer, "minProperties"), "not supported above the number of required");
    }
    SL_ASSIGN_OR_RETURN(const int64_t most, Count(schema, "maxProperties", pointer, kMaxLength));
    if (most < static_cast<int64_t>(properties.size()) || (more && most < kMaxLength)) {
      return Fault(Below(pointer, "maxProperties"), "not supported below the number of properties");
    }

    // Two rows of states: nothing was written yet, something was.
    State none = grammar_->NewState();
    State some = grammar_->NewState();
    grammar_->Byte(from, '{', '{', none);
    for (const Property& property : properties) {
      if (property.schema == false && !property.required) continue;
      const State key = grammar_->NewState();
      const State next_none = grammar_->NewState();
      const State next_some = grammar_->NewState();
      grammar_->Empty(none, key);
      grammar_->Empty(Separator(some, ','), key);
      const State value = Separator(grammar_->Literal(key, Json(property.name).dump()), ':');
      SL_RETURN_IF_ERROR(Value(property.schema, property.pointer, value, next_some));
      if (!property.required) {
        grammar_->Empty(none, next_none);
        grammar_->Empty(some, next_some);
      }
      none = next_none;
      some = next_some;
    }
    if (more) {
      const State key = grammar_->NewState();
      const State behind = grammar_->NewState();
      grammar_->Empty(none, key);
      grammar_->Empty(Separator(some, ','), key);
      OtherName(properties, key, behind);
      SL_RETURN_IF_ERROR(Value(others, others_at, Separator(behind, ':'), some));
    }
    grammar_->Byte(none, '}', '}', to);
    grammar_->Byte(some, '}', '}', to);
    return absl::OkStatus();
  }

  // In the order of "properties"; those that are required only stand behind them.
  absl::StatusOr<std::vector<Property>> PropertiesOf(const Json& schema,
                                                     const std::string& pointer) const {
    std::vector<Property> out;
    std::map<std::string, size_t> index;
    if (schema.contains("properties")) {
      const std::string here = Below(pointer, "properties");
      if (!schema["properties"].is_object()) return Fault(here, "expected an object");
      for (const auto& [name, value] : schema["properties"].items()) {
        index[name] = out.size();
        out.push_back({name, value, Below(here, name)});
      }
    }
    if (!schema.contains("required")) return out;
    const std::string here = Below(pointer, "required");
    if (!schema["required"].is_array()) return Fault(here, "expected a list of names");
    for (const Json& name : schema["required"]) {
      if (!name.is_string()) return Fault(here, "expected a list of names");
      const auto [it, is_new] = index.try_emplace(name.get<std::string>(), out.size());
      if (is_new) {
        out.push_back({name.get<std::string>(), schema.value("additionalProperties", Json(true)),
                       Below(pointer, "additionalProperties")});
      }
      out[it->second].required = true;
    }
    return out;
  }

  // A name in quotes that is none of the properties'.
  void OtherName(const std::vector<Property>& properties, State from, State to) {
    const CodePointSet all = StringCharacters();
    const State start = grammar_->Literal(from, "\"");
    const State free = grammar_->NewState();
    grammar_->Character(free, all, Spelling::kJson, free);
    grammar_->Byte(free, '"', '"', to);
    // What may follow each beginning of a declared name.
    std::map<std::vector<uint32_t>, State> states = {{{}, start}};
    std::map<std::vector<uint32_t>, CodePointSet> next;
    std::set<std::vector<uint32_t>> names;
    for (const Property& property : properties) {
      const std::vector<uint32_t> name = CodePointsOf(property.name);
      names.insert(name);
      std::vector<uint32_t> beginning;
      for (const uint32_t c : name) {
        next[beginning].Add(c, c);
        const State before = states[beginning];
        beginning.push_back(c);
        const auto [it, is_new] = states.try_emplace(beginning, 0);
        if (is_new) {
          it->second = grammar_->NewState();
          grammar_->Character(before, CodePointSet::Of(c, c), Spelling::kJson, it->second);
        }
      }
    }
    for (const auto& [beginning, state] : states) {
      grammar_->Character(state, all.Intersection(next[beginning].Complement()), Spelling::kJson,
                          free);
      if (!names.contains(beginning)) grammar_->Byte(state, '"', '"', to);
    }
  }

  // --- arrays ---

  absl::Status Array(const Json& schema, const std::string& pointer, State from, State to) {
    const bool list = schema.contains("items") && schema["items"].is_array();
    const char* const head_keyword = list ? "items" : "prefixItems";
    const char* const tail_keyword = list ? "additionalItems" : "items";
    const Json head = schema.value(head_keyword, Json::array());
    if (!head.is_array()) {
      return Fault(Below(pointer, head_keyword), "expected a list of schemas");
    }
    SL_ASSIGN_OR_RETURN(const int64_t least, Count(schema, "minItems", pointer, 0));
    SL_ASSIGN_OR_RETURN(int64_t most, Count(schema, "maxItems", pointer, -1));
    const auto fixed = static_cast<int64_t>(head.size());
    // As with properties: what is not mentioned is not written, unless it must be.
    Json tail = schema.value(tail_keyword, Json(head.empty() || least > fixed));
    if (tail == false && (most < 0 || most > fixed)) most = fixed;
    if (most >= 0 && most < least) return absl::OkStatus();  // no text
    if (std::max(least, most) > kMaxLength) {
      return Fault(pointer, absl::StrCat("more than ", kMaxLength, " items"));
    }

    // The items behind the head are texts of one rule when they are written out several times.
    const std::string tail_at = Below(pointer, tail_keyword);
    const bool loops = most < 0;
    const int64_t written = std::max(fixed, loops ? least : most);
    Rule tail_rule = -1;
    if (written - fixed > 1 || (loops && written > fixed)) {
      tail_rule = grammar_->NewRule();
      unbuilt_.push_back({.rule = tail_rule, .schema = tail, .pointer = tail_at});
    }
    const auto item = [&](int64_t i, State begin, State end) -> absl::Status {
      if (i < fixed) {
        return Value(head[i], absl::StrCat(Below(pointer, head_keyword), "/", i), begin, end);
      }
      if (tail_rule < 0) return Value(tail, tail_at, begin, end);
      grammar_->Call(begin, tail_rule, /*deep=*/false, end);
      return absl::OkStatus();
    };

    State at = grammar_->NewState();
    grammar_->Byte(from, '[', '[', at);
    const auto close = [&](int64_t count) {
      if (count >= least) grammar_->Byte(at, ']', ']', to);
    };
    close(0);
    for (int64_t i = 0; i < written && (loops || i < most); ++i) {
      if (grammar_->too_large()) return Fault(pointer, "too large");
      const State next = grammar_->NewState();
      SL_RETURN_IF_ERROR(item(i, i == 0 ? at : Separator(at, ','), next));
      at = next;
      close(i + 1);
    }
    if (!loops || tail == false) return absl::OkStatus();
    // Any number more.
    if (written == 0) {
      const State next = grammar_->NewState();
      const State begin = grammar_->NewState();
      grammar_->Empty(at, begin);
      grammar_->Empty(Separator(next, ','), begin);
      SL_RETURN_IF_ERROR(item(0, begin, next));
      at = next;
      close(least);
      return absl::OkStatus();
    }
    return item(written, Separator(at, ','), at);
  }

  // --- strings ---

  absl::Status String(const Json& schema, const std::string& pointer, State from, State to) {
    SL_ASSIGN_OR_RETURN(const int64_t least, Count(schema, "minLength", pointer, 0));
    SL_ASSIGN_OR_RETURN(const int64_t most, Count(schema, "maxLength", pointer, -1));
    CodePointNfa nfa = AnyOf(StringCharacters());
    std::string at = pointer;
    for (const char* keyword : {"pattern", "format"}) {
      if (!schema.contains(keyword)) continue;
      at = Below(pointer, keyword);
      if (!schema[keyword].is_string()) return Fault(at, "expected a text");
      if (schema.contains("pattern") && absl::string_view(keyword) == "format") {
        return Fault(at, "not supported beside pattern");
      }
      SL_ASSIGN_OR_RETURN(nfa, StringForm(keyword, schema[keyword].get<std::string>(), at));
    }
    if (least > 0 || most >= 0) {
      absl::StatusOr<CodePointNfa> counted = WithLength(nfa, least, most);
      if (!counted.ok()) return Fault(at, counted.status().message());
      nfa = *std::move(counted);
    }
    const State last = grammar_->NewState();
    grammar_->Text(grammar_->Literal(from, "\""), nfa, Spelling::kJson, last);
    grammar_->Byte(last, '"', '"', to);
    return absl::OkStatus();
  }

  absl::StatusOr<CodePointNfa> StringForm(absl::string_view keyword, const std::string& value,
                                          const std::string& pointer) const {
    const char* regex = nullptr;
    if (keyword == "format") {
      for (const Format& format : kFormats) {
        if (value == format.name) regex = format.regex;
      }
      if (regex == nullptr) {
        return Fault(pointer, absl::StrCat("\"", value, "\" is not supported"));
      }
    }
    absl::StatusOr<CodePointNfa> nfa =
        ParseRegex(regex != nullptr ? regex : value,
                   regex != nullptr ? RegexMatch::kWhole : RegexMatch::kAnywhere);
    if (!nfa.ok()) return Fault(pointer, nfa.status().message());
    return nfa;
  }

  // --- numbers ---

  absl::Status Number(const std::string& type, const Json& schema, const std::string& pointer,
                      State from, State to) {
    if (schema.contains("multipleOf") && !(type == "integer" && schema["multipleOf"] == 1)) {
      return Fault(Below(pointer, "multipleOf"), "not supported");
    }
    NumberBounds bounds;
    for (const auto& [keyword, bound] :
         {std::pair("minimum", &bounds.minimum), std::pair("maximum", &bounds.maximum),
          std::pair("exclusiveMinimum", &bounds.exclusive_minimum),
          std::pair("exclusiveMaximum", &bounds.exclusive_maximum)}) {
      if (!schema.contains(keyword)) continue;
      if (!schema[keyword].is_number()) return Fault(Below(pointer, keyword), "expected a number");
      *bound = schema[keyword].dump();
    }
    const absl::Status status = type == "integer" ? AddInteger(bounds, *grammar_, from, to)
                                                  : AddNumber(bounds, *grammar_, from, to);
    return status.ok() ? status : Fault(pointer, status.message());
  }

  // --- pieces ---

  // A comma or colon, and the space that may stand behind it.
  State Separator(State from, char c) {
    const State mark = grammar_->NewState();
    const State behind = grammar_->NewState();
    grammar_->Byte(from, static_cast<uint8_t>(c), static_cast<uint8_t>(c), mark);
    grammar_->Byte(mark, ' ', ' ', behind);
    grammar_->Empty(mark, behind);
    return behind;
  }

  absl::StatusOr<int64_t> Count(const Json& schema, const char* keyword, const std::string& pointer,
                                int64_t otherwise) const {
    if (!schema.contains(keyword)) return otherwise;
    const Json& value = schema[keyword];
    const double number = value.is_number() ? value.get<double>() : -1;
    if (!(number >= 0 && number <= kMaxLength && number == static_cast<int64_t>(number))) {
      return Fault(Below(pointer, keyword),
                   absl::StrCat("expected a whole number from 0 to ", kMaxLength));
    }
    return static_cast<int64_t>(number);
  }

  // Any JSON value at all.
  Rule AnyRule() {
    if (any_ < 0) {
      any_ = grammar_->NewRule();
      unbuilt_.push_back({.rule = any_, .any = true});
    }
    return any_;
  }

  absl::Status AnyValue() {
    const State from = grammar_->start();
    const State to = grammar_->end();
    for (const char* type : {"null", "boolean", "number", "string", "array", "object"}) {
      SL_RETURN_IF_ERROR(OfType(type, Json::object(), "", from, to));
    }
    return absl::OkStatus();
  }

  const Json root_;
  std::unique_ptr<ByteGrammar> grammar_ = std::make_unique<ByteGrammar>();
  std::map<std::string, Rule> references_;  // by the pointer they lead to
  std::vector<Unbuilt> unbuilt_;
  Rule any_ = -1;
  int merging_ = 0;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const ByteGrammar>> CompileJsonSchema(absl::string_view schema) {
  if (schema.size() > kMaxSchema) {
    return absl::InvalidArgumentError(
        absl::StrCat("json_schema: ", schema.size(), " bytes, expected at most ", kMaxSchema));
  }
  // Finds what the second reading, which keeps the order of properties, would let pass.
  const auto checked = ParseJson(schema, kMaxNesting);
  if (!checked.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("json_schema: ", checked.status().message()));
  }
  return Compiler(Json::parse(schema)).Compile();
}

}  // namespace sightline::model
