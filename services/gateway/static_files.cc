#include "services/gateway/static_files.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/status.h"

namespace sightline::gateway {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxTotalBytes = 64 << 20;
constexpr size_t kMaxFiles = 2000;

std::string TypeOf(const fs::path& path) {
  static const auto* const kTypes =
      new std::map<std::string, std::string>{{".html", "text/html; charset=utf-8"},
                                             {".js", "text/javascript; charset=utf-8"},
                                             {".css", "text/css; charset=utf-8"},
                                             {".json", "application/json"},
                                             {".webmanifest", "application/manifest+json"},
                                             {".svg", "image/svg+xml"},
                                             {".png", "image/png"},
                                             {".jpg", "image/jpeg"},
                                             {".webp", "image/webp"},
                                             {".ico", "image/x-icon"},
                                             {".woff2", "font/woff2"},
                                             {".txt", "text/plain; charset=utf-8"}};
  const auto found = kTypes->find(path.extension().string());
  return found == kTypes->end() ? "application/octet-stream" : found->second;
}

bool IsHidden(const fs::path& relative) {
  for (const fs::path& name : relative) {
    if (absl::StartsWith(name.string(), ".")) return true;
  }
  return false;
}

}  // namespace

const char kPagePolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

absl::StatusOr<StaticFiles> StaticFiles::Load(const std::string& root) {
  StaticFiles out;
  if (root.empty()) return out;
  std::error_code error;
  if (!fs::is_directory(root, error)) {
    return absl::NotFoundError(absl::StrCat("page folder: ", root, " is not a folder"));
  }
  uint64_t total = 0;
  auto entry = fs::recursive_directory_iterator(root, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (entry->is_symlink() || !entry->is_regular_file()) continue;
    const fs::path relative = entry->path().lexically_relative(root);
    if (IsHidden(relative)) continue;
    SL_ASSIGN_OR_RETURN(std::string bytes,
                        ReadFile(entry->path().string(), kMaxTotalBytes - total));
    total += bytes.size();
    if (out.files_.size() >= kMaxFiles) {
      return absl::ResourceExhaustedError(
          absl::StrCat("page folder: ", root, " holds more than ", kMaxFiles, " files"));
    }
    File file;
    file.content_type = TypeOf(entry->path());
    file.etag = absl::StrCat("\"", ContentHash(bytes).substr(0, 32), "\"");
    file.immutable = absl::StartsWith(relative.generic_string(), "assets/");
    file.bytes = std::move(bytes);
    out.files_.emplace(relative.generic_string(), std::move(file));
  }
  if (error) {
    return absl::UnavailableError(absl::StrCat("page folder: ", root, ": ", error.message()));
  }
  return out;
}

std::optional<Reply> StaticFiles::Find(absl::string_view path,
                                       absl::string_view if_none_match) const {
  const auto found = files_.find(path.empty() ? "index.html" : std::string(path));
  if (found == files_.end()) return std::nullopt;
  const File& file = found->second;
  Reply reply;
  reply.headers = {
      {"ETag", file.etag},
      {"Cache-Control", file.immutable ? "public, max-age=31536000, immutable" : "no-cache"},
      {"Content-Security-Policy", kPagePolicy},
      {"Cross-Origin-Opener-Policy", "same-origin"}};
  reply.content_type = file.content_type;
  if (absl::StrContains(if_none_match, file.etag)) {
    reply.status = 304;
  } else {
    reply.body = file.bytes;
  }
  return reply;
}

}  // namespace sightline::gateway
