#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "index/corpus.h"

namespace sightline::ingest {

// Files in an archive, and what is attached to a mail, are documents of their own. Their source is
// that of the file they are in, "!/", and their path in it: "/in/mail.eml!/report.pdf".

std::string MemberSource(absl::string_view source, absl::string_view path);

// The id of a member; of the same path in another document it is another one.
std::string MemberId(absl::string_view document_id, absl::string_view path);

// True for media types of files that may have members.
bool MayHaveMembers(absl::string_view media_type);

// Ids of the members of a document, and theirs, except those in `keep`. A look at every document of
// the collection. The store's errors.
absl::StatusOr<std::vector<std::string>> FindMembers(const index::Corpus& corpus,
                                                     const index::Document& document,
                                                     const absl::flat_hash_set<std::string>& keep);

// Deletes those.
absl::Status DeleteMembers(index::Corpus& corpus, const index::Document& document,
                           const absl::flat_hash_set<std::string>& keep);

}  // namespace sightline::ingest
