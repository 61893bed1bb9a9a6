#include <sys/statvfs.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "index/corpus_impl.h"
#include "index/document_batch.h"
#include "index/filter.h"
#include "index/key_codec.h"
#include "index/names.h"
#include "index/near_pictures.h"
#include "index/page_token.h"
#include "index/prepared_document.h"
#include "rocksdb/write_batch.h"

namespace sightline::index {
namespace {

// Adds the passage's stored vector to `sum`, where it has one.
void AddRow(const View& view, uint32_t passage, std::vector<double>& sum) {
  const auto place = view.RowOf(passage);
  if (!place.has_value()) return;
  std::vector<float> values(sum.size());
  place->rows->Widen(place->row, values.data());
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += values[i];
}

// `sum` at length 1. Stored vectors have that length, so a shorter one than this is rounding.
absl::StatusOr<std::vector<float>> Normalised(const std::vector<double>& sum,
                                              const std::string& what) {
  constexpr double kLeastLength = 1e-3;
  double squares = 0;
  for (const double value : sum) squares += value * value;
  const double length = std::sqrt(squares);
  if (length < kLeastLength) {
    return absl::FailedPreconditionError(
        absl::StrCat(what, " has no vector to search by: none is stored, or they cancel out"));
  }
  std::vector<float> out(sum.size());
  for (size_t i = 0; i < sum.size(); ++i) out[i] = static_cast<float>(sum[i] / length);
  return out;
}

}  // namespace

absl::Status Corpus::Impl::CheckRoom(int64_t bytes) const {
  struct statvfs disk;
  if (::statvfs(options_.path.c_str(), &disk) != 0) return absl::OkStatus();  // the write will tell
  const auto free = static_cast<int64_t>(disk.f_bavail * disk.f_frsize);
  if (free >= options_.min_free_bytes + bytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "disk: ", free >> 20, " MiB are free where the corpus lies, ", options_.min_free_bytes >> 20,
      " MiB are kept free",
      bytes > 0 ? absl::StrCat(", and this takes ", bytes >> 20, " MiB for a while") : "",
      "; delete something"));
}

void Corpus::Impl::Publish(OpenCollection& collection, std::shared_ptr<View> view) {
  view->moment = std::make_shared<const StoreSnapshot>(*store_);
  absl::MutexLock lock(&collection.mu);
  collection.current = std::move(view);
}

absl::StatusOr<std::optional<DocumentRecord>> Corpus::Impl::FindDocument(
    const View& view, const std::string& document_id) const {
  SL_RETURN_IF_ERROR(CheckId(document_id, "document id"));
  SL_ASSIGN_OR_RETURN(const auto value,
                      store_->Get(DocumentKey(view.record.id, document_id), view.moment.get()));
  if (!value.has_value()) return std::optional<DocumentRecord>();
  SL_ASSIGN_OR_RETURN(DocumentRecord record, DecodeDocument(*value));
  return std::optional<DocumentRecord>(std::move(record));
}

absl::StatusOr<DocumentRecord> Corpus::Impl::NeedDocument(const View& view,
                                                          const std::string& document_id) const {
  SL_ASSIGN_OR_RETURN(auto record, FindDocument(view, document_id));
  if (record.has_value()) return *std::move(record);
  return absl::NotFoundError(absl::StrCat("collection ", view.record.collection.name,
                                          " has no document \"", document_id, "\""));
}

absl::StatusOr<Document> Corpus::Impl::PutDocument(DocumentWrite write) {
  return PutInto(&Impl::Find, std::move(write), nullptr);
}

absl::StatusOr<Document> Corpus::Impl::PutInto(Finder find, DocumentWrite write,
                                               const Document* as) {
  const std::string name = write.document.collection;
  SL_ASSIGN_OR_RETURN(const OpenCollectionPtr collection, (this->*find)(name));
  SL_RETURN_IF_ERROR(CheckRoom());
  SL_ASSIGN_OR_RETURN(PreparedDocument prepared,
                      PrepareDocument(std::move(write), collection->record.collection, *analyzer_));
  std::shared_ptr<View> after;
  Document stored;
  {
    absl::MutexLock lock(&write_mu_);
    SL_ASSIGN_OR_RETURN(const OpenCollectionPtr newest, (this->*find)(name));
    if (newest != collection) {
      return absl::NotFoundError(absl::StrCat("collection ", name, " was deleted meanwhile"));
    }
    if (!collection->damage.ok()) return collection->damage;
    const std::shared_ptr<const View> before = collection->view();
    SL_ASSIGN_OR_RETURN(const auto old, FindDocument(*before, prepared.document.id));
    DocumentBatch batch(*store_, *analyzer_, *before);
    if (old.has_value()) SL_RETURN_IF_ERROR(batch.Remove(*old));
    SL_ASSIGN_OR_RETURN(
        stored, batch.Add(std::move(prepared), old.has_value() ? &*old : nullptr, absl::Now(), as));
    SL_ASSIGN_OR_RETURN(rocksdb::WriteBatch * changes, batch.Finish());
    SL_RETURN_IF_ERROR(store_->Write(*changes));
    after = batch.TakeView();
    Publish(*collection, after);
  }
  if (NeedsUpkeep(*after)) RequestUpkeep(collection);
  return stored;
}

absl::Status Corpus::Impl::SetValidators(const Document& document, const std::string& etag,
                                         const std::string& last_modified) {
  absl::MutexLock lock(&write_mu_);
  SL_ASSIGN_OR_RETURN(const OpenCollectionPtr collection, Find(document.collection));
  if (!collection->damage.ok()) return collection->damage;
  const std::shared_ptr<const View> before = collection->view();
  SL_ASSIGN_OR_RETURN(DocumentRecord record, NeedDocument(*before, document.id));
  if (record.document.content_hash != document.content_hash) {
    return absl::AbortedError("the document has another content by now");
  }
  record.document.etag = etag;
  record.document.last_modified = last_modified;
  rocksdb::WriteBatch batch;
  const std::string key = DocumentKey(before->record.id, document.id);
  const rocksdb::Status put = batch.Put(key, Encode(record));
  if (!put.ok()) return absl::InternalError(put.ToString());
  SL_RETURN_IF_ERROR(store_->Write(batch));
  Publish(*collection, std::make_shared<View>(*before));
  return absl::OkStatus();
}

absl::StatusOr<int> Corpus::Impl::DeleteDocument(const std::string& name,
                                                 const std::string& document_id) {
  return DeleteFrom(&Impl::Find, name, document_id);
}

absl::StatusOr<int> Corpus::Impl::DeleteFrom(Finder find, const std::string& name,
                                             const std::string& document_id) {
  OpenCollectionPtr collection;
  std::shared_ptr<View> after;
  int passages = 0;
  {
    absl::MutexLock lock(&write_mu_);
    SL_ASSIGN_OR_RETURN(collection, (this->*find)(name));
    if (!collection->damage.ok()) return collection->damage;
    const std::shared_ptr<const View> before = collection->view();
    SL_ASSIGN_OR_RETURN(const DocumentRecord old, NeedDocument(*before, document_id));
    DocumentBatch batch(*store_, *analyzer_, *before);
    SL_RETURN_IF_ERROR(batch.Remove(old));
    SL_ASSIGN_OR_RETURN(rocksdb::WriteBatch * changes, batch.Finish());
    SL_RETURN_IF_ERROR(store_->Write(*changes));
    after = batch.TakeView();
    Publish(*collection, after);
    passages = old.document.passages;
  }
  if (NeedsUpkeep(*after)) RequestUpkeep(collection);
  return passages;
}

absl::StatusOr<Document> Corpus::Impl::GetDocument(const std::string& collection,
                                                   const std::string& document_id) const {
  SL_ASSIGN_OR_RETURN(const auto view, FindView(collection));
  SL_ASSIGN_OR_RETURN(DocumentRecord record, NeedDocument(*view, document_id));
  return std::move(record.document);
}

absl::StatusOr<Page<Document>> Corpus::Impl::ListDocuments(const std::string& collection,
                                                           const std::string& filter_text,
                                                           int page_size,
                                                           const std::string& page_token) const {
  SL_ASSIGN_OR_RETURN(const auto view, FindView(collection));
  SL_ASSIGN_OR_RETURN(const Filter filter, Filter::Parse(filter_text));
  if (filter.asks_for_passage()) {
    return absl::InvalidArgumentError(
        "filter: _kind and _page are of passages and cannot choose documents");
  }
  SL_ASSIGN_OR_RETURN(const int size, CheckPageSize(page_size));
  const std::string question =
      absl::StrCat("documents of ", view->record.id, " where ", filter_text);
  SL_ASSIGN_OR_RETURN(const std::string after, DecodePageToken(question, page_token));
  // The token holds the last id given out; the smallest key behind it has one zero byte more.
  std::string from = DocumentKey(view->record.id, after);
  if (!after.empty()) from.push_back('\0');
  Page<Document> page;
  SL_RETURN_IF_ERROR(
      store_->Scan(DocumentsPrefix(view->record.id), from, view->moment.get(),
                   [&](absl::string_view, absl::string_view value) -> absl::StatusOr<bool> {
                     SL_ASSIGN_OR_RETURN(DocumentRecord record, DecodeDocument(value));
                     const DocumentEntry* entry = view->documents.at(record.number);
                     if (entry == nullptr || filter.AskDocument(*entry) != Filter::Answer::kYes)
                       return true;
                     if (page.items.size() == static_cast<size_t>(size)) {
                       page.next_token = EncodePageToken(question, page.items.back().id);
                       return false;
                     }
                     page.items.push_back(std::move(record.document));
                     return true;
                   }));
  return page;
}

absl::StatusOr<std::optional<Passage>> Corpus::Impl::ReadPassage(
    const View& view, uint32_t number, const DocumentRecord& document) const {
  const uint32_t collection = view.record.id;
  SL_ASSIGN_OR_RETURN(const auto value,
                      store_->Get(PassageKey(collection, number), view.moment.get()));
  if (!value.has_value()) return std::optional<Passage>();
  SL_ASSIGN_OR_RETURN(Passage passage, DecodePassage(*value));
  passage.id = PassageId(collection, number);
  passage.collection = view.record.collection.name;
  passage.source = document.document.source;
  passage.metadata_json = document.document.metadata_json;
  return std::optional<Passage>(std::move(passage));
}

absl::StatusOr<Corpus::Impl::PassagePlace> Corpus::Impl::FindPassage(uint64_t passage_id) const {
  const uint32_t number = NumberOf(passage_id);
  for (const OpenCollectionPtr& collection : AllCollections()) {
    if (collection->record.id != CollectionOf(passage_id)) continue;
    if (!collection->damage.ok()) return collection->damage;
    std::shared_ptr<const View> view = collection->view();
    if (!view->passages.live().Contains(number)) break;
    const DocumentEntry* entry = view->documents.at(view->passages.document(number));
    SL_ASSIGN_OR_RETURN(DocumentRecord document, NeedDocument(*view, entry->id));
    return PassagePlace{std::move(view), std::move(document), number};
  }
  return absl::NotFoundError(absl::StrCat("no passage ", passage_id));
}

absl::StatusOr<Passage> Corpus::Impl::GetPassage(uint64_t passage_id) const {
  SL_ASSIGN_OR_RETURN(const PassagePlace place, FindPassage(passage_id));
  SL_ASSIGN_OR_RETURN(auto passage, ReadPassage(*place.view, place.number, place.document));
  if (passage.has_value()) return *std::move(passage);
  return absl::NotFoundError(absl::StrCat("no passage ", passage_id));
}

absl::StatusOr<std::vector<Passage>> Corpus::Impl::Neighbours(uint64_t passage_id, int n) const {
  SL_ASSIGN_OR_RETURN(const PassagePlace place, FindPassage(passage_id));
  const int64_t first = place.document.first_passage;
  const int64_t end = first + static_cast<int64_t>(place.document.passages.size());
  std::vector<Passage> out;
  for (int64_t at = std::max(first, int64_t{place.number} - n);
       at < std::min(end, int64_t{place.number} + n + 1); ++at) {
    if (at == place.number) continue;
    SL_ASSIGN_OR_RETURN(auto passage,
                        ReadPassage(*place.view, static_cast<uint32_t>(at), place.document));
    if (passage.has_value()) out.push_back(*std::move(passage));
  }
  return out;
}

absl::StatusOr<std::vector<Passage>> Corpus::Impl::DocumentPassages(const std::string& collection,
                                                                    const std::string& document_id,
                                                                    size_t most) const {
  SL_ASSIGN_OR_RETURN(const auto view, FindView(collection));
  SL_ASSIGN_OR_RETURN(const DocumentRecord document, NeedDocument(*view, document_id));
  std::vector<Passage> out;
  for (uint32_t i = 0; i < std::min(most, document.passages.size()); ++i) {
    SL_ASSIGN_OR_RETURN(auto passage, ReadPassage(*view, document.first_passage + i, document));
    if (!passage.has_value()) {
      return absl::DataLossError(absl::StrCat("store: passage ", document.first_passage + i,
                                              " of document \"", document_id, "\" is missing"));
    }
    out.push_back(*std::move(passage));
  }
  return out;
}

absl::StatusOr<std::vector<float>> Corpus::Impl::PassageVector(const std::string& collection,
                                                               uint64_t passage_id) const {
  SL_ASSIGN_OR_RETURN(const auto view, FindView(collection));
  const uint32_t number = NumberOf(passage_id);
  if (CollectionOf(passage_id) != view->record.id || !view->passages.live().Contains(number)) {
    return absl::NotFoundError(
        absl::StrCat("collection ", collection, " has no passage ", passage_id));
  }
  std::vector<double> sum(view->head.dimension());
  AddRow(*view, number, sum);
  return Normalised(sum, absl::StrCat("passage ", passage_id));
}

absl::StatusOr<std::vector<float>> Corpus::Impl::DocumentVector(
    const std::string& collection, const std::string& document_id) const {
  SL_ASSIGN_OR_RETURN(const auto view, FindView(collection));
  SL_ASSIGN_OR_RETURN(const DocumentRecord document, NeedDocument(*view, document_id));
  std::vector<double> sum(view->head.dimension());
  for (uint32_t i = 0; i < document.passages.size(); ++i) {
    AddRow(*view, document.first_passage + i, sum);
  }
  return Normalised(sum, absl::StrCat("document \"", document_id, "\""));
}

absl::StatusOr<NearPictures> Corpus::Impl::FindNearPictures(const std::string& collection,
                                                            absl::Time deadline) const {
  SL_ASSIGN_OR_RETURN(const auto view, FindView(collection));
  const auto in_time = [&]() -> absl::Status {
    if (absl::Now() < deadline) return absl::OkStatus();
    return absl::DeadlineExceededError("comparing the pictures took too long");
  };
  std::vector<PictureMark> marks;
  const std::string prefix = PassagesPrefix(view->record.id);
  SL_RETURN_IF_ERROR(
      store_->Scan(prefix, view->moment.get(),
                   [&](absl::string_view key, absl::string_view value) -> absl::StatusOr<bool> {
                     const std::optional<uint32_t> number = NumberOfKey(key, prefix);
                     if (!number.has_value() || !view->passages.live().Contains(*number)) {
                       return true;
                     }
                     SL_RETURN_IF_ERROR(in_time());
                     SL_ASSIGN_OR_RETURN(const Passage passage, DecodePassage(value));
                     if (passage.picture_hash.has_value()) {
                       marks.push_back({*number, *passage.picture_hash});
                     }
                     return true;
                   }));
  const auto vector = [&](uint64_t number) {
    std::vector<double> sum(view->head.dimension());
    AddRow(*view, static_cast<uint32_t>(number), sum);
    return Normalised(sum, absl::StrCat("passage ", number));
  };
  const auto alike = [&](size_t a, size_t b) -> absl::StatusOr<bool> {
    SL_RETURN_IF_ERROR(in_time());
    const auto first = vector(marks[a].passage), second = vector(marks[b].passage);
    // A picture without a vector is like none.
    if (!first.ok() || !second.ok()) return false;
    return std::inner_product(first->begin(), first->end(), second->begin(), 0.0f) >= kNearCosine;
  };
  SL_ASSIGN_OR_RETURN(const auto groups, GroupNearPictures(marks, alike));
  NearPictures out;
  out.pictures = static_cast<int64_t>(marks.size());
  for (const std::vector<size_t>& group : groups) {
    std::vector<uint64_t>& passages = out.groups.emplace_back();
    for (const size_t i : group) {
      passages.push_back(PassageId(view->record.id, static_cast<uint32_t>(marks[i].passage)));
    }
  }
  return out;
}

absl::StatusOr<Blob> Corpus::Impl::GetBlob(const std::string& hash) const {
  SL_RETURN_IF_ERROR(CheckId(hash, "picture hash"));
  SL_ASSIGN_OR_RETURN(const auto value, store_->Get(BlobKey(hash), nullptr));
  if (!value.has_value()) return absl::NotFoundError(absl::StrCat("no picture ", hash));
  return DecodeBlob(*value);
}

}  // namespace sightline::index
