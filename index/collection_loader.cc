#include "index/collection_loader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "index/key_codec.h"
#include "index/prepared_document.h"

namespace sightline::index {
namespace {

VectorRows EmptyRows(const Collection& collection) {
  return VectorRows(collection.dimension, collection.vectors);
}

void Count(const DocumentRecord& record, Counters& counters) {
  ++counters.documents;
  for (const PassageSummary& passage : record.passages) {
    ++counters.passages;
    counters.vectors += passage.has_vector;
    counters.texts += passage.length > 0;
    counters.total_length += passage.length;
  }
}

bool SameTotals(const Counters& a, const Counters& b) {
  return a.documents == b.documents && a.passages == b.passages && a.vectors == b.vectors &&
         a.texts == b.texts && a.total_length == b.total_length;
}

// Documents and passages, and the totals as they are found.
absl::Status LoadDocuments(const Store& store, View& view, PassageSet& with_vector) {
  Counters found;
  SL_RETURN_IF_ERROR(
      store.Scan(DocumentsPrefix(view.record.id), view.moment.get(),
                 [&](absl::string_view, absl::string_view value) -> absl::StatusOr<bool> {
                   SL_ASSIGN_OR_RETURN(const DocumentRecord record, DecodeDocument(value));
                   SL_ASSIGN_OR_RETURN(auto entry, EntryOf(record.document));
                   view.documents.Set(record.number, std::move(entry));
                   for (uint32_t i = 0; i < record.passages.size(); ++i) {
                     view.passages.Add(record.first_passage + i, record.number, record.passages[i]);
                     view.patched += record.passages[i].has_patches;
                     if (record.passages[i].has_vector)
                       with_vector.Insert(record.first_passage + i);
                   }
                   Count(record, found);
                   view.pictures += static_cast<int64_t>(record.blob_hashes.size());
                   return true;
                 }));
  if (!SameTotals(found, view.counters)) {
    log::Error("a collection's totals do not fit its documents; the documents count",
               {{"collection", view.record.collection.name}});
  }
  found.sequence = view.counters.sequence;
  found.change = view.counters.change;
  found.next_passage = view.counters.next_passage;
  found.next_document = view.counters.next_document;
  view.counters = found;
  return absl::OkStatus();
}

// Of the segments on disk, those whose live rows are what the documents say; and for what lies
// between them, and no segment has, one without a graph from the store.
absl::StatusOr<std::vector<SegmentPtr>> UsableSegments(const Store& store, const View& view,
                                                       const PassageSet& with_vector,
                                                       std::vector<SegmentPtr> loaded) {
  std::vector<SegmentPtr> segments;
  uint32_t next = 0;  // the first passage behind those of the segments so far
  for (SegmentPtr& segment : loaded) {
    const uint32_t first = segment->rows.first_passage();
    const uint32_t last = segment->rows.last_passage();
    if (CountRowsOf(segment->rows, with_vector) != with_vector.Count(first, last)) {
      log::Warning("a segment does not fit the store; building it from the store",
                   {{"collection", view.record.collection.name}});
      continue;
    }
    if (first > next && with_vector.Count(next, first - 1) > 0) {
      auto lost = std::make_shared<Segment>();
      lost->rows = EmptyRows(view.record.collection);
      SL_RETURN_IF_ERROR(AppendStoredVectors(store, view, next, first - 1, lost->rows));
      if (lost->rows.size() > 0) segments.push_back(std::move(lost));
    }
    next = last + 1;
    segments.push_back(std::move(segment));
  }
  return segments;
}

// Zero where a segment was missing.
int64_t CoveredSequence(const std::string& folder, const View& view) {
  const auto coverage = ReadCoverage(folder, IdentityOf(view.record));
  if (!coverage.ok()) return 0;
  const bool all_there = std::all_of(view.segments.begin(), view.segments.end(),
                                     [](const auto& segment) { return segment->number != 0; });
  const uint32_t last = view.segments.empty() ? 0 : view.segments.back()->rows.last_passage();
  return all_there && last >= coverage->last_passage ? coverage->sequence : 0;
}

}  // namespace

SnapshotIdentity IdentityOf(const CollectionRecord& record) {
  const Collection& collection = record.collection;
  return {record.id, collection.dimension, collection.model_fingerprint, collection.vectors};
}

absl::Status AppendStoredVectors(const Store& store, const View& view, uint32_t from, uint32_t last,
                                 VectorRows& rows) {
  const uint32_t collection = view.record.id;
  const std::string prefix = VectorsPrefix(collection);
  const size_t bytes = StoredVectorBytes(rows.codes(), rows.dimension());
  std::string stored;  // at an address for half floats, as a value of the store need not be
  return store.Scan(
      prefix, VectorKey(collection, from), view.moment.get(),
      [&](absl::string_view key, absl::string_view value) -> absl::StatusOr<bool> {
        const auto number = NumberOfKey(key, prefix);
        if (!number.has_value() || value.size() != bytes) {
          return absl::DataLossError(absl::StrCat("store: a vector of collection ",
                                                  view.record.collection.name, " is malformed"));
        }
        if (*number > last) return false;
        stored.assign(value.data(), value.size());
        rows.Append(*number, stored.data());
        return true;
      });
}

absl::StatusOr<LoadedCollection> LoadCollection(const Store& store, const CollectionRecord& record,
                                                const std::string& folder, bool map) {
  auto view = std::make_shared<View>();
  view->record = record;
  view->head = EmptyRows(record.collection);
  view->moment = std::make_shared<const StoreSnapshot>(store);
  SL_ASSIGN_OR_RETURN(const auto counters, store.Get(CountersKey(record.id), view->moment.get()));
  if (!counters.has_value()) {
    return absl::DataLossError("store: a collection's totals are missing");
  }
  SL_ASSIGN_OR_RETURN(view->counters, DecodeCounters(*counters));
  PassageSet with_vector;
  SL_RETURN_IF_ERROR(LoadDocuments(store, *view, with_vector));
  SL_ASSIGN_OR_RETURN(
      view->segments,
      UsableSegments(store, *view, with_vector, LoadSegments(folder, IdentityOf(record), map)));
  const uint32_t behind =
      view->segments.empty() ? 0 : view->segments.back()->rows.last_passage() + 1;
  SL_RETURN_IF_ERROR(AppendStoredVectors(store, *view, behind, UINT32_MAX, view->head));
  int64_t live = CountRowsOf(view->head, with_vector);
  std::vector<uint64_t> used;
  for (const SegmentPtr& segment : view->segments) {
    live += CountRowsOf(segment->rows, with_vector);
    used.push_back(segment->number);
  }
  const bool all_from_store = view->segments.empty();
  if (live != view->counters.vectors || (all_from_store && view->head.size() != live)) {
    return absl::DataLossError(absl::StrCat("store: collection ", record.collection.name, " has ",
                                            all_from_store ? view->head.size() : live,
                                            " vectors, its documents say ",
                                            view->counters.vectors));
  }
  const absl::Status removed = RemoveSegmentsBut(folder, used);
  if (!removed.ok()) {
    log::Warning("unused index files stay", {{"error", removed.ToString()}});
  }
  const int64_t sequence = CoveredSequence(folder, *view);
  return LoadedCollection{std::move(view), sequence};
}

}  // namespace sightline::index
