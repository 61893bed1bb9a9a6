#include "index/document_batch.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status.h"
#include "index/key_codec.h"
#include "index/length_code.h"
#include "index/posting_list.h"
#include "rocksdb/write_batch.h"

namespace sightline::index {
namespace {

struct TermPlace {
  const std::string* term;
  uint32_t number;
  uint32_t count;
  uint8_t length;
};

}  // namespace

DocumentBatch::DocumentBatch(const Store& store, const PassageAnalyzer& analyzer,
                             const View& before)
    : store_(store),
      analyzer_(analyzer),
      collection_(before.record.id),
      batch_(std::make_unique<rocksdb::WriteBatch>()),
      after_(std::make_shared<View>(before)) {
  ++after_->counters.sequence;
  after_->counters.change = RandomId();
}

DocumentBatch::~DocumentBatch() = default;

absl::Status DocumentBatch::Remove(const DocumentRecord& old) {
  SL_RETURN_IF_ERROR(RemovePostings(old));
  const auto count = static_cast<uint32_t>(old.passages.size());
  Counters& counters = after_->counters;
  for (uint32_t i = 0; i < count; ++i) {
    const PassageSummary& passage = old.passages[i];
    batch_->Delete(PassageKey(collection_, old.first_passage + i));
    if (passage.has_vector) batch_->Delete(VectorKey(collection_, old.first_passage + i));
    if (passage.has_patches) batch_->Delete(PatchesKey(collection_, old.first_passage + i));
    counters.vectors -= passage.has_vector;
    after_->patched -= passage.has_patches;
    counters.texts -= passage.length > 0;
    counters.total_length -= passage.length;
  }
  counters.passages -= count;
  --counters.documents;
  batch_->Delete(DocumentKey(collection_, old.document.id));
  const Tombstone tombstone = {old.document.id, old.document.version, old.first_passage, count,
                               absl::Now()};
  batch_->Put(TombstoneKey(collection_, counters.sequence), Encode(tombstone));
  for (const std::string& hash : old.blob_hashes) --reference_changes_[hash];
  after_->pictures -= static_cast<int64_t>(old.blob_hashes.size());
  after_->passages.Remove(old.first_passage, count);
  after_->documents.Remove(old.number);
  return absl::OkStatus();
}

absl::Status DocumentBatch::RemovePostings(const DocumentRecord& old) {
  if (old.passages.empty()) return absl::OkStatus();
  std::set<std::pair<std::string, uint32_t>> touched;  // term, bucket
  for (uint32_t i = 0; i < old.passages.size(); ++i) {
    if (old.passages[i].length == 0) continue;
    const uint32_t number = old.first_passage + i;
    SL_ASSIGN_OR_RETURN(const auto value, store_.Get(PassageKey(collection_, number), nullptr));
    if (!value.has_value()) {
      return absl::DataLossError(absl::StrCat("store: passage ", number, " of document \"",
                                              old.document.id, "\" is missing"));
    }
    SL_ASSIGN_OR_RETURN(const Passage passage, DecodePassage(*value));
    SL_ASSIGN_OR_RETURN(TermCounts terms, analyzer_.Count(passage));
    for (auto& [term, unused] : terms) touched.emplace(std::move(term), number >> kBucketBits);
  }
  const uint32_t last = old.first_passage + static_cast<uint32_t>(old.passages.size()) - 1;
  for (const auto& [term, bucket] : touched) {
    const uint32_t base = bucket << kBucketBits;
    const uint32_t from = std::max(old.first_passage, base) - base;
    const uint32_t to = std::min(last, base + kBucketSize - 1) - base;
    batch_->Merge(PostingKey(collection_, term, bucket),
                  EncodeRemove(static_cast<uint16_t>(from), static_cast<uint16_t>(to)));
  }
  return absl::OkStatus();
}

absl::StatusOr<Document> DocumentBatch::Add(PreparedDocument prepared, const DocumentRecord* old,
                                            absl::Time now, const Document* as) {
  Counters& counters = after_->counters;
  const uint64_t end = counters.next_passage + static_cast<uint64_t>(prepared.passages.size());
  if (end > UINT32_MAX || counters.next_document == UINT32_MAX) {
    return absl::ResourceExhaustedError(
        absl::StrCat("collection ", after_->record.collection.name,
                     " has used up its numbers; copy it to a new one"));
  }
  DocumentRecord record;
  record.document = std::move(prepared.document);
  Document& document = record.document;
  document.collection = after_->record.collection.name;
  document.version = old == nullptr ? 1 : old->document.version + 1;
  document.passages = static_cast<int>(prepared.passages.size());
  document.created = old == nullptr ? now : old->document.created;
  document.updated = now;
  if (as != nullptr) {
    document.version = as->version;
    document.created = as->created;
    document.updated = as->updated;
  }
  record.number = old == nullptr ? counters.next_document++ : old->number;
  record.blob_hashes = std::move(prepared.blob_hashes);
  AddPassages(prepared, record);
  AddPostings(prepared.passages, record.first_passage);
  batch_->Put(DocumentKey(collection_, document.id), Encode(record));
  ++counters.documents;
  after_->documents.Set(record.number, prepared.entry);
  blobs_ = std::move(prepared.blobs);
  for (const Blob& blob : blobs_) offered_[blob.hash] = &blob;
  for (const std::string& hash : record.blob_hashes) ++reference_changes_[hash];
  after_->pictures += static_cast<int64_t>(record.blob_hashes.size());
  if (prepared.job.has_value()) SL_RETURN_IF_ERROR(AppendJob(store_, *prepared.job, *batch_));
  return document;
}

void DocumentBatch::AddPassages(const PreparedDocument& prepared, DocumentRecord& record) {
  Counters& counters = after_->counters;
  record.first_passage = counters.next_passage;
  for (const PreparedPassage& passage : prepared.passages) {
    const uint32_t number = counters.next_passage++;
    const bool has_vector = !passage.vector.empty();
    Passage stored = passage.passage;
    stored.document_id = record.document.id;
    batch_->Put(PassageKey(collection_, number), Encode(stored));
    if (has_vector) {
      batch_->Put(VectorKey(collection_, number), passage.vector);
      after_->head.Append(number, passage.vector.data());
    }
    if (!passage.patches.empty()) batch_->Put(PatchesKey(collection_, number), passage.patches);
    record.passages.push_back({stored.kind, static_cast<uint32_t>(stored.page), passage.length,
                               has_vector, !passage.patches.empty()});
    after_->passages.Add(number, record.number, record.passages.back());
    ++counters.passages;
    counters.vectors += has_vector;
    after_->patched += !passage.patches.empty();
    counters.texts += passage.length > 0;
    counters.total_length += passage.length;
  }
}

void DocumentBatch::AddPostings(std::span<const PreparedPassage> passages, uint32_t first) {
  std::vector<TermPlace> places;
  for (uint32_t i = 0; i < passages.size(); ++i) {
    const uint8_t length = LengthCode(passages[i].length);
    for (const auto& [term, count] : passages[i].terms) {
      places.push_back({&term, first + i, count, length});
    }
  }
  std::sort(places.begin(), places.end(), [](const TermPlace& a, const TermPlace& b) {
    return std::tie(*a.term, a.number) < std::tie(*b.term, b.number);
  });
  std::vector<Posting> postings;
  for (size_t i = 0; i < places.size();) {
    const std::string& term = *places[i].term;
    const uint32_t bucket = places[i].number >> kBucketBits;
    postings.clear();
    for (;
         i < places.size() && *places[i].term == term && places[i].number >> kBucketBits == bucket;
         ++i) {
      postings.push_back({static_cast<uint16_t>(places[i].number & (kBucketSize - 1)),
                          places[i].count, places[i].length});
    }
    batch_->Merge(PostingKey(collection_, term, bucket), EncodeAdd(postings));
  }
}

absl::StatusOr<rocksdb::WriteBatch*> DocumentBatch::Finish() {
  SL_RETURN_IF_ERROR(AppendReferenceChanges(store_, reference_changes_, offered_, *batch_));
  batch_->Put(CountersKey(collection_), Encode(after_->counters));
  return batch_.get();
}

absl::Status AppendReferenceChanges(const Store& store, const std::map<std::string, int>& changes,
                                    const std::map<std::string, const Blob*>& offered,
                                    rocksdb::WriteBatch& batch) {
  for (const auto& [hash, change] : changes) {
    SL_ASSIGN_OR_RETURN(const auto value, store.Get(BlobReferencesKey(hash), nullptr));
    int64_t references = 0;
    if (value.has_value()) {
      SL_ASSIGN_OR_RETURN(const uint64_t count, DecodeReferences(*value));
      references = static_cast<int64_t>(count);
    }
    if (references == 0 && change > 0) {
      const auto blob = offered.find(hash);
      if (blob == offered.end()) {
        return absl::InvalidArgumentError(
            absl::StrCat("picture ", hash, " is neither in the write nor stored"));
      }
      batch.Put(BlobKey(hash), Encode(*blob->second));
    }
    references += change;
    if (references > 0) {
      batch.Put(BlobReferencesKey(hash), EncodeReferences(static_cast<uint64_t>(references)));
    } else {
      batch.Delete(BlobReferencesKey(hash));
      batch.Delete(BlobKey(hash));
    }
  }
  return absl::OkStatus();
}

absl::Status AppendJob(const Store& store, const Job& job, rocksdb::WriteBatch& batch) {
  SL_ASSIGN_OR_RETURN(const auto value, store.Get(JobKey(job.id), nullptr));
  if (value.has_value()) {
    SL_ASSIGN_OR_RETURN(const Job old, DecodeJob(*value));
    AppendJobRemoval(old, batch);
  }
  batch.Put(JobKey(job.id), Encode(job));
  batch.Put(JobOrderKey(job.created, job.id), "");
  return absl::OkStatus();
}

void AppendJobRemoval(const Job& job, rocksdb::WriteBatch& batch) {
  batch.Delete(JobKey(job.id));
  batch.Delete(JobOrderKey(job.created, job.id));
}

}  // namespace sightline::index
