#include "index/postings_rebuild.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/status.h"
#include "index/key_codec.h"
#include "index/length_code.h"
#include "index/posting_list.h"
#include "index/prepared_document.h"
#include "rocksdb/write_batch.h"

namespace sightline::index {
namespace {

constexpr size_t kBatchBytes = 8 << 20;

// Adds the postings of one document to `batch` and corrects its record and the totals.
absl::Status AddDocument(const Store& store, const PassageAnalyzer& analyzer, uint32_t collection,
                         DocumentRecord record, Counters& counters, rocksdb::WriteBatch& batch) {
  std::map<std::pair<std::string, uint32_t>, std::vector<Posting>> postings;
  for (uint32_t i = 0; i < record.passages.size(); ++i) {
    const uint32_t number = record.first_passage + i;
    SL_ASSIGN_OR_RETURN(const auto value, store.Get(PassageKey(collection, number), nullptr));
    if (!value.has_value()) return absl::DataLossError("store: a document's passage is missing");
    SL_ASSIGN_OR_RETURN(const Passage passage, DecodePassage(*value));
    SL_ASSIGN_OR_RETURN(const TermCounts terms, analyzer.Count(passage));
    uint32_t length = 0;
    for (const auto& [term, count] : terms) length += count;
    for (const auto& [term, count] : terms) {
      postings[{term, number >> kBucketBits}].push_back(
          {static_cast<uint16_t>(number & (kBucketSize - 1)), count, LengthCode(length)});
    }
    record.passages[i].length = length;
    counters.texts += length > 0;
    counters.total_length += length;
  }
  for (const auto& [place, added] : postings) {
    batch.Merge(PostingKey(collection, place.first, place.second), EncodeAdd(added));
  }
  batch.Put(DocumentKey(collection, record.document.id), Encode(record));
  return absl::OkStatus();
}

absl::Status DropPostings(Store& store, uint32_t collection) {
  rocksdb::WriteBatch batch;
  batch.Delete(AnalyzerKey(collection));
  const std::string prefix = PostingsPrefix(collection);
  const std::string end = PrefixEnd(prefix);
  batch.DeleteRange(prefix, end);
  return store.Write(batch);
}

}  // namespace

std::string PostingsMadeBy(const PassageAnalyzer& analyzer) {
  return absl::StrCat(analyzer.version(), ", postings 2");
}

absl::Status RebuildPostingsIfStale(Store& store, const PassageAnalyzer& analyzer,
                                    const CollectionRecord& record) {
  SL_ASSIGN_OR_RETURN(const auto made_by, store.Get(AnalyzerKey(record.id), nullptr));
  if (made_by == PostingsMadeBy(analyzer)) return absl::OkStatus();
  log::Info("text index is being made anew",
            {{"collection", record.collection.name}, {"made_by", PostingsMadeBy(analyzer)}});
  SL_ASSIGN_OR_RETURN(const auto stored, store.Get(CountersKey(record.id), nullptr));
  if (!stored.has_value()) return absl::DataLossError("store: a collection's totals are missing");
  SL_ASSIGN_OR_RETURN(Counters counters, DecodeCounters(*stored));
  counters.change = RandomId();  // word search finds otherwise from now on
  counters.texts = 0;
  counters.total_length = 0;
  SL_RETURN_IF_ERROR(DropPostings(store, record.id));
  rocksdb::WriteBatch batch;
  SL_RETURN_IF_ERROR(
      store.Scan(DocumentsPrefix(record.id), nullptr,
                 [&](absl::string_view, absl::string_view value) -> absl::StatusOr<bool> {
                   SL_ASSIGN_OR_RETURN(DocumentRecord document, DecodeDocument(value));
                   SL_RETURN_IF_ERROR(AddDocument(store, analyzer, record.id, std::move(document),
                                                  counters, batch));
                   if (batch.GetDataSize() < kBatchBytes) return true;
                   SL_RETURN_IF_ERROR(store.Write(batch));
                   batch.Clear();
                   return true;
                 }));
  batch.Put(CountersKey(record.id), Encode(counters));
  batch.Put(AnalyzerKey(record.id), PostingsMadeBy(analyzer));
  return store.Write(batch);
}

}  // namespace sightline::index
