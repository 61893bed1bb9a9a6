#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline {

enum class ValueType { kString, kInt, kNumber, kBool };

// One key of a program's configuration. In the file it is `name` under `section`; in the
// environment SIGHTLINE__SECTION__NAME; on the command line --`flag`, where it has one.
struct ConfigKey {
  std::string section = {};
  std::string name = {};
  ValueType type = ValueType::kString;
  std::string default_value = {};    // as written in a file; empty = none, for strings
  std::string help = {};             // one sentence, with the unit
  std::string flag = {};             // without dashes; empty = no flag
  bool secret = false;               // never shown; `name`_file names a file that holds the value
  std::optional<double> least = {};  // of kInt and kNumber
  std::optional<double> most = {};
  std::vector<std::string> one_of = {};  // of kString; empty = any
};

using ConfigTable = std::vector<ConfigKey>;

// Where values come from, strongest last: default, file, environment, flags.
struct ConfigSources {
  std::string file = {};  // path of a YAML file; empty = none
  std::vector<std::pair<std::string, std::string>> environment =
      {};                                                       // name, value; others are ignored
  std::vector<std::pair<std::string, std::string>> flags = {};  // flag without dashes, value
};

// The values of one table's keys. Immutable; any thread.
class Config {
 public:
  // Reads and checks everything. kInvalidArgument: an unknown section, key, variable or flag (with
  // the nearest known name), a value of the wrong type or out of range, a key given twice in one
  // source, a file that is no YAML map; errors name the source. kNotFound and other errors of
  // ReadFile for the files.
  static absl::StatusOr<Config> Load(const ConfigTable& table, const ConfigSources& sources);

  // The value of "section.name". The key must be in the table and of that type: anything else is a
  // bug of the program, and aborts.
  const std::string& String(absl::string_view key) const;
  int64_t Int(absl::string_view key) const;
  double Number(absl::string_view key) const;
  bool Bool(absl::string_view key) const;

  // All keys as a YAML file with the source of each value; secrets that are set show as "<hidden>".
  std::string ToYaml() const;

 private:
  struct Value {
    std::string text;
    std::string source;  // "default", "file", "environment", "flag"
  };
  explicit Config(const ConfigTable& table) : table_(table) {}
  const Value& Find(absl::string_view key, ValueType type) const;

  ConfigTable table_;
  std::map<std::string, Value> values_;  // by "section.name"
};

// SIGHTLINE__SECTION__NAME.
std::string EnvironmentName(const ConfigKey& key);

// The environment of this process, for ConfigSources.
std::vector<std::pair<std::string, std::string>> ProcessEnvironment();

// A Markdown page that documents every key of `table`, section by section, under `title`.
std::string ConfigReference(const ConfigTable& table, absl::string_view title);

// The name among `known` with the fewest edits to `name`; empty when none is near.
std::string NearestName(absl::string_view name, std::span<const std::string> known);

}  // namespace sightline
