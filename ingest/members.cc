#include "ingest/members.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/hash.h"
#include "base/status.h"

namespace sightline::ingest {
namespace {

constexpr char kSeparator[] = "!/";
constexpr int kListPage = 1000;
constexpr absl::string_view kTypes[] = {
    "application/zip",  "application/x-tar", "application/gzip", "application/x-bzip2",
    "application/x-xz", "application/zstd",  "message/rfc822"};

// Whether `id` is that of what lies at `path` in the document `root`, in members of members where
// the path says so. (Another document may have the same source.)
bool IsMember(absl::string_view root, absl::string_view path, absl::string_view id) {
  if (MemberId(root, path) == id) return true;
  for (size_t at = path.find(kSeparator); at != absl::string_view::npos;
       at = path.find(kSeparator, at + 1)) {
    const absl::string_view rest = path.substr(at + sizeof(kSeparator) - 1);
    if (IsMember(MemberId(root, path.substr(0, at)), rest, id)) return true;
  }
  return false;
}

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
                                                     const index::Document& document,
                                                     const absl::flat_hash_set<std::string>& keep) {
  const std::string prefix = MemberSource(document.source, "");
  std::vector<std::string> members;
  std::string token;
  do {
    SL_ASSIGN_OR_RETURN(auto page, corpus.ListDocuments(document.collection, "", kListPage, token));
    for (const index::Document& other : page.items) {
      absl::string_view path = other.source;
      if (absl::ConsumePrefix(&path, prefix) && !keep.contains(other.id) &&
          IsMember(document.id, path, other.id)) {
        members.push_back(other.id);
      }
    }
    token = std::move(page.next_token);
  } while (!token.empty());
  return members;
}

absl::Status DeleteMembers(index::Corpus& corpus, const index::Document& document,
                           const absl::flat_hash_set<std::string>& keep) {
  SL_ASSIGN_OR_RETURN(const std::vector<std::string> gone, FindMembers(corpus, document, keep));
  for (const std::string& id : gone) {
    const absl::Status status = corpus.DeleteDocument(document.collection, id).status();
    if (!status.ok() && !absl::IsNotFound(status)) return status;
  }
  return absl::OkStatus();
}

}  // namespace sightline::ingest
