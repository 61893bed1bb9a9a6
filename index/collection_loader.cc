#include "index/collection_loader.h"

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "index/key_codec.h"
#include "index/prepared_document.h"

namespace sightline::index {
namespace {

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
                     if (record.passages[i].has_vector)
                       with_vector.Insert(record.first_passage + i);
                   }
                   Count(record, found);
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

int64_t LiveRows(const VectorRows& rows, const PassageSet& with_vector) {
  int64_t live = 0;
  for (int64_t row = 0; row < rows.size(); ++row) live += with_vector.Contains(rows.passage(row));
  return live;
}

// Takes over the snapshot's rows and graph, and the gap from the store. False: it lacks something.
absl::StatusOr<bool> UseSnapshot(const Store& store, IndexSnapshot snapshot,
                                 const PassageSet& with_vector, View& view) {
  if (snapshot.next_passage > view.counters.next_passage) return false;
  VectorRows rows = std::move(snapshot.rows);
  SL_RETURN_IF_ERROR(AppendStoredVectors(store, view, snapshot.next_passage, rows));
  if (LiveRows(rows, with_vector) != view.counters.vectors) return false;
  view.rows = std::move(rows);
  view.graph = std::move(snapshot.graph);
  return true;
}

}  // namespace

SnapshotIdentity IdentityOf(const CollectionRecord& record) {
  return {record.id, record.collection.dimension, record.collection.model_fingerprint};
}

absl::Status AppendStoredVectors(const Store& store, const View& view, uint32_t from,
                                 VectorRows& rows) {
  const uint32_t collection = view.record.id;
  const std::string prefix = VectorsPrefix(collection);
  const size_t bytes = static_cast<size_t>(view.record.collection.dimension) * sizeof(uint16_t);
  std::vector<uint16_t> codes(view.record.collection.dimension);
  return store.Scan(
      prefix, VectorKey(collection, from), view.moment.get(),
      [&](absl::string_view key, absl::string_view value) -> absl::StatusOr<bool> {
        const auto number = NumberOfKey(key, prefix);
        if (!number.has_value() || value.size() != bytes) {
          return absl::DataLossError(absl::StrCat("store: a vector of collection ",
                                                  view.record.collection.name, " is malformed"));
        }
        value.copy(reinterpret_cast<char*>(codes.data()), bytes);
        rows.Append(*number, codes.data());
        return true;
      });
}

absl::StatusOr<LoadedCollection> LoadCollection(const Store& store, const CollectionRecord& record,
                                                const std::string& folder) {
  auto view = std::make_shared<View>();
  view->record = record;
  view->rows = VectorRows(record.collection.dimension);
  view->moment = std::make_shared<const StoreSnapshot>(store);
  SL_ASSIGN_OR_RETURN(const auto counters, store.Get(CountersKey(record.id), view->moment.get()));
  if (!counters.has_value()) {
    return absl::DataLossError("store: a collection's totals are missing");
  }
  SL_ASSIGN_OR_RETURN(view->counters, DecodeCounters(*counters));
  PassageSet with_vector;
  SL_RETURN_IF_ERROR(LoadDocuments(store, *view, with_vector));
  LoadedCollection out;
  out.view = view;
  auto snapshot = LoadIndexSnapshot(folder, IdentityOf(record));
  if (snapshot.ok()) {
    const int64_t sequence = snapshot->sequence;
    SL_ASSIGN_OR_RETURN(const bool used,
                        UseSnapshot(store, *std::move(snapshot), with_vector, *view));
    if (used) {
      out.snapshot_sequence = sequence;
      return out;
    }
    log::Warning("index snapshot does not fit the store; building from the store",
                 {{"collection", record.collection.name}});
  }
  SL_RETURN_IF_ERROR(AppendStoredVectors(store, *view, 0, view->rows));
  if (LiveRows(view->rows, with_vector) != view->counters.vectors ||
      view->rows.size() != view->counters.vectors) {
    return absl::DataLossError(absl::StrCat("store: collection ", record.collection.name, " has ",
                                            view->rows.size(), " vectors, its documents say ",
                                            view->counters.vectors));
  }
  return out;
}

}  // namespace sightline::index
