#include "cli/eval_dataset.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/status.h"

namespace sightline::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

enum class ItemKind { kDocument, kQuery };

absl::Status Wrong(absl::string_view message) { return absl::InvalidArgumentError(message); }

// Calls `visit` with each line and prefixes its failures with file and line. Blank lines are passed
// over.
absl::Status VisitLines(const std::string& path,
                        const std::function<absl::Status(absl::string_view, int64_t)>& visit) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Wrong(absl::StrCat(path, ": no such file"));
  std::string line;
  for (int64_t number = 1; std::getline(file, line); ++number) {
    const absl::string_view text = absl::StripAsciiWhitespace(line);
    if (text.empty()) continue;
    SL_RETURN_IF_ERROR(Annotate(visit(text, number), absl::StrCat(path, ":", number)));
  }
  if (file.bad()) return absl::UnavailableError(absl::StrCat(path, ": cannot be read"));
  return absl::OkStatus();
}

absl::Status ReadText(const Json& line, const char* key, std::string& out) {
  const auto found = line.find(key);
  if (found == line.end() || found->is_null()) return absl::OkStatus();
  if (!found->is_string()) return Wrong(absl::StrCat("\"", key, "\" must be text"));
  out = found->get<std::string>();
  return absl::OkStatus();
}

// An id: the first of `keys` that the line has, as text or a whole number; "" when it has none.
absl::StatusOr<std::string> ReadId(const Json& line, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const auto found = line.find(key);
    if (found == line.end() || found->is_null()) continue;
    if (found->is_string()) return found->get<std::string>();
    if (found->is_number_integer()) return found->dump();
    return Wrong(absl::StrCat("\"", key, "\" must be text or a whole number"));
  }
  return std::string();
}

// The absolute path of a picture that a line names.
absl::StatusOr<std::string> FindImage(const std::string& folder, const std::string& name) {
  std::error_code error;
  const fs::path root = fs::canonical(folder, error);
  if (error) return absl::NotFoundError(absl::StrCat(folder, ": ", error.message()));
  const fs::path path = fs::canonical(root / name, error);
  if (error) return Wrong(absl::StrCat("image ", name, ": ", error.message()));
  const fs::path below = path.lexically_relative(root);
  if (below.empty() || *below.begin() == "..") {
    return Wrong(absl::StrCat("image ", name, ": lies outside of the dataset's folder"));
  }
  if (!fs::is_regular_file(path, error)) return Wrong(absl::StrCat("image ", name, ": not a file"));
  return path.string();
}

// A picture is a file's name, or {"path"} with one, or {"bytes"} with the file in base64.
absl::Status ReadImage(const Json& line, const std::string& folder, DatasetItem& item) {
  const auto found = line.find("image");
  if (found == line.end() || found->is_null()) return absl::OkStatus();
  std::string name;
  if (found->is_object()) {
    std::string base64;
    SL_RETURN_IF_ERROR(ReadText(*found, "bytes", base64));
    if (!base64.empty()) {
      return absl::Base64Unescape(base64, &item.image_bytes) && !item.image_bytes.empty()
                 ? absl::OkStatus()
                 : Wrong("\"bytes\" of the image must be base64");
    }
    SL_RETURN_IF_ERROR(ReadText(*found, "path", name));
    if (name.empty()) return Wrong("\"image\" has neither \"path\" nor \"bytes\"");
  } else {
    SL_RETURN_IF_ERROR(ReadText(line, "image", name));
  }
  if (name.empty()) return absl::OkStatus();
  SL_ASSIGN_OR_RETURN(item.image, FindImage(folder, name));
  return absl::OkStatus();
}

absl::Status ReadAnswers(const Json& line, DatasetItem& item) {
  const auto found = line.find("answer");
  if (found == line.end()) return absl::OkStatus();
  item.answers.emplace();
  if (found->is_null()) return absl::OkStatus();
  for (const Json& answer : found->is_array() ? *found : Json::array({*found})) {
    if (!answer.is_string() || answer.get_ref<const std::string&>().empty()) {
      return Wrong("\"answer\" must be a text, a list of texts, or null; none empty");
    }
    item.answers->push_back(answer);
  }
  return absl::OkStatus();
}

absl::StatusOr<DatasetItem> ReadItem(absl::string_view text, ItemKind kind,
                                     const std::string& folder) {
  const Json line = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!line.is_object()) return Wrong("not a JSON object");
  DatasetItem item;
  const bool document = kind == ItemKind::kDocument;
  SL_ASSIGN_OR_RETURN(item.id, document ? ReadId(line, {"_id", "id", "corpus-id", "corpus_id"})
                                        : ReadId(line, {"_id", "id", "query-id", "query_id"}));
  if (item.id.empty()) return Wrong("no \"_id\"");
  SL_RETURN_IF_ERROR(ReadText(line, "text", item.text));
  SL_RETURN_IF_ERROR(ReadImage(line, folder, item));
  if (document) {
    SL_RETURN_IF_ERROR(ReadText(line, "title", item.title));
  } else {
    if (item.text.empty()) SL_RETURN_IF_ERROR(ReadText(line, "query", item.text));
    SL_RETURN_IF_ERROR(ReadAnswers(line, item));
  }
  if (item.title.empty() && item.text.empty() && item.image.empty() && item.image_bytes.empty()) {
    return Wrong("neither text nor image");
  }
  return item;
}

absl::Status VisitItems(const std::string& path, ItemKind kind, const std::string& folder,
                        const std::function<absl::Status(DatasetItem)>& visit) {
  return VisitLines(path, [&](absl::string_view text, int64_t) -> absl::Status {
    SL_ASSIGN_OR_RETURN(DatasetItem item, ReadItem(text, kind, folder));
    return visit(std::move(item));
  });
}

absl::Status AddId(const std::string& id, std::set<std::string>& ids) {
  return ids.insert(id).second ? absl::OkStatus() : Wrong(absl::StrCat("id ", id, " stands twice"));
}

// Files of `folder` that end with `ending`, in order of their names.
std::vector<std::string> FilesIn(const std::string& folder, absl::string_view ending) {
  std::vector<std::string> out;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    const std::string path = entry->path().string();
    if (entry->is_regular_file(ignored) && absl::EndsWith(path, ending)) out.push_back(path);
  }
  std::sort(out.begin(), out.end());
  return out;
}

// Of those, the split's: "test.jsonl", "test-00000-of-00002.jsonl".
std::vector<std::string> FilesOfSplit(const std::string& folder, absl::string_view ending,
                                      const std::string& split) {
  std::vector<std::string> out;
  for (const std::string& path : FilesIn(folder, ending)) {
    const std::string name = fs::path(path).filename().string();
    if (name == absl::StrCat(split, ending) || absl::StartsWith(name, split + "-")) {
      out.push_back(path);
    }
  }
  return out;
}

// What to do about a folder that has the tables of a hub.
std::string ParquetHint(const std::string& folder) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".parquet") {
      return "; tools/benchmarks/from_parquet.py makes such a folder of Parquet files";
    }
  }
  return "";
}

// The files of `name`, "corpus" or "queries": NAME.jsonl, or the split's or else all of NAME/.
absl::StatusOr<std::vector<std::string>> ItemFiles(const std::string& folder,
                                                   const std::string& name,
                                                   const std::string& split) {
  const std::string path = absl::StrCat(folder, "/", name);
  std::error_code ignored;
  if (fs::is_regular_file(path + ".jsonl", ignored)) return std::vector{path + ".jsonl"};
  std::vector<std::string> files = FilesOfSplit(path, ".jsonl", split);
  if (files.empty()) files = FilesIn(path, ".jsonl");
  if (!files.empty()) return files;
  return Wrong(absl::StrCat(folder, ": neither ", name, ".jsonl nor ", name, "/*.jsonl",
                            ParquetHint(folder)));
}

absl::StatusOr<std::vector<std::string>> JudgementFiles(const std::string& folder,
                                                        const std::string& split) {
  for (const char* ending : {".tsv", ".jsonl"}) {
    std::vector<std::string> files = FilesOfSplit(folder + "/qrels", ending, split);
    if (!files.empty()) return files;
  }
  std::error_code ignored;
  for (const char* name : {"/qrels.tsv", "/qrels.jsonl"}) {
    if (fs::is_regular_file(folder + name, ignored)) return std::vector{folder + name};
  }
  return Wrong(absl::StrCat(folder, ": neither qrels.tsv nor qrels/", split,
                            ".tsv, nor one of them as .jsonl", ParquetHint(folder)));
}

absl::Status VisitFiles(const std::vector<std::string>& paths, ItemKind kind,
                        const std::string& folder,
                        const std::function<absl::Status(DatasetItem)>& visit) {
  for (const std::string& path : paths) {
    SL_RETURN_IF_ERROR(VisitItems(path, kind, folder, visit));
  }
  return absl::OkStatus();
}

struct Judgement {
  std::string query, document;
  double score = 0;
};

// Nothing for a head line.
absl::StatusOr<std::optional<Judgement>> ReadColumns(absl::string_view text, int64_t number) {
  const std::vector<std::string> parts = absl::StrSplit(text, '\t');
  if (parts.size() != 3) return Wrong("expected query-id, corpus-id and score with tabs between");
  Judgement out = {.query = parts[0], .document = parts[1]};
  if (absl::SimpleAtod(parts[2], &out.score) && std::isfinite(out.score)) return std::optional(out);
  if (number == 1) return std::optional<Judgement>();
  return Wrong(absl::StrCat("score ", parts[2], ": no number"));
}

absl::StatusOr<std::optional<Judgement>> ReadObject(absl::string_view text) {
  const Json line = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!line.is_object()) return Wrong("not a JSON object");
  Judgement out;
  SL_ASSIGN_OR_RETURN(out.query, ReadId(line, {"query-id", "query_id"}));
  SL_ASSIGN_OR_RETURN(out.document, ReadId(line, {"corpus-id", "corpus_id"}));
  if (out.query.empty() || out.document.empty()) return Wrong("no \"query-id\" or \"corpus-id\"");
  const auto score = line.find("score");
  if (score == line.end() || !score->is_number()) return Wrong("\"score\" must be a number");
  out.score = score->get<double>();
  return std::optional(out);
}

absl::Status AddJudgement(const Judgement& judgement, const std::set<std::string>& documents,
                          const std::set<std::string>& queries,
                          std::map<std::string, Gains>& gains) {
  if (!queries.contains(judgement.query)) {
    return Wrong(absl::StrCat("no query ", judgement.query));
  }
  if (!documents.contains(judgement.document)) {
    return Wrong(absl::StrCat("no document ", judgement.document));
  }
  if (judgement.score > 0) gains[judgement.query][judgement.document] = judgement.score;
  return absl::OkStatus();
}

// Tells a corpus of several files from others too.
absl::StatusOr<std::string> HashOf(const std::vector<std::string>& paths) {
  std::string hashes;
  for (const std::string& path : paths) {
    SL_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
    absl::StrAppend(&hashes, ContentHash(file->bytes()));
  }
  return paths.size() == 1 ? hashes : ContentHash(hashes);
}

}  // namespace

absl::StatusOr<Dataset> Dataset::Open(const std::string& folder, const std::string& split) {
  Dataset dataset;
  dataset.folder_ = folder;
  // First, as it tells a split that is not there.
  SL_ASSIGN_OR_RETURN(const std::vector<std::string> judgements, JudgementFiles(folder, split));
  std::set<std::string> documents, queries;
  SL_ASSIGN_OR_RETURN(dataset.corpus_files_, ItemFiles(folder, "corpus", split));
  SL_RETURN_IF_ERROR(
      VisitFiles(dataset.corpus_files_, ItemKind::kDocument, folder,
                 [&](const DatasetItem& item) { return AddId(item.id, documents); }));
  dataset.documents_ = static_cast<int64_t>(documents.size());
  std::vector<DatasetItem> all;
  SL_ASSIGN_OR_RETURN(const std::vector<std::string> query_files,
                      ItemFiles(folder, "queries", split));
  SL_RETURN_IF_ERROR(
      VisitFiles(query_files, ItemKind::kQuery, folder, [&](DatasetItem item) -> absl::Status {
        SL_RETURN_IF_ERROR(AddId(item.id, queries));
        all.push_back(std::move(item));
        return absl::OkStatus();
      }));
  for (const std::string& path : judgements) {
    const bool columns = absl::EndsWith(path, ".tsv");
    SL_RETURN_IF_ERROR(
        VisitLines(path, [&](absl::string_view text, int64_t number) -> absl::Status {
          SL_ASSIGN_OR_RETURN(const auto judgement,
                              columns ? ReadColumns(text, number) : ReadObject(text));
          if (!judgement.has_value()) return absl::OkStatus();
          return AddJudgement(*judgement, documents, queries, dataset.gains_);
        }));
  }
  for (DatasetItem& query : all) {
    if (dataset.gains_.contains(query.id) || query.answers.has_value()) {
      dataset.queries_.push_back(std::move(query));
    }
  }
  if (dataset.queries_.empty()) {
    return Wrong(
        absl::StrCat(judgements.front(), ": no query has a judgement above 0 or an answer"));
  }
  SL_ASSIGN_OR_RETURN(dataset.corpus_hash_, HashOf(dataset.corpus_files_));
  return dataset;
}

absl::Status Dataset::VisitDocuments(
    const std::function<absl::Status(const DatasetItem&)>& visit) const {
  return VisitFiles(corpus_files_, ItemKind::kDocument, folder_, visit);
}

const Gains& Dataset::gains(const std::string& query) const {
  static const Gains none;
  const auto found = gains_.find(query);
  return found == gains_.end() ? none : found->second;
}

}  // namespace sightline::cli
