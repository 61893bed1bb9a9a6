// The JSON side of ingest_item.h: manifest lines, failure lines and metadata.

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/utf8.h"
#include "cli/ingest_item.h"

namespace sightline::cli {
namespace {

using Json = nlohmann::json;  // sorts its keys

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json Parse(absl::string_view text) { return Json::parse(text.begin(), text.end(), nullptr, false); }

absl::Status Wrong(absl::string_view key, absl::string_view expected, const Json& value) {
  return absl::InvalidArgumentError(
      absl::StrCat("\"", key, "\" must be ", expected, ", not ", value.type_name()));
}

// The text under `key`, or empty when there is none.
absl::Status ReadText(const Json& line, const char* key, std::string& out) {
  const auto found = line.find(key);
  if (found == line.end()) return absl::OkStatus();
  if (!found->is_string()) return Wrong(key, "text", *found);
  out = found->get<std::string>();
  return absl::OkStatus();
}

absl::Status CheckKeys(const Json& line) {
  static const std::set<std::string> known = {"path",    "uri",        "id",     "metadata",
                                              "caption", "media_type", "reason", "message"};
  for (const auto& [key, value] : line.items()) {
    if (known.count(key) == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown key \"", key, "\"; known are ", absl::StrJoin(known, ", ")));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> MergedMetadata(const Json& line, const std::string& defaults) {
  Json merged = defaults.empty() ? Json::object() : Parse(defaults);
  if (const auto found = line.find("metadata"); found != line.end()) {
    if (!found->is_object()) return Wrong("metadata", "an object", *found);
    merged.update(*found);
  }
  if (const auto found = line.find("caption"); found != line.end()) {
    if (!found->is_string()) return Wrong("caption", "text", *found);
    merged["caption"] = *found;
  }
  return merged.empty() ? std::string() : Dump(merged);
}

}  // namespace

bool IsUri(absl::string_view text) {
  return absl::StartsWithIgnoreCase(text, "http://") ||
         absl::StartsWithIgnoreCase(text, "https://") || absl::StartsWithIgnoreCase(text, "s3://");
}

absl::StatusOr<IngestItem> ParseManifestLine(absl::string_view text, const std::string& folder,
                                             const std::string& metadata) {
  const Json line = Parse(text);
  if (!line.is_object()) return absl::InvalidArgumentError("not a JSON object");
  if (auto known = CheckKeys(line); !known.ok()) return known;
  IngestItem item;
  for (const auto& [key, field] : {std::pair<const char*, std::string*>{"path", &item.path},
                                   {"uri", &item.uri},
                                   {"id", &item.id},
                                   {"media_type", &item.media_type}}) {
    if (auto read = ReadText(line, key, *field); !read.ok()) return read;
  }
  if (item.path.empty() == item.uri.empty()) {
    return absl::InvalidArgumentError("exactly one of \"path\" and \"uri\" is needed");
  }
  if (!item.uri.empty() && !IsUri(item.uri)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"uri\" must begin with http://, https:// or s3://, not ", item.uri));
  }
  if (!item.path.empty()) {
    item.path = (std::filesystem::path(folder) / item.path).lexically_normal().string();
  }
  auto merged = MergedMetadata(line, metadata);
  if (!merged.ok()) return merged.status();
  item.metadata = *std::move(merged);
  return item;
}

std::string FailedLine(const IngestItem& item, absl::string_view reason,
                       absl::string_view message) {
  nlohmann::ordered_json line;
  line[item.uri.empty() ? "path" : "uri"] = item.source();
  if (!item.id.empty()) line["id"] = item.id;
  if (!item.metadata.empty()) line["metadata"] = nlohmann::ordered_json::parse(item.metadata);
  if (!item.media_type.empty()) line["media_type"] = item.media_type;
  line["reason"] = std::string(reason);
  line["message"] = std::string(message);
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

absl::StatusOr<std::string> MetadataFromPairs(const std::vector<std::string>& pairs) {
  Json out = Json::object();
  for (const std::string& pair : pairs) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return absl::InvalidArgumentError(absl::StrCat("--metadata ", pair, ": expected KEY=VALUE"));
    }
    if (!IsValidUtf8(pair)) {
      return absl::InvalidArgumentError(absl::StrCat("--metadata ", pair, ": not UTF-8"));
    }
    const std::string value = pair.substr(equals + 1);
    const Json parsed = Parse(value);
    out[pair.substr(0, equals)] = parsed.is_discarded() ? Json(value) : parsed;
  }
  return out.empty() ? std::string() : Dump(out);
}

}  // namespace sightline::cli
