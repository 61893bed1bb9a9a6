#include "cli/bench_queries.h"

#include <algorithm>
#include <random>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/status.h"
#include "sightline/v1/ingest.grpc.pb.h"
#include "sightline/v1/query.grpc.pb.h"

namespace sightline::cli {
namespace {

constexpr uint64_t kMaxFileBytes = 64 << 20;
constexpr int kListed = 1000;  // documents to choose from
constexpr int kSampled = 100;  // documents asked for their passages
constexpr int kPassages = 5;   // of each
constexpr size_t kWords = 6;
constexpr size_t kLongWord = 40;  // bytes: a run without blanks that is no word but a sentence
constexpr size_t kCharacters = 12;

absl::StatusOr<std::vector<std::string>> LinesOf(const std::string& file) {
  SL_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, kMaxFileBytes));
  std::vector<std::string> out;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipWhitespace())) {
    out.emplace_back(absl::StripAsciiWhitespace(line));
  }
  if (out.empty()) return absl::InvalidArgumentError(absl::StrCat(file, ": holds no query"));
  return out;
}

// The beginnings of the characters in `text`.
std::vector<size_t> Characters(absl::string_view text) {
  std::vector<size_t> out;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) out.push_back(i);
  }
  return out;
}

}  // namespace

std::string SomeWords(absl::string_view text, unsigned seed) {
  const std::string plain = absl::StrReplaceAll(text, {{"\"", " "}, {"*", " "}});
  const std::vector<absl::string_view> words =
      absl::StrSplit(plain, absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty());
  if (words.empty()) return "";
  std::mt19937 random(seed);
  const size_t first = random() % words.size();
  const absl::string_view word = words[first];
  if (word.size() <= kLongWord) {
    const size_t count = std::min(kWords, words.size() - first);
    return absl::StrJoin(words.begin() + static_cast<ptrdiff_t>(first),
                         words.begin() + static_cast<ptrdiff_t>(first + count), " ");
  }
  const std::vector<size_t> starts = Characters(word);
  const size_t from = random() % starts.size();
  const size_t to = from + kCharacters;
  return std::string(
      word.substr(starts[from], (to < starts.size() ? starts[to] : word.size()) - starts[from]));
}

absl::StatusOr<std::vector<std::string>> BenchQueries(const Connection& connection,
                                                      const std::string& collection,
                                                      const std::string& file) {
  if (!file.empty()) return LinesOf(file);
  const auto documents = v1::IngestService::NewStub(connection.channel());
  v1::ListDocumentsRequest list;
  list.set_collection(collection);
  list.set_page_size(kListed);
  SL_ASSIGN_OR_RETURN(v1::ListDocumentsResponse listed,
                      Call(connection, *documents, &v1::IngestService::Stub::ListDocuments, list));
  std::mt19937 random(1);
  std::shuffle(listed.mutable_documents()->pointer_begin(),
               listed.mutable_documents()->pointer_end(), random);
  const auto stub = v1::QueryService::NewStub(connection.channel());
  std::vector<std::string> out;
  for (int i = 0; i < std::min(kSampled, listed.documents_size()); ++i) {
    // What is like a document are first of all its own passages.
    v1::SearchRequest request;
    request.set_collection(collection);
    request.add_query()->set_document_id(listed.documents(i).document_id());
    request.set_k(kPassages);
    const auto found = Call(connection, *stub, &v1::QueryService::Stub::Search, request);
    if (absl::IsCancelled(found.status())) return found.status();
    if (!found.ok()) continue;  // deleted meanwhile, or without a vector
    for (const v1::Hit& hit : found->hits()) {
      std::string words = SomeWords(hit.passage().text(), static_cast<unsigned>(out.size()));
      if (!words.empty()) out.push_back(std::move(words));
    }
  }
  if (!out.empty()) return out;
  return absl::FailedPreconditionError(
      absl::StrCat("no document of ", collection,
                   " has text to take queries from; give a file of them with --queries"));
}

}  // namespace sightline::cli
