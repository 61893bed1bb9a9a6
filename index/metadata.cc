#include "index/metadata.h"

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace sightline::index {
namespace {

using Json = nlohmann::json;

// The parser recurses into nothing, but its result would; so depth is bounded before it runs.
absl::Status CheckDepth(absl::string_view json) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (depth > kMaxMetadataDepth) {
      return absl::InvalidArgumentError(
          absl::StrCat("metadata: nested deeper than ", kMaxMetadataDepth, " at byte ", i));
    }
  }
  return absl::OkStatus();
}

std::string Join(const std::string& path, const std::string& name) {
  return path.empty() ? name : absl::StrCat(path, ".", name);
}

Scalar ToScalar(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_unsigned()) {
    const auto number = value.get<uint64_t>();
    if (number <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return static_cast<int64_t>(number);
    }
    return static_cast<double>(number);
  }
  if (value.is_number_integer()) return value.get<int64_t>();
  return value.get<double>();
}

void Flatten(const Json& value, const std::string& path,
             std::map<std::string, std::vector<Scalar>>& fields) {
  if (value.is_null()) return;
  auto& values = fields[path];
  if (value.is_object()) {
    for (const auto& [name, child] : value.items()) Flatten(child, Join(path, name), fields);
  } else if (value.is_array()) {
    for (const auto& child : value) Flatten(child, path, fields);
  } else {
    values.push_back(ToScalar(value));
  }
}

}  // namespace

absl::StatusOr<Metadata> Metadata::Parse(absl::string_view json) {
  if (json.size() > kMaxMetadataBytes) {
    return absl::InvalidArgumentError(absl::StrCat("metadata: ", json.size(), " bytes, at most ",
                                                   kMaxMetadataBytes, " are allowed"));
  }
  if (auto status = CheckDepth(json); !status.ok()) return status;
  Json parsed;
  try {
    parsed = Json::parse(json.begin(), json.end());
  } catch (const Json::parse_error& e) {
    return absl::InvalidArgumentError(absl::StrCat("metadata: not JSON, at byte ", e.byte));
  } catch (const Json::exception&) {
    return absl::InvalidArgumentError("metadata: a number is out of range");
  }
  if (!parsed.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat("metadata: expected a JSON object, got ", parsed.type_name()));
  }
  std::map<std::string, std::vector<Scalar>> fields;
  for (const auto& [name, child] : parsed.items()) Flatten(child, name, fields);
  Metadata out;
  out.fields_.reserve(fields.size());
  for (auto& [path, values] : fields) out.fields_.push_back({path, std::move(values)});
  return out;
}

std::span<const Scalar> Metadata::ValuesAt(absl::string_view path) const {
  const auto it = std::lower_bound(fields_.begin(), fields_.end(), path,
                                   [](const Field& f, absl::string_view p) { return f.path < p; });
  if (it == fields_.end() || it->path != path) return {};
  return it->values;
}

bool Metadata::Exists(absl::string_view path) const {
  const auto it = std::lower_bound(fields_.begin(), fields_.end(), path,
                                   [](const Field& f, absl::string_view p) { return f.path < p; });
  return it != fields_.end() && it->path == path;
}

}  // namespace sightline::index
