#include "cli/json_text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/utf8.h"

namespace sightline::cli {

std::string JsonString(absl::string_view text) {
  std::string out = "\"";
  for (const char c : ToValidUtf8(text)) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          absl::StrAppendFormat(&out, "\\u%04x", static_cast<unsigned>(c));
        } else {
          out += c;
        }
    }
  }
  return out + "\"";
}

void JsonObject::Key(absl::string_view key) {
  absl::StrAppend(&body_, body_.empty() ? "" : ",", JsonString(key), ":");
}

JsonObject& JsonObject::Text(absl::string_view key, absl::string_view value) {
  return Raw(key, JsonString(value));
}

JsonObject& JsonObject::Number(absl::string_view key, int64_t value) {
  return Raw(key, absl::StrCat(value));
}

JsonObject& JsonObject::Real(absl::string_view key, double value) {
  return Raw(key, absl::StrFormat("%.3f", value));
}

JsonObject& JsonObject::Bool(absl::string_view key, bool value) {
  return Raw(key, value ? "true" : "false");
}

JsonObject& JsonObject::Raw(absl::string_view key, absl::string_view json) {
  Key(key);
  body_.append(json.data(), json.size());
  return *this;
}

void JsonList::Add(absl::string_view json) {
  absl::StrAppend(&body_, body_.empty() ? "" : ",", json);
}

}  // namespace sightline::cli
