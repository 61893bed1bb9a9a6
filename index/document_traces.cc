#include "index/document_traces.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/status.h"
#include "index/key_codec.h"

namespace sightline::index {
namespace {

namespace fs = std::filesystem;

constexpr char kId[] = "id ";  // begins the names of ids

// Pieces of a longer content, as one of them may be cut by a block's or record's border.
void AddPieces(ByteSearch& search, absl::string_view bytes, const std::string& name) {
  constexpr size_t kPiece = 48;
  for (const size_t at :
       {size_t{0}, bytes.size() / 2, bytes.size() - std::min(kPiece, bytes.size())}) {
    search.Add(bytes.substr(at, kPiece), name);
  }
}

// As in a snapshot's rows: the passage's number, then its codes.
std::string RowBytes(uint32_t passage, absl::string_view codes) {
  std::string row;
  for (int shift = 0; shift < 32; shift += 8) row.push_back(static_cast<char>(passage >> shift));
  return absl::StrCat(row, codes);
}

// A table file that is not in use may be one that is just being written, or about to be removed.
absl::StatusOr<bool> StaysUnused(const Store& store, const fs::path& path) {
  const absl::Time patience = absl::Now() + absl::Seconds(5);
  std::error_code ignored;
  while (fs::exists(path, ignored)) {
    SL_ASSIGN_OR_RETURN(const std::set<std::string> tables, store.TableFiles());
    if (tables.contains(fs::weakly_canonical(path, ignored))) return false;
    if (absl::Now() >= patience) return true;
    SL_RETURN_IF_ERROR(store.RemoveUnusedFiles());
    absl::SleepFor(absl::Milliseconds(20));
  }
  return false;
}

}  // namespace

absl::Status DocumentTraces::Add(const Store& store, const DocumentRecord& document,
                                 const std::vector<Job>& jobs) {
  const std::string& id = document.document.id;
  own_keys_.insert(DocumentKey(collection_, id));
  bytes_.Add(id, absl::StrCat(kId, id));
  bytes_.Add(document.document.source, absl::StrCat("source of ", id));
  for (const Job& job : jobs) own_keys_.insert(JobKey(job.id));
  SL_RETURN_IF_ERROR(AddPassages(store, document));
  return AddPictures(store, document);
}

absl::Status DocumentTraces::AddPassages(const Store& store, const DocumentRecord& document) {
  for (uint32_t i = 0; i < document.passages.size(); ++i) {
    const uint32_t number = document.first_passage + i;
    const std::string key = PassageKey(collection_, number);
    own_keys_.insert(key);
    own_keys_.insert(VectorKey(collection_, number));
    own_keys_.insert(PatchesKey(collection_, number));
    SL_ASSIGN_OR_RETURN(const auto value, store.Get(key, nullptr));
    if (value.has_value()) {
      SL_ASSIGN_OR_RETURN(const Passage passage, DecodePassage(*value));
      AddPieces(bytes_, passage.text, absl::StrCat("words of passage ", number));
    }
    SL_ASSIGN_OR_RETURN(const auto vector, store.Get(VectorKey(collection_, number), nullptr));
    if (vector.has_value()) {
      bytes_.Add(RowBytes(number, *vector), absl::StrCat("the vector of passage ", number));
    }
    SL_ASSIGN_OR_RETURN(const auto patches, store.Get(PatchesKey(collection_, number), nullptr));
    if (patches.has_value()) {
      AddPieces(bytes_, *patches, absl::StrCat("the patches of passage ", number));
    }
  }
  return absl::OkStatus();
}

absl::Status DocumentTraces::AddPictures(const Store& store, const DocumentRecord& document) {
  for (const std::string& hash : document.blob_hashes) {
    SL_ASSIGN_OR_RETURN(const auto references, store.Get(BlobReferencesKey(hash), nullptr));
    if (!references.has_value()) continue;
    SL_ASSIGN_OR_RETURN(const uint64_t holders, DecodeReferences(*references));
    if (holders != 1) continue;
    own_keys_.insert(BlobKey(hash));
    own_keys_.insert(BlobReferencesKey(hash));
    SL_ASSIGN_OR_RETURN(const auto value, store.Get(BlobKey(hash), nullptr));
    if (!value.has_value()) continue;
    SL_ASSIGN_OR_RETURN(const Blob blob, DecodeBlob(*value));
    AddPieces(bytes_, blob.bytes, absl::StrCat("picture ", hash));
    bytes_.Add(hash, absl::StrCat("the hash of picture ", hash));
  }
  return absl::OkStatus();
}

// Jobs and tombstones are no document's: what they tell of this one is a trace.
bool DocumentTraces::IsOwnKey(absl::string_view key) const {
  return own_keys_.contains(std::string(key)) ||
         absl::StartsWith(key, TombstonesPrefix(collection_)) ||
         absl::StartsWith(key, JobsPrefix());
}

absl::Status DocumentTraces::SearchStore(const Store& store, Report& report) const {
  return store.VisitVersions([&](absl::string_view key, absl::string_view value) {
    report.bytes += static_cast<int64_t>(key.size() + value.size());
    if (report.found.size() >= kMost || !IsOwnKey(key)) return;
    const bool own = own_keys_.contains(std::string(key));
    std::vector<std::string> names = bytes_.Find(value);
    // A job of another document may name the same source.
    if (!own) std::erase_if(names, [](const auto& name) { return !absl::StartsWith(name, kId); });
    if (!own && names.empty()) return;
    report.found.push_back(
        absl::StrCat("store, key ", absl::CHexEscape(key), ": ",
                     names.empty() ? "a key of its own" : absl::StrJoin(names, ", ")));
  });
}

absl::Status DocumentTraces::SearchFile(const std::string& path, Report& report) const {
  const auto file = MappedFile::Open(path);
  if (absl::IsNotFound(file.status())) return absl::OkStatus();  // gone meanwhile
  if (!file.ok()) return file.status();
  const absl::string_view bytes = (*file)->bytes();
  report.bytes += static_cast<int64_t>(bytes.size());
  const std::vector<std::string> names = bytes_.Find(bytes);
  if (names.empty()) return absl::OkStatus();
  const bool list = absl::StartsWith(fs::path(path).filename().string(), "MANIFEST-");
  std::vector<std::string>& where = list ? report.until_restart : report.found;
  if (where.size() < kMost) where.push_back(absl::StrCat(path, ": ", absl::StrJoin(names, ", ")));
  return absl::OkStatus();
}

absl::StatusOr<DocumentTraces::Report> DocumentTraces::Find(
    const Store& store, const std::vector<std::string>& folders) const {
  Report report;
  SL_RETURN_IF_ERROR(SearchStore(store, report));
  SL_ASSIGN_OR_RETURN(const std::set<std::string> tables, store.TableFiles());
  for (const std::string& folder : folders) {
    std::error_code error;
    for (fs::recursive_directory_iterator it(folder, error), end; it != end; it.increment(error)) {
      if (error) break;
      std::error_code ignored;
      if (!it->is_regular_file(ignored) || it->is_symlink(ignored)) continue;
      const std::string path = it->path();
      const bool table = it->path().extension() == ".sst";
      if (table && tables.contains(fs::weakly_canonical(it->path(), ignored))) continue;
      if (table) {
        SL_ASSIGN_OR_RETURN(const bool stays, StaysUnused(store, it->path()));
        if (!stays) continue;
        report.found.push_back(absl::StrCat(path, ": a table file that is no longer in use"));
        continue;
      }
      SL_RETURN_IF_ERROR(SearchFile(path, report));
    }
    if (error) {
      return absl::UnavailableError(absl::StrCat("cannot read ", folder, ": ", error.message()));
    }
  }
  return report;
}

}  // namespace sightline::index
