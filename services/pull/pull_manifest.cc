#include "services/pull/pull_manifest.h"

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/status.h"
#include "services/pull/hub_listing.h"

namespace sightline::services {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxBytes = 64 << 20;

std::string PathIn(const std::string& folder) { return folder + "/.sightline-pull.json"; }

const char* KeyOf(Checksum::Kind kind) {
  return kind == Checksum::Kind::kSha256 ? "sha256" : "git_blob";
}

// Throws where `root` is not what WritePullManifest wrote.
absl::StatusOr<PullManifest> Read(const json& root) {
  PullManifest manifest;
  manifest.repository = root.at("repository").get<std::string>();
  manifest.commit = root.at("commit").get<std::string>();
  manifest.include = root.at("include").get<std::vector<std::string>>();
  manifest.exclude = root.at("exclude").get<std::vector<std::string>>();
  manifest.complete = root.at("complete").get<bool>();
  for (const json& entry : root.at("files")) {
    PullManifest::File file;
    file.path = entry.at("path").get<std::string>();
    SL_RETURN_IF_ERROR(CheckFilePath(file.path));
    file.size = entry.at("size").get<int64_t>();
    const bool large = entry.contains("sha256");
    SL_ASSIGN_OR_RETURN(file.checksum,
                        ParseChecksum(entry.at(large ? "sha256" : "git_blob").get<std::string>()));
    manifest.files.push_back(std::move(file));
  }
  return manifest;
}

}  // namespace

const PullManifest::File* PullManifest::Find(absl::string_view path) const {
  for (const File& file : files) {
    if (file.path == path) return &file;
  }
  return nullptr;
}

std::optional<PullManifest> ReadPullManifest(const std::string& folder) {
  const auto text = ReadFile(PathIn(folder), kMaxBytes);
  if (!text.ok()) return std::nullopt;
  auto manifest = CatchStatus("manifest", [&] { return Read(json::parse(*text)); });
  if (!manifest.ok()) return std::nullopt;
  return *std::move(manifest);
}

absl::Status WritePullManifest(const std::string& folder, const PullManifest& manifest) {
  json files = json::array();
  for (const PullManifest::File& file : manifest.files) {
    files.push_back(
        {{"path", file.path}, {"size", file.size}, {KeyOf(file.checksum.kind), file.checksum.hex}});
  }
  const json root = {{"repository", manifest.repository}, {"commit", manifest.commit},
                     {"include", manifest.include},       {"exclude", manifest.exclude},
                     {"complete", manifest.complete},     {"files", files}};
  // Patterns come from the command line and may be any bytes.
  return WriteFileAtomic(PathIn(folder),
                         root.dump(1, ' ', false, json::error_handler_t::replace) + "\n");
}

}  // namespace sightline::services
