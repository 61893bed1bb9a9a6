#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace sightline::log {

enum class Level { kDebug, kInfo, kWarning, kError };
enum class Format { kText, kJson };

// One named value of a log line. Never a document's text or a prompt at info or above.
struct Field {
  Field(absl::string_view key, absl::string_view value) : key(key), value(value) {}
  Field(absl::string_view key, const char* value) : key(key), value(value) {}
  Field(absl::string_view key, const std::string& value) : key(key), value(value) {}
  Field(absl::string_view key, double value);
  template <typename Int, typename = std::enable_if_t<std::is_integral_v<Int>>>
  Field(absl::string_view key, Int value)
      : key(key), value(std::to_string(value)), is_number(true) {}

  std::string key;
  std::string value;
  bool is_number = false;
};

// Sets what is written and how, for the whole process. Call once, in main, before threads start.
void Configure(Level least, Format format);

// Writes one line to standard error: time, level, message, fields. Any thread; a line is one write.
void Write(Level level, absl::string_view message, std::initializer_list<Field> fields = {});

inline void Info(absl::string_view message, std::initializer_list<Field> fields = {}) {
  Write(Level::kInfo, message, fields);
}
inline void Warning(absl::string_view message, std::initializer_list<Field> fields = {}) {
  Write(Level::kWarning, message, fields);
}
inline void Error(absl::string_view message, std::initializer_list<Field> fields = {}) {
  Write(Level::kError, message, fields);
}

}  // namespace sightline::log
