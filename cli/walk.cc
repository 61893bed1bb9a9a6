// VisitSources of ingest_item.h: paths, folders, and the manifest's lines.

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status.h"
#include "base/utf8.h"
#include "cli/glob.h"
#include "cli/ignore_rules.h"
#include "cli/ingest_item.h"
#include "cli/s3/settings.h"

namespace sightline::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxSourceBytes = 4096;

constexpr uint64_t kMaxIgnoreFileBytes = 1 << 20;

// The rules of the folders from the one that was named down to where the walk is.
class IgnoreStack {
 public:
  // What the nearest folder that has a word on it says; `below` is a path under the named folder.
  bool LeavesOut(const std::string& below, bool is_folder) const {
    for (auto level = levels_.rbegin(); level != levels_.rend(); ++level) {
      const auto verdict = level->rules.Verdict(below.substr(level->prefix), is_folder);
      if (verdict.has_value()) return *verdict;
    }
    return false;
  }

  void Enter(const std::string& below, IgnoreRules rules) {
    levels_.push_back({.prefix = below.size(), .rules = std::move(rules)});
  }
  void Leave() { levels_.pop_back(); }

 private:
  struct Level {
    size_t prefix = 0;  // of the folder's path under the named one, with its slash
    IgnoreRules rules;
  };
  std::vector<Level> levels_;
};

class Walker {
 public:
  Walker(const IngestSources& sources, const IngestVisitor& visitor)
      : sources_(sources), visitor_(visitor) {}

  absl::Status Named(const std::string& path) {
    struct stat st;
    if (::stat(path.c_str(), &st) != 0) return NamedMissing(path, errno);
    std::error_code error;
    if (S_ISDIR(st.st_mode)) {
      const fs::path folder = fs::canonical(path, error);
      if (error) return absl::UnavailableError(absl::StrCat(path, ": ", error.message()));
      return Folder(folder.string(), "");
    }
    // The real folder, so that one file has one source however it is reached, but the file's own
    // name, even where that is a link.
    const fs::path absolute = fs::absolute(path, error).lexically_normal();
    const fs::path folder = fs::canonical(absolute.parent_path(), error);
    if (error) return absl::UnavailableError(absl::StrCat(path, ": ", error.message()));
    return File((folder / absolute.filename()).string(), st, true);
  }

  absl::Status Below(const std::string& root, const std::string& path) {
    return path == root ? Folder(root, "")
                        : Down(root, "", absl::string_view(path).substr(root.size() + 1));
  }

 private:
  static absl::Status NamedMissing(const std::string& path, int error) {
    const std::string message = absl::StrCat(path, ": ", std::strerror(error));
    return error == ENOENT || error == ENOTDIR ? absl::NotFoundError(message)
                                               : absl::UnavailableError(message);
  }

  void Unusable(const std::string& path, const char* reason, const std::string& message) {
    if (visitor_.unusable) visitor_.unusable({path, reason, message});
  }

  // `below` is the folder's path under the one that was named, with a slash at its end, or empty.
  absl::Status Folder(const std::string& folder, const std::string& below) {
    auto rules = ReadRules(folder);
    if (!rules.ok()) {
      // Without them it is not known what must stay out.
      Unusable(folder + "/" + kIgnoreFile, "unreadable",
               absl::StrCat(rules.status().message(), "; its folder is left out"));
      return absl::OkStatus();
    }
    if (visitor_.folder) SL_RETURN_IF_ERROR(visitor_.folder(folder));
    ignored_.Enter(below, *std::move(rules));
    const absl::Status status = Entries(folder, below);
    ignored_.Leave();
    return status;
  }

  // Goes down from `folder` to `rest`, a path in it, and visits only that.
  absl::Status Down(const std::string& folder, const std::string& below, absl::string_view rest) {
    const std::string name(rest.substr(0, rest.find('/')));
    auto rules = ReadRules(folder);
    if (!rules.ok() || name.empty() || name[0] == '.') return absl::OkStatus();
    ignored_.Enter(below, *std::move(rules));
    const absl::Cleanup leave = [this] { ignored_.Leave(); };
    const std::string path = folder + "/" + name;
    struct stat st;
    if (::lstat(path.c_str(), &st) != 0) return absl::OkStatus();
    if (name.size() == rest.size()) return Entry(path, name, below);
    const bool entered = S_ISDIR(st.st_mode) && sources_.recursive &&
                         !ignored_.LeavesOut(below + name, /*is_folder=*/true);
    return entered ? Down(path, below + name + "/", rest.substr(name.size() + 1))
                   : absl::OkStatus();
  }

  absl::StatusOr<IgnoreRules> ReadRules(const std::string& folder) const {
    if (!sources_.ignore_files) return IgnoreRules();
    const auto text = ReadFile(folder + "/" + kIgnoreFile, kMaxIgnoreFileBytes);
    if (absl::IsNotFound(text.status())) return IgnoreRules();
    if (!text.ok()) return text.status();
    return IgnoreRules::Parse(*text);
  }

  absl::Status Entries(const std::string& folder, const std::string& below) {
    std::vector<std::string> names;
    std::error_code error;
    fs::directory_iterator entries(folder, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
      names.push_back(entries->path().filename().string());
    }
    if (error) Unusable(folder, "unreadable", error.message());
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      if (name[0] != '.') SL_RETURN_IF_ERROR(Entry(folder + "/" + name, name, below));
    }
    return absl::OkStatus();
  }

  absl::Status Entry(const std::string& path, const std::string& name, const std::string& below) {
    struct stat st;
    if (::lstat(path.c_str(), &st) != 0) {
      Unusable(path, "unreadable", std::strerror(errno));
      return absl::OkStatus();
    }
    if (ignored_.LeavesOut(below + name, S_ISDIR(st.st_mode))) return absl::OkStatus();
    if (S_ISDIR(st.st_mode)) {
      if (sources_.recursive) return Folder(path, below + name + "/");
      if (visitor_.sub_folder) visitor_.sub_folder(path);
      return absl::OkStatus();
    }
    if (!Wanted(sources_.globs, name, below + name)) return absl::OkStatus();
    return File(path, st, false);
  }

  absl::Status File(const std::string& path, const struct stat& st, bool named) {
    if (S_ISLNK(st.st_mode)) {
      Unusable(path, "symbolic_link", "symbolic links in folders are not followed");
    } else if (!S_ISREG(st.st_mode)) {
      Unusable(path, "not_a_file", "not a regular file");
    } else if (!IsValidUtf8(path)) {
      Unusable(path, "name_not_utf8", "the name is not UTF-8");
    } else if (path.size() > kMaxSourceBytes) {
      Unusable(path, "path_too_long", absl::StrCat("more than ", kMaxSourceBytes, " bytes"));
    } else if (::access(path.c_str(), R_OK) != 0) {
      Unusable(path, "unreadable", std::strerror(errno));
    } else {
      IngestItem item;
      item.path = path;
      item.bytes = st.st_size;
      item.metadata = sources_.metadata;
      item.follow_link = named;
      return visitor_.item(std::move(item));
    }
    return absl::OkStatus();
  }

  const IngestSources& sources_;
  const IngestVisitor& visitor_;
  IgnoreStack ignored_;
};

absl::Status VisitManifest(const IngestSources& sources, const IngestVisitor& visitor) {
  std::ifstream file(sources.manifest);
  if (!file) {
    return absl::NotFoundError(absl::StrCat(sources.manifest, ": ", std::strerror(errno)));
  }
  std::error_code error;
  const std::string folder = fs::absolute(sources.manifest, error).parent_path().string();
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (absl::StripAsciiWhitespace(line).empty()) continue;
    auto item = ParseManifestLine(line, folder, sources.metadata);
    if (!item.ok()) {
      return Annotate(item.status(), absl::StrCat(sources.manifest, ":", number));
    }
    struct stat st;
    if (s3::IsS3Url(item->uri)) {
      const absl::Status usable =
          sources.s3.ok() ? s3::ParseLocation(item->uri).status() : sources.s3.status();
      if (!usable.ok()) return Annotate(usable, absl::StrCat(sources.manifest, ":", number));
    }
    if (item->path.empty()) {
      SL_RETURN_IF_ERROR(visitor.item(*std::move(item)));
    } else if (::stat(item->path.c_str(), &st) != 0) {
      if (visitor.unusable) visitor.unusable({item->path, "unreadable", std::strerror(errno)});
    } else if (!S_ISREG(st.st_mode)) {
      if (visitor.unusable) visitor.unusable({item->path, "not_a_file", "not a regular file"});
    } else {
      item->bytes = st.st_size;
      SL_RETURN_IF_ERROR(visitor.item(*std::move(item)));
    }
  }
  if (file.bad()) return absl::UnavailableError(absl::StrCat("cannot read ", sources.manifest));
  return absl::OkStatus();
}

}  // namespace

absl::Status VisitBelow(const std::string& root, const std::string& path,
                        const IngestSources& sources, const IngestVisitor& visitor) {
  return Walker(sources, visitor).Below(root, path);
}

absl::Status VisitSources(const IngestSources& sources, const IngestVisitor& visitor) {
  Walker walker(sources, visitor);
  for (const std::string& path : sources.paths) {
    if (!IsUri(path)) {
      SL_RETURN_IF_ERROR(walker.Named(path));
      continue;
    }
    if (s3::IsS3Url(path)) {
      SL_RETURN_IF_ERROR(VisitBucket(path, sources, visitor));
      continue;
    }
    IngestItem item;
    item.uri = path;
    item.metadata = sources.metadata;
    SL_RETURN_IF_ERROR(visitor.item(std::move(item)));
  }
  return sources.manifest.empty() ? absl::OkStatus() : VisitManifest(sources, visitor);
}

}  // namespace sightline::cli
