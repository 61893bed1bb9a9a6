#include "services/gateway/json_text.h"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_stack.hpp>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "services/edge/error_details.h"

namespace sightline::gateway {
namespace {

namespace json = boost::json;

constexpr size_t kMaxDepth = 32;

// Builds a value from the parser's events, and stops at what the library would let pass: a key
// given twice (it keeps the last) and a number that overflows to infinity.
class Builder {
 public:
  static constexpr size_t max_object_size = json::object::max_size();
  static constexpr size_t max_array_size = json::array::max_size();
  static constexpr size_t max_key_size = json::string::max_size();
  static constexpr size_t max_string_size = json::string::max_size();

  json::value Take() { return stack_.release(); }
  const std::string& fault() const { return fault_; }

  bool on_document_begin(json::error_code&) {
    stack_.reset();
    return true;
  }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return true; }
  bool on_object_end(size_t n, json::error_code& ec) {
    std::vector<std::string> keys(std::make_move_iterator(keys_.end() - n),
                                  std::make_move_iterator(keys_.end()));
    keys_.resize(keys_.size() - n);
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    if (twice != keys.end()) {
      return Refuse(absl::StrCat("key ", JsonString(*twice), " is given twice"), ec);
    }
    stack_.push_object(n);
    return true;
  }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(size_t n, json::error_code&) {
    stack_.push_array(n);
    return true;
  }
  bool on_key_part(json::string_view part, size_t, json::error_code&) {
    key_.append(part.data(), part.size());
    stack_.push_chars(part);
    return true;
  }
  bool on_key(json::string_view part, size_t, json::error_code&) {
    key_.append(part.data(), part.size());
    keys_.push_back(std::exchange(key_, std::string()));
    stack_.push_key(part);
    return true;
  }
  bool on_string_part(json::string_view part, size_t, json::error_code&) {
    stack_.push_chars(part);
    return true;
  }
  bool on_string(json::string_view part, size_t, json::error_code&) {
    stack_.push_string(part);
    return true;
  }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(int64_t number, json::string_view, json::error_code&) {
    stack_.push_int64(number);
    return true;
  }
  bool on_uint64(uint64_t number, json::string_view, json::error_code&) {
    stack_.push_uint64(number);
    return true;
  }
  bool on_double(double number, json::string_view, json::error_code& ec) {
    if (!std::isfinite(number)) return Refuse("the number is too large", ec);
    stack_.push_double(number);
    return true;
  }
  bool on_bool(bool value, json::error_code&) {
    stack_.push_bool(value);
    return true;
  }
  bool on_null(json::error_code&) {
    stack_.push_null();
    return true;
  }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  bool Refuse(std::string fault, json::error_code& ec) {
    fault_ = std::move(fault);
    ec = json::error::syntax;
    return false;
  }

  json::value_stack stack_;
  std::string key_;                // the parts seen of the key being read
  std::vector<std::string> keys_;  // of all objects that are open
  std::string fault_;
};

absl::Status Invalid(size_t position, absl::string_view fault) {
  return edge::WithReason(
      absl::InvalidArgumentError(absl::StrCat("JSON, byte ", position, ": ", fault)),
      "invalid_json");
}

}  // namespace

absl::StatusOr<json::value> ParseJson(absl::string_view text) {
  if (text.empty()) return Invalid(0, "the body is empty, a JSON object was expected");
  return CatchStatus("JSON", [&]() -> absl::StatusOr<json::value> {
    json::parse_options options;
    options.max_depth = kMaxDepth;
    json::basic_parser<Builder> parser(options);
    json::error_code ec;
    const size_t read = parser.write_some(false, text.data(), text.size(), ec);
    if (ec) {
      const std::string& fault = parser.handler().fault();
      return Invalid(read, fault.empty() ? ec.message() : fault);
    }
    if (read < text.size()) return Invalid(read, "unexpected text after the value");
    return parser.handler().Take();
  });
}

std::string JsonString(absl::string_view text) {
  return json::serialize(json::string_view(text.data(), text.size()));
}

absl::string_view JsonKindName(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return "null";
    case json::kind::bool_: return "a boolean";
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_: return "a number";
    case json::kind::string: return "a string";
    case json::kind::array: return "an array";
    case json::kind::object: return "an object";
  }
  return "a value";
}

}  // namespace sightline::gateway
