#include "base/log.h"

#include <unistd.h>

#include <atomic>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace sightline::log {
namespace {

std::atomic<Level> g_least{Level::kInfo};
std::atomic<Format> g_format{Format::kText};

absl::string_view Name(Level level) {
  switch (level) {
    case Level::kDebug: return "debug";
    case Level::kInfo: return "info";
    case Level::kWarning: return "warning";
    case Level::kError: return "error";
  }
  return "error";
}

// `text` as the inside of a JSON string; control characters and quotes escaped, bytes above 127
// kept.
void AppendEscaped(absl::string_view text, std::string& out) {
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          absl::StrAppendFormat(&out, "\\u%04x", static_cast<int>(c));
        } else {
          out += c;
        }
    }
  }
}

}  // namespace

Field::Field(absl::string_view key, double value)
    : key(key), value(absl::StrFormat("%.6g", value)), is_number(true) {}

void Configure(Level least, Format format) {
  g_least = least;
  g_format = format;
}

void Write(Level level, absl::string_view message, std::initializer_list<Field> fields) {
  if (level < g_least.load()) return;
  const std::string now =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone());
  std::string line;
  if (g_format.load() == Format::kJson) {
    absl::StrAppend(&line, "{\"time\":\"", now, "\",\"level\":\"", Name(level),
                    "\",\"message\":\"");
    AppendEscaped(message, line);
    line += '"';
    for (const Field& field : fields) {
      line += ",\"";
      AppendEscaped(field.key, line);
      line += "\":";
      if (!field.is_number) line += '"';
      AppendEscaped(field.value, line);
      if (!field.is_number) line += '"';
    }
    line += "}\n";
  } else {
    absl::StrAppend(&line, now, " ", Name(level), " ");
    // Text lines are escaped too, so that nothing from outside can start a line of its own.
    AppendEscaped(message, line);
    for (const Field& field : fields) {
      absl::StrAppend(&line, " ", field.key, "=");
      const bool quote = !field.is_number && field.value.find(' ') != std::string::npos;
      if (quote) line += '"';
      AppendEscaped(field.value, line);
      if (quote) line += '"';
    }
    line += '\n';
  }
  // A lost log line must not stop the work it tells of.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace sightline::log
