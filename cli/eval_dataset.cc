#include "cli/eval_dataset.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "absl/strings/ascii.h"
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
  SL_RETURN_IF_ERROR(ReadText(line, "_id", item.id));
  if (item.id.empty()) return Wrong("no \"_id\"");
  SL_RETURN_IF_ERROR(ReadText(line, "text", item.text));
  std::string image;
  SL_RETURN_IF_ERROR(ReadText(line, "image", image));
  if (!image.empty()) {
    SL_ASSIGN_OR_RETURN(item.image, FindImage(folder, image));
  }
  if (kind == ItemKind::kDocument) {
    SL_RETURN_IF_ERROR(ReadText(line, "title", item.title));
  } else {
    SL_RETURN_IF_ERROR(ReadAnswers(line, item));
  }
  if (item.title.empty() && item.text.empty() && item.image.empty()) {
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

std::string CorpusPath(const std::string& folder) { return folder + "/corpus.jsonl"; }

absl::StatusOr<std::string> JudgementsPath(const std::string& folder) {
  std::error_code ignored;
  for (const char* name : {"/qrels.tsv", "/qrels/test.tsv"}) {
    if (fs::is_regular_file(folder + name, ignored)) return folder + name;
  }
  return Wrong(absl::StrCat(folder, ": neither qrels.tsv nor qrels/test.tsv"));
}

absl::Status ReadJudgement(absl::string_view text, int64_t number,
                           const std::set<std::string>& documents,
                           const std::set<std::string>& queries,
                           std::map<std::string, Gains>& gains) {
  const std::vector<std::string> parts = absl::StrSplit(text, '\t');
  if (parts.size() != 3) return Wrong("expected query-id, corpus-id and score with tabs between");
  double score = 0;
  if (!absl::SimpleAtod(parts[2], &score) || !std::isfinite(score)) {
    return number == 1 ? absl::OkStatus() : Wrong(absl::StrCat("score ", parts[2], ": no number"));
  }
  if (!queries.contains(parts[0])) return Wrong(absl::StrCat("no query ", parts[0]));
  if (!documents.contains(parts[1])) return Wrong(absl::StrCat("no document ", parts[1]));
  if (score > 0) gains[parts[0]][parts[1]] = score;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Dataset> Dataset::Open(const std::string& folder) {
  Dataset dataset;
  dataset.folder_ = folder;
  std::set<std::string> documents, queries;
  SL_RETURN_IF_ERROR(
      VisitItems(CorpusPath(folder), ItemKind::kDocument, folder,
                 [&](const DatasetItem& item) { return AddId(item.id, documents); }));
  dataset.documents_ = static_cast<int64_t>(documents.size());
  std::vector<DatasetItem> all;
  SL_RETURN_IF_ERROR(VisitItems(folder + "/queries.jsonl", ItemKind::kQuery, folder,
                                [&](DatasetItem item) -> absl::Status {
                                  SL_RETURN_IF_ERROR(AddId(item.id, queries));
                                  all.push_back(std::move(item));
                                  return absl::OkStatus();
                                }));
  SL_ASSIGN_OR_RETURN(const std::string judgements, JudgementsPath(folder));
  SL_RETURN_IF_ERROR(VisitLines(judgements, [&](absl::string_view text, int64_t number) {
    return ReadJudgement(text, number, documents, queries, dataset.gains_);
  }));
  for (DatasetItem& query : all) {
    if (dataset.gains_.contains(query.id) || query.answers.has_value()) {
      dataset.queries_.push_back(std::move(query));
    }
  }
  if (dataset.queries_.empty()) {
    return Wrong(absl::StrCat(judgements, ": no query has a judgement above 0 or an answer"));
  }
  SL_ASSIGN_OR_RETURN(const auto corpus, MappedFile::Open(CorpusPath(folder)));
  dataset.corpus_hash_ = ContentHash(corpus->bytes());
  return dataset;
}

absl::Status Dataset::VisitDocuments(
    const std::function<absl::Status(const DatasetItem&)>& visit) const {
  return VisitItems(CorpusPath(folder_), ItemKind::kDocument, folder_, visit);
}

const Gains& Dataset::gains(const std::string& query) const {
  static const Gains none;
  const auto found = gains_.find(query);
  return found == gains_.end() ? none : found->second;
}

}  // namespace sightline::cli
