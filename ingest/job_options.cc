#include "ingest/job_options.h"

#include <boost/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "index/metadata.h"

namespace sightline::ingest {
namespace {

namespace json = boost::json;

constexpr char kTaken[] = "taken";
constexpr char kDate[] = "date";

absl::StatusOr<json::object> ParseObject(const std::string& text) {
  json::error_code error;
  json::value value = json::parse(text, error);
  if (error) return absl::InvalidArgumentError(error.message());
  if (!value.is_object()) return absl::InvalidArgumentError("not a JSON object");
  return std::move(value.as_object());
}

}  // namespace

std::string EncodeJobOptions(const JobOptions& options) {
  return json::serialize(json::object{{"media_type", options.media_type},
                                      {"metadata", options.metadata_json},
                                      {"force", options.force},
                                      {"content_hash", options.content_hash},
                                      {"bytes", options.bytes},
                                      {"etag", options.etag},
                                      {"last_modified", options.last_modified},
                                      {"extract_schema", options.enrichment.extract_schema},
                                      {"summarize", options.enrichment.summarize},
                                      {"tag", options.enrichment.tag},
                                      {"sequence", options.sequence}});
}

absl::StatusOr<JobOptions> DecodeJobOptions(const std::string& text) {
  const auto decoded = CatchStatus("job options", [&]() -> absl::StatusOr<JobOptions> {
    SL_ASSIGN_OR_RETURN(const json::object object, ParseObject(text));
    JobOptions options;
    options.media_type = json::value_to<std::string>(object.at("media_type"));
    options.metadata_json = json::value_to<std::string>(object.at("metadata"));
    options.force = object.at("force").as_bool();
    options.content_hash = json::value_to<std::string>(object.at("content_hash"));
    options.bytes = object.at("bytes").to_number<int64_t>();
    // Jobs of earlier builds have none.
    if (const auto* etag = object.if_contains("etag")) {
      options.etag = json::value_to<std::string>(*etag);
    }
    if (const auto* time = object.if_contains("last_modified")) {
      options.last_modified = json::value_to<std::string>(*time);
    }
    if (const auto* schema = object.if_contains("extract_schema")) {
      options.enrichment.extract_schema = json::value_to<std::string>(*schema);
      options.enrichment.summarize = object.at("summarize").as_bool();
      options.enrichment.tag = object.at("tag").as_bool();
    }
    options.sequence = object.at("sequence").to_number<int64_t>();
    return options;
  });
  if (decoded.ok()) return decoded;
  return absl::DataLossError(
      absl::StrCat("job options are not readable: ", decoded.status().message()));
}

bool SameMetadata(const std::string& stored, const std::string& asked, const OwnMetadata& own) {
  if (stored == asked) return true;
  auto left = ParseObject(stored);
  const auto right = ParseObject(asked);
  if (!left.ok() || !right.ok()) return false;
  if (!right->contains(kTaken)) left->erase(kTaken);
  for (const char* key : {kDate, "title", "author", "from", "to", "subject"}) {
    if (own.properties && !right->contains(key)) left->erase(key);
  }
  for (const char* key : {"extracted", "extracted_from", "summary", "tags", "review"}) {
    if (own.enrichment && !right->contains(key)) left->erase(key);
  }
  return *left == *right;
}

std::string WithTaken(const std::string& metadata_json, const std::string& taken) {
  auto metadata = ParseObject(metadata_json);
  if (!metadata.ok() || metadata->contains(kTaken) || metadata->contains(kDate)) {
    return metadata_json;
  }
  metadata->emplace(kTaken, taken);
  std::string with = json::serialize(*metadata);
  return with.size() <= index::kMaxMetadataBytes ? with : metadata_json;
}

bool HasProperties(absl::string_view media_type) {
  return media_type == "message/rfc822" || media_type == "application/epub+zip" ||
         absl::StartsWith(media_type, "video/");
}

std::string WithProperties(const std::string& metadata_json,
                           const std::vector<std::pair<std::string, std::string>>& properties) {
  auto metadata = ParseObject(metadata_json);
  if (!metadata.ok()) return metadata_json;
  std::string out = metadata_json;
  for (const auto& [key, value] : properties) {
    if (metadata->contains(key) || (key == kDate && metadata->contains(kTaken))) continue;
    metadata->emplace(key, value);
    std::string with = json::serialize(*metadata);
    if (with.size() > index::kMaxMetadataBytes) {
      metadata->erase(key);
    } else {
      out = std::move(with);
    }
  }
  return out;
}

std::string CaptionOf(const std::string& metadata_json) {
  const auto metadata = ParseObject(metadata_json);
  if (!metadata.ok()) return "";
  for (const char* key : {"caption", "title"}) {
    const json::value* value = metadata->if_contains(key);
    if (value != nullptr && value->is_string() && !value->as_string().empty()) {
      return std::string(value->as_string());
    }
  }
  return "";
}

}  // namespace sightline::ingest
