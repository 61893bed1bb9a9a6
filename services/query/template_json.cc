#include "services/query/template_json.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace sightline::query {
namespace {

using Json = nlohmann::ordered_json;

// Of a text that may be anything.
int DeepestNesting(absl::string_view text) {
  int depth = 0;
  int deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return deepest;
}

// Python's repr: the fewest digits that read back as the same, plain from 1e-4 to below 1e16.
std::string NumberText(double value) {
  char digits[32];
  const auto end =
      std::to_chars(std::begin(digits), std::end(digits), value, std::chars_format::scientific).ptr;
  absl::string_view text(digits, static_cast<size_t>(end - digits));
  const size_t mark = text.find('e');
  const int exponent = std::atoi(std::string(text.substr(mark + 1)).c_str());
  if (value != 0 && (exponent < -4 || exponent >= 16)) return std::string(text);
  char plain[64];
  const auto plain_end =
      std::to_chars(std::begin(plain), std::end(plain), value, std::chars_format::fixed).ptr;
  std::string out(plain, static_cast<size_t>(plain_end - plain));
  return out.find('.') == std::string::npos ? out + ".0" : out;
}

void Append(const Json& value, std::string& out) {
  if (value.is_object()) {
    out += '{';
    const char* between = "";
    for (const auto& [name, member] : value.items()) {
      absl::StrAppend(&out, between, Json(name).dump(), ": ");
      Append(member, out);
      between = ", ";
    }
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    const char* between = "";
    for (const Json& element : value) {
      out += between;
      Append(element, out);
      between = ", ";
    }
    out += ']';
  } else if (value.is_number_float()) {
    out += NumberText(value.get<double>());
  } else {
    out += value.dump();
  }
}

}  // namespace

absl::StatusOr<std::string> TemplateJson(absl::string_view json) {
  if (DeepestNesting(json) > kMaxJsonDepth) {
    return absl::InvalidArgumentError(absl::StrCat("JSON that nests deeper than ", kMaxJsonDepth));
  }
  const Json value = Json::parse(json.begin(), json.end(), nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return absl::InvalidArgumentError("no JSON");
  std::string out;
  Append(value, out);
  return out;
}

}  // namespace sightline::query
