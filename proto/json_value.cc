#include "proto/json_value.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "absl/strings/string_view.h"
#include "base/utf8.h"

namespace sightline {
namespace {

// What stands for a byte inside of a string; null: the byte itself.
const char* Escape(unsigned char byte) {
  switch (byte) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\b': return "\\b";
    case '\f': return "\\f";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default: return nullptr;
  }
}

void AppendQuoted(const std::string& text, std::string& out) {
  const std::string replaced = IsValidUtf8(text) ? std::string() : ToValidUtf8(text);
  const std::string& valid = replaced.empty() ? text : replaced;
  out.reserve(out.size() + valid.size() + 2);
  out += '"';
  size_t plain = 0;  // where the bytes begin that are not written yet
  for (size_t i = 0; i < valid.size(); ++i) {
    const auto byte = static_cast<unsigned char>(valid[i]);
    if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
    out.append(valid, plain, i - plain);
    plain = i + 1;
    if (const char* const escape = Escape(byte); escape != nullptr) {
      out += escape;
    } else {
      constexpr char kDigits[] = "0123456789abcdef";
      out += "\\u00";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  out.append(valid, plain, std::string::npos);
  out += '"';
}

// Plain from 0.0001 up to below 1e15, else with an exponent of two digits at least.
template <typename Float>
std::string NumberText(Float value) {
  if (!std::isfinite(value)) return "null";
  std::array<char, 40> buffer;
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                     std::chars_format::scientific);
  const std::string_view text(buffer.data(), written.ptr - buffer.data());
  const size_t e = text.find('e');
  int exponent = 0;
  const char* const sign = text.data() + e + 1;
  std::from_chars(*sign == '+' ? sign + 1 : sign, written.ptr, exponent);
  if (exponent < -4 || exponent >= 15) return std::string(text);
  std::string out;
  std::string digits;
  for (const char c : text.substr(0, e)) {
    if (c == '-') {
      out += c;
    } else if (c != '.') {
      digits += c;
    }
  }
  if (exponent < 0) return out + "0." + std::string(-exponent - 1, '0') + digits;
  const size_t whole = exponent + 1;
  if (digits.size() <= whole) return out + digits + std::string(whole - digits.size(), '0') + ".0";
  return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

}  // namespace

JsonValue::JsonValue(double value) : text_(NumberText(value)) {}
JsonValue::JsonValue(float value) : text_(NumberText(value)) {}
JsonValue::JsonValue(const std::string& value) { AppendQuoted(value, text_); }

JsonValue::JsonValue(std::initializer_list<std::pair<const char*, JsonValue>> fields)
    : JsonValue("{", '}') {
  for (const auto& [key, value] : fields) Add(key, value);
}

JsonValue JsonValue::array(std::initializer_list<JsonValue> items) {
  JsonValue out("[", ']');
  for (const JsonValue& item : items) out.push_back(item);
  return out;
}

void JsonValue::push_back(const JsonValue& item) {
  if (text_.size() > 1) text_ += ',';
  Append(item);
}

void JsonValue::Add(const std::string& key, const JsonValue& value) {
  if (close_ == '\0') *this = object();
  if (text_.size() > 1) text_ += ',';
  AppendQuoted(key, text_);
  text_ += ':';
  Append(value);
}

void JsonValue::Append(const JsonValue& value) {
  text_ += value.text_;
  if (value.close_ != '\0') text_ += value.close_;
}

}  // namespace sightline
