#include "services/pull/hub_listing.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/utf8.h"

namespace sightline::services {
namespace {

using nlohmann::json;

constexpr size_t kMaxNameBytes = 96;
constexpr size_t kMaxRevisionBytes = 256;
constexpr size_t kMaxPathBytes = 1024;
constexpr size_t kMaxStepBytes = 200;
constexpr size_t kMaxFiles = 100'000;

constexpr std::array<const char*, 4> kWanted = {"*.json", "*.jinja", "*.txt", "*.safetensors"};
// Formats that run code when they are opened, or may.
constexpr std::array<const char*, 7> kPickles = {".bin", ".pt",     ".pth",   ".ckpt",
                                                 ".pkl", ".pickle", ".joblib"};

bool IsNamePart(absl::string_view part) {
  return !part.empty() && part[0] != '.' && part[0] != '-' && !absl::StrContains(part, "..") &&
         std::all_of(part.begin(), part.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
         });
}

// Percent-encodes all that is not unreserved (RFC 3986); slashes stay where `keep_slashes`.
std::string Escape(absl::string_view text, bool keep_slashes) {
  std::string out;
  for (const unsigned char c : text) {
    if (absl::ascii_isalnum(c) ||
        absl::StrContains("-._~", absl::string_view(reinterpret_cast<const char*>(&c), 1)) ||
        (keep_slashes && c == '/')) {
      out += static_cast<char>(c);
    } else {
      absl::StrAppendFormat(&out, "%%%02X", c);
    }
  }
  return out;
}

// Safe to print whatever it holds.
std::string Quoted(absl::string_view text) {
  return json(std::string(text.substr(0, 200))).dump(-1, ' ', true, json::error_handler_t::replace);
}

absl::Status Malformed(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("the hub's list of files: ", what));
}

const json* Member(const json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

absl::Status ReadChecksum(const json* hex, HubFile& file) {
  if (hex == nullptr) return absl::OkStatus();
  if (!hex->is_string()) return Malformed(absl::StrCat(file.path, ": a checksum is not a string"));
  auto checksum = ParseChecksum(hex->get_ref<const std::string&>());
  if (!checksum.ok()) {
    return Malformed(absl::StrCat(file.path, ": a checksum is ", checksum.status().message()));
  }
  file.checksum = *std::move(checksum);
  return absl::OkStatus();
}

absl::Status ReadSize(const json* size, HubFile& file) {
  if (size == nullptr) return absl::OkStatus();
  if (!size->is_number_unsigned() || size->get<uint64_t>() > uint64_t{1} << 50) {
    return Malformed(absl::StrCat(file.path, ": size is not a number of bytes"));
  }
  file.size = size->get<int64_t>();
  return absl::OkStatus();
}

absl::StatusOr<HubFile> ReadFileEntry(const json& entry) {
  const json* path = Member(entry, "rfilename");
  if (path == nullptr || !path->is_string()) return Malformed("an entry has no rfilename");
  HubFile file;
  file.path = path->get<std::string>();
  SL_RETURN_IF_ERROR(CheckFilePath(file.path));
  // Of a large file the blob is only a pointer.
  if (const json* large = Member(entry, "lfs")) {
    SL_RETURN_IF_ERROR(ReadSize(Member(*large, "size"), file));
    SL_RETURN_IF_ERROR(ReadChecksum(Member(*large, "sha256"), file));
    return file;
  }
  SL_RETURN_IF_ERROR(ReadSize(Member(entry, "size"), file));
  SL_RETURN_IF_ERROR(ReadChecksum(Member(entry, "blobId"), file));
  return file;
}

absl::StatusOr<HubListing> ReadListing(const json& root) {
  HubListing listing;
  const json* commit = Member(root, "sha");
  if (commit == nullptr || !commit->is_string() ||
      !IsCommit(commit->get_ref<const std::string&>())) {
    return Malformed("sha is not a commit");
  }
  listing.commit = commit->get<std::string>();
  const json* files = Member(root, "siblings");
  if (files == nullptr || !files->is_array() || files->size() > kMaxFiles) {
    return Malformed(absl::StrCat("siblings is not a list of at most ", kMaxFiles));
  }
  absl::flat_hash_set<std::string> paths;
  for (const json& entry : *files) {
    SL_ASSIGN_OR_RETURN(HubFile file, ReadFileEntry(entry));
    if (!paths.insert(file.path).second) return Malformed(Quoted(file.path) + " is there twice");
    listing.files.push_back(std::move(file));
  }
  return listing;
}

bool IsPickle(const std::string& path) {
  const std::string lower = absl::AsciiStrToLower(path);
  return std::any_of(kPickles.begin(), kPickles.end(),
                     [&](const char* ending) { return absl::EndsWith(lower, ending); });
}

bool Matches(const std::string& path, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return ::fnmatch(pattern.c_str(), path.c_str(), 0) == 0;
  });
}

bool LoaderReads(const std::string& path) {
  return std::any_of(kWanted.begin(), kWanted.end(), [&](const char* pattern) {
    return ::fnmatch(pattern, path.c_str(), FNM_PATHNAME) == 0;
  });
}

}  // namespace

std::string HubRepository::short_name() const { return name.substr(name.rfind('/') + 1); }

absl::StatusOr<HubRepository> ParseHubRepository(absl::string_view text) {
  const std::vector<absl::string_view> at = absl::StrSplit(text, absl::MaxSplits('@', 1));
  const std::vector<absl::string_view> parts = absl::StrSplit(at[0], '/');
  if (parts.size() > 2 || at[0].size() > kMaxNameBytes ||
      !std::all_of(parts.begin(), parts.end(), IsNamePart)) {
    return absl::InvalidArgumentError(
        absl::StrCat(Quoted(text), " is not of the form OWNER/NAME or OWNER/NAME@REVISION"));
  }
  HubRepository repository;
  repository.name = std::string(at[0]);
  if (at.size() == 1) return repository;
  const bool printable =
      std::all_of(at[1].begin(), at[1].end(), [](unsigned char c) { return c > ' ' && c != 0x7F; });
  if (at[1].empty() || at[1].size() > kMaxRevisionBytes || !printable) {
    return absl::InvalidArgumentError(absl::StrCat(Quoted(text), ": not a branch, tag or commit"));
  }
  repository.revision = std::string(at[1]);
  return repository;
}

bool IsCommit(absl::string_view revision) {
  const auto checksum = ParseChecksum(revision);
  return checksum.ok() && checksum->kind == Checksum::Kind::kGitBlob;
}

absl::Status CheckFilePath(absl::string_view path) {
  const auto bad = [&](absl::string_view why) {
    return Malformed(absl::StrCat("refused the file name ", Quoted(path), ": ", why));
  };
  if (path.empty() || path.size() > kMaxPathBytes) return bad("empty or too long");
  if (!IsValidUtf8(path)) return bad("not UTF-8");
  for (const unsigned char c : path) {
    if (c < ' ' || c == 0x7F || c == '\\') return bad("a control character or backslash");
  }
  if (path[0] == '/') return bad("it is absolute");
  const std::vector<absl::string_view> steps = absl::StrSplit(path, '/');
  for (const absl::string_view step : steps) {
    if (step.empty() || step == "." || step == "..") return bad("it may leave its folder");
    if (step.size() > kMaxStepBytes) return bad("too long");
  }
  if (steps[0] == ".partial" || steps[0] == ".sightline-pull.json") {
    return bad("this program keeps that name for itself");
  }
  return absl::OkStatus();
}

absl::StatusOr<HubListing> ParseHubListing(absl::string_view text) {
  return CatchStatus("the hub's list of files", [&]() -> absl::StatusOr<HubListing> {
    const json root = json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
    if (root.is_discarded()) return Malformed("not JSON");
    return ReadListing(root);
  });
}

std::string ListingUrl(absl::string_view endpoint, const HubRepository& repository) {
  return absl::StrCat(endpoint, "/api/models/", repository.name, "/revision/",
                      Escape(repository.revision, false), "?blobs=true");
}

std::string FileUrl(absl::string_view endpoint, const HubRepository& repository,
                    absl::string_view commit, absl::string_view path) {
  return absl::StrCat(endpoint, "/", repository.name, "/resolve/", commit, "/", Escape(path, true));
}

absl::StatusOr<std::vector<HubFile>> ChooseFiles(const std::vector<HubFile>& files,
                                                 const std::vector<std::string>& include,
                                                 const std::vector<std::string>& exclude) {
  std::vector<HubFile> chosen;
  std::string pickle;
  bool weights = false;
  for (const HubFile& file : files) {
    if (Matches(file.path, exclude)) continue;
    if (IsPickle(file.path)) {
      pickle = file.path;
      continue;
    }
    if (include.empty() ? !LoaderReads(file.path) : !Matches(file.path, include)) continue;
    weights = weights || absl::EndsWith(file.path, ".safetensors");
    chosen.push_back(file);
  }
  if (!pickle.empty() && !weights && (include.empty() || chosen.empty())) {
    return absl::FailedPreconditionError(
        absl::StrCat("the repository's weights are pickled (", pickle,
                     "), which is never fetched or opened; only .safetensors is"));
  }
  if (chosen.empty()) {
    return absl::FailedPreconditionError("no file of the repository is wanted: see --include");
  }
  return chosen;
}

}  // namespace sightline::services
