#include "ingest/members.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status.h"

namespace sightline::ingest {
namespace {

constexpr char kSeparator[] = "!/";
constexpr int kListPage = 1000;
constexpr absl::string_view kTypes[] = {
    "application/zip",  "application/x-tar", "application/gzip", "application/x-bzip2",
    "application/x-xz", "application/zstd",  "message/rfc822"};

}  // namespace

std::string MemberSource(absl::string_view source, absl::string_view path) {
  return absl::StrCat(source, kSeparator, path);
}

std::string MemberId(absl::string_view document_id, absl::string_view path) {
  return ContentHash(absl::StrCat(document_id, kSeparator, path)).substr(0, 32);
}

bool MayHaveMembers(absl::string_view media_type) {
  return std::find(std::begin(kTypes), std::end(kTypes), media_type) != std::end(kTypes);
}

absl::StatusOr<std::vector<std::string>> FindMembers(const index::Corpus& corpus,
                                                     const std::string& collection,
                                                     const std::string& source,
                                                     const absl::flat_hash_set<std::string>& keep) {
  const std::string prefix = MemberSource(source, "");
  std::vector<std::string> members;
  std::string token;
  do {
    SL_ASSIGN_OR_RETURN(auto page, corpus.ListDocuments(collection, "", kListPage, token));
    for (const index::Document& document : page.items) {
      if (absl::StartsWith(document.source, prefix) && !keep.contains(document.id)) {
        members.push_back(document.id);
      }
    }
    token = std::move(page.next_token);
  } while (!token.empty());
  return members;
}

absl::Status DeleteMembers(index::Corpus& corpus, const std::string& collection,
                           const std::string& source,
                           const absl::flat_hash_set<std::string>& keep) {
  SL_ASSIGN_OR_RETURN(const std::vector<std::string> gone,
                      FindMembers(corpus, collection, source, keep));
  for (const std::string& id : gone) {
    const absl::Status status = corpus.DeleteDocument(collection, id).status();
    if (!status.ok() && !absl::IsNotFound(status)) return status;
  }
  return absl::OkStatus();
}

}  // namespace sightline::ingest
