#include "base/config.h"

#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/log.h"
#include "base/status.h"

namespace sightline {
namespace {

constexpr char kEnvironmentPrefix[] = "SIGHTLINE__";
constexpr char kFileSuffix[] = "_file";
constexpr uint64_t kMaxConfigBytes = 1 << 20;
constexpr uint64_t kMaxSecretBytes = 64 << 10;

std::string FullName(const ConfigKey& key) { return absl::StrCat(key.section, ".", key.name); }

absl::string_view TypeName(ValueType type) {
  switch (type) {
    case ValueType::kString: return "text";
    case ValueType::kInt: return "integer";
    case ValueType::kNumber: return "number";
    case ValueType::kBool: return "true or false";
  }
  return "text";
}

std::string RangeText(const ConfigKey& key) {
  const auto number = [](double value) { return absl::StrFormat("%.15g", value); };
  if (key.least.has_value() && key.most.has_value()) {
    return absl::StrCat(number(*key.least), "..", number(*key.most));
  }
  if (key.least.has_value()) return absl::StrCat("at least ", number(*key.least));
  if (key.most.has_value()) return absl::StrCat("at most ", number(*key.most));
  return "";
}

absl::Status Unknown(absl::string_view what, absl::string_view name,
                     std::span<const std::string> known) {
  const std::string nearest = NearestName(name, known);
  const absl::string_view dashes = absl::StartsWith(name, "--") ? "--" : "";
  return absl::InvalidArgumentError(absl::StrCat(
      "unknown ", what, " \"", name, "\"",
      nearest.empty() ? "" : absl::StrCat("; did you mean \"", dashes, nearest, "\"?")));
}

absl::Status CheckNumber(const ConfigKey& key, double value, const std::string& text) {
  if ((key.least.has_value() && value < *key.least) ||
      (key.most.has_value() && value > *key.most)) {
    return absl::InvalidArgumentError(
        absl::StrCat(FullName(key), ": expected ", RangeText(key), ", got ", text));
  }
  return absl::OkStatus();
}

absl::Status Check(const ConfigKey& key, const std::string& text) {
  const auto wrong_type = [&] {
    // A secret's value never enters a message.
    return absl::InvalidArgumentError(absl::StrCat(FullName(key), ": expected ", TypeName(key.type),
                                                   key.secret ? "" : ", got \"",
                                                   key.secret ? "" : text, key.secret ? "" : "\""));
  };
  switch (key.type) {
    case ValueType::kString:
      if (!key.one_of.empty() &&
          std::find(key.one_of.begin(), key.one_of.end(), text) == key.one_of.end()) {
        return absl::InvalidArgumentError(absl::StrCat(FullName(key), ": expected one of ",
                                                       absl::StrJoin(key.one_of, ", "), "; got \"",
                                                       text, "\""));
      }
      return absl::OkStatus();
    case ValueType::kInt: {
      int64_t value = 0;
      if (!absl::SimpleAtoi(text, &value)) return wrong_type();
      return CheckNumber(key, static_cast<double>(value), text);
    }
    case ValueType::kNumber: {
      double value = 0;
      if (!absl::SimpleAtod(text, &value) || !std::isfinite(value)) return wrong_type();
      return CheckNumber(key, value, text);
    }
    case ValueType::kBool:
      if (text != "true" && text != "false") return wrong_type();
      return absl::OkStatus();
  }
  return wrong_type();
}

// The table with lookups by each kind of name.
class KeyIndex {
 public:
  explicit KeyIndex(const ConfigTable& table) {
    for (const ConfigKey& key : table) {
      by_name_[FullName(key)] = {&key, false};
      by_environment_[EnvironmentName(key)] = {&key, false};
      if (!key.flag.empty()) by_flag_[key.flag] = {&key, false};
      sections_.insert(key.section);
      if (!key.secret) continue;
      by_name_[FullName(key) + kFileSuffix] = {&key, true};
      by_environment_[EnvironmentName(key) + "_FILE"] = {&key, true};
    }
  }

  struct Entry {
    const ConfigKey* key;
    bool names_file;  // the value is the path of a file that holds the secret
  };
  using Map = std::map<std::string, Entry, std::less<>>;

  const Map& by_name() const { return by_name_; }
  const Map& by_environment() const { return by_environment_; }
  const Map& by_flag() const { return by_flag_; }
  std::vector<std::string> sections() const { return {sections_.begin(), sections_.end()}; }

  static std::vector<std::string> Names(const Map& map) {
    std::vector<std::string> out;
    for (const auto& [name, entry] : map) out.push_back(name);
    return out;
  }

 private:
  Map by_name_, by_environment_, by_flag_;
  std::set<std::string> sections_;
};

// Takes the values of one source and sets them over what is there.
template <typename Values>
class Layer {
 public:
  Layer(Values& values, std::string source) : values_(values), source_(std::move(source)) {}

  absl::Status Set(const KeyIndex::Entry& entry, std::string text, absl::string_view where) {
    const std::string name = FullName(*entry.key);
    if (!seen_.insert(name).second) {
      return absl::InvalidArgumentError(absl::StrCat(where, ": ", name, " is given twice"));
    }
    if (entry.names_file) {
      auto content = ReadFile(text, kMaxSecretBytes);
      if (!content.ok()) return Annotate(content.status(), absl::StrCat(name, kFileSuffix));
      text = std::string(absl::StripTrailingAsciiWhitespace(*content));
    }
    if (absl::Status status = Check(*entry.key, text); !status.ok()) return Annotate(status, where);
    values_[name] = {std::move(text), source_};
    return absl::OkStatus();
  }

 private:
  Values& values_;
  const std::string source_;
  std::set<std::string> seen_;
};

template <typename Set>
absl::Status ReadYaml(const std::string& path, const KeyIndex& index, const Set& set) {
  auto content = ReadFile(path, kMaxConfigBytes);
  if (!content.ok()) return Annotate(content.status(), "configuration");
  return CatchStatus(path, [&]() -> absl::Status {
    YAML::Node root;
    try {
      root = YAML::Load(*content);
    } catch (const YAML::Exception& e) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": ", e.what()));
    }
    if (root.IsNull()) return absl::OkStatus();
    if (!root.IsMap()) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": expected sections with keys"));
    }
    for (const auto& section : root) {
      const std::string name = section.first.Scalar();
      const auto sections = index.sections();
      if (std::find(sections.begin(), sections.end(), name) == sections.end()) {
        return Annotate(Unknown("section", name, sections), path);
      }
      if (section.second.IsNull()) continue;
      if (!section.second.IsMap()) {
        return absl::InvalidArgumentError(
            absl::StrCat(path, ": section \"", name, "\": expected keys with values"));
      }
      for (const auto& item : section.second) {
        const std::string full = absl::StrCat(name, ".", item.first.Scalar());
        const auto found = index.by_name().find(full);
        if (found == index.by_name().end()) {
          return Annotate(Unknown("key", full, KeyIndex::Names(index.by_name())), path);
        }
        if (!item.second.IsScalar()) {
          return absl::InvalidArgumentError(
              absl::StrCat(path, ": ", full, ": expected ", TypeName(found->second.key->type)));
        }
        SL_RETURN_IF_ERROR(set(found->second, item.second.Scalar(), path));
      }
    }
    return absl::OkStatus();
  });
}

size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

// `text` as a YAML scalar that reads back as the same text.
std::string YamlScalar(const std::string& text, ValueType type) {
  if (type != ValueType::kString) return text;
  return absl::StrCat(
      "\"", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}}), "\"");
}

std::string MarkdownCell(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"|", "\\|"}, {"\n", " "}});
}

}  // namespace

absl::StatusOr<Config> Config::Load(const ConfigTable& table, const ConfigSources& sources) {
  const KeyIndex index(table);
  Config config(table);
  for (const ConfigKey& key : table) {
    config.values_[FullName(key)] = {key.default_value, "default"};
  }
  if (!sources.file.empty()) {
    Layer layer(config.values_, "file");
    SL_RETURN_IF_ERROR(
        ReadYaml(sources.file, index,
                 [&](const KeyIndex::Entry& entry, std::string text, absl::string_view where) {
                   return layer.Set(entry, std::move(text), where);
                 }));
  }
  Layer environment(config.values_, "environment");
  for (const auto& [name, value] : sources.environment) {
    if (!absl::StartsWith(name, kEnvironmentPrefix)) continue;
    const auto found = index.by_environment().find(name);
    if (found == index.by_environment().end()) {
      return Unknown("environment variable", name, KeyIndex::Names(index.by_environment()));
    }
    SL_RETURN_IF_ERROR(environment.Set(found->second, value, name));
  }
  Layer flags(config.values_, "flag");
  for (const auto& [name, value] : sources.flags) {
    const auto found = index.by_flag().find(name);
    if (found == index.by_flag().end()) {
      return Unknown("flag", absl::StrCat("--", name), KeyIndex::Names(index.by_flag()));
    }
    SL_RETURN_IF_ERROR(flags.Set(found->second, value, absl::StrCat("--", name)));
  }
  return config;
}

const Config::Value& Config::Find(absl::string_view key, ValueType type) const {
  const auto known = std::find_if(table_.begin(), table_.end(), [&](const ConfigKey& candidate) {
    return FullName(candidate) == key && candidate.type == type;
  });
  if (known == table_.end()) {
    log::Error("configuration: no such key of that type", {{"key", key}});
    std::abort();
  }
  return values_.find(std::string(key))->second;
}

const std::string& Config::String(absl::string_view key) const {
  return Find(key, ValueType::kString).text;
}

int64_t Config::Int(absl::string_view key) const {
  int64_t value = 0;
  static_cast<void>(absl::SimpleAtoi(Find(key, ValueType::kInt).text, &value));  // checked by Load
  return value;
}

double Config::Number(absl::string_view key) const {
  double value = 0;
  static_cast<void>(absl::SimpleAtod(Find(key, ValueType::kNumber).text, &value));
  return value;
}

bool Config::Bool(absl::string_view key) const {
  return Find(key, ValueType::kBool).text == "true";
}

std::string Config::ToYaml() const {
  std::string out;
  std::string section;
  for (const ConfigKey& key : table_) {
    if (key.section != section) {
      section = key.section;
      absl::StrAppend(&out, section, ":\n");
    }
    const Value& value = values_.find(FullName(key))->second;
    const bool hide = key.secret && !value.text.empty();
    absl::StrAppend(&out, "  ", key.name, ": ",
                    hide ? "\"<hidden>\"" : YamlScalar(value.text, key.type), "  # ", value.source,
                    "\n");
  }
  return out;
}

std::string EnvironmentName(const ConfigKey& key) {
  return absl::AsciiStrToUpper(absl::StrCat(kEnvironmentPrefix, key.section, "__", key.name));
}

std::vector<std::pair<std::string, std::string>> ProcessEnvironment() {
  std::vector<std::pair<std::string, std::string>> out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const absl::string_view text(*entry);
    const size_t equals = text.find('=');
    if (equals == absl::string_view::npos) continue;
    out.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

std::string ConfigReference(const ConfigTable& table, absl::string_view title) {
  std::string out = absl::StrCat(
      "# ", title, "\n\n",
      "Values come from a YAML file (`--config FILE`), the environment and flags; flags win over "
      "the\n"
      "environment, the environment over the file, the file over the default. A key that is not "
      "listed\n"
      "here is an error. `--print-config` shows what is in force, with secrets hidden.\n");
  std::string section;
  for (const ConfigKey& key : table) {
    if (key.section != section) {
      section = key.section;
      absl::StrAppend(&out, "\n## ", section,
                      "\n\n| key | type | default | environment | flag | meaning |\n"
                      "|---|---|---|---|---|---|\n");
    }
    std::string type(TypeName(key.type));
    if (!key.one_of.empty()) type = absl::StrJoin(key.one_of, ", ");
    if (const std::string range = RangeText(key); !range.empty()) {
      absl::StrAppend(&type, ", ", range);
    }
    std::string meaning = key.help;
    if (key.secret) {
      absl::StrAppend(&meaning, " Secret: `", key.name, "_file` names a file that holds it.");
    }
    const auto code = [](const std::string& text) {
      return text.empty() ? std::string() : absl::StrCat("`", text, "`");
    };
    absl::StrAppend(&out, "| `", key.name, "` | ", MarkdownCell(type), " | ",
                    MarkdownCell(code(key.default_value)), " | `", EnvironmentName(key), "` | ",
                    key.flag.empty() ? "" : absl::StrCat("`--", key.flag, "`"), " | ",
                    MarkdownCell(meaning), " |\n");
  }
  return out;
}

std::string NearestName(absl::string_view name, std::span<const std::string> known) {
  const absl::string_view bare = absl::StripPrefix(name, "--");
  std::string best;
  // Further away than a third of its letters, a suggestion misleads.
  size_t best_distance = std::max<size_t>(2, bare.size() / 3) + 1;
  for (const std::string& candidate : known) {
    const size_t distance = EditDistance(bare, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace sightline
