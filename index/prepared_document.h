#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "index/corpus.h"
#include "index/document_table.h"
#include "index/passage_analyzer.h"

namespace sightline::index {

inline constexpr size_t kMaxPassagesPerDocument = 100'000;
inline constexpr size_t kMaxPassageTextBytes = 1 << 20;

struct PreparedPassage {
  Passage passage;
  TermCounts terms;
  uint32_t length = 0;  // terms, repeats counted
  std::string vector;   // see stored_vector.h; empty = none
  std::string patches;  // see patch_codes.h; empty = none
};

// A document to write, checked and with all the work done that needs no lock.
struct PreparedDocument {
  Document document;
  std::shared_ptr<const DocumentEntry> entry;
  std::vector<PreparedPassage> passages;
  std::vector<Blob> blobs;
  std::vector<std::string> blob_hashes;  // of passages and blobs, each once, ascending
  std::optional<Job> job;
};

// kInvalidArgument: as Corpus::PutDocument.
absl::StatusOr<PreparedDocument> PrepareDocument(DocumentWrite write, const Collection& collection,
                                                 const PassageAnalyzer& analyzer);

// kInvalidArgument: wrong length, a value that is not finite, or a length that is not 1 within
// 0.001.
absl::Status CheckUnitVector(std::span<const float> vector, int dimension);

absl::Status CheckJob(const Job& job);

// kInvalidArgument: malformed metadata.
absl::StatusOr<std::shared_ptr<const DocumentEntry>> EntryOf(const Document& document);

}  // namespace sightline::index
