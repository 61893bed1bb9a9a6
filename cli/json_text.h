#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace sightline::cli {

// `text` as a JSON string with its quotes; ill-formed UTF-8 becomes U+FFFD.
std::string JsonString(absl::string_view text);

// Writes one JSON object, keys in the order they are added. Not thread-safe.
class JsonObject {
 public:
  JsonObject& Text(absl::string_view key, absl::string_view value);
  JsonObject& Number(absl::string_view key, int64_t value);
  JsonObject& Real(absl::string_view key, double value);  // three digits after the point
  JsonObject& Bool(absl::string_view key, bool value);
  // `json` is JSON already.
  JsonObject& Raw(absl::string_view key, absl::string_view json);
  std::string Done() const { return "{" + body_ + "}"; }

 private:
  void Key(absl::string_view key);
  std::string body_;
};

// Writes one JSON list. Not thread-safe.
class JsonList {
 public:
  void Add(absl::string_view json);  // is JSON already
  std::string Done() const { return "[" + body_ + "]"; }

 private:
  std::string body_;
};

}  // namespace sightline::cli
