#include "index/corpus.h"

#include "base/status.h"
#include "index/corpus_impl.h"

namespace sightline::index {

Corpus::Corpus(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Corpus::~Corpus() = default;

absl::StatusOr<std::unique_ptr<Corpus>> Corpus::Open(const CorpusOptions& options) {
  auto impl = std::make_unique<Impl>(options);
  SL_RETURN_IF_ERROR(impl->Open());
  return std::unique_ptr<Corpus>(new Corpus(std::move(impl)));
}

absl::StatusOr<Collection> Corpus::CreateCollection(const std::string& name,
                                                    const std::string& model_fingerprint,
                                                    int dimension, PatchCodes patches,
                                                    VectorCodes vectors) {
  return impl_->CreateCollection(name, model_fingerprint, dimension, patches, vectors);
}
absl::StatusOr<Collection> Corpus::GetCollection(const std::string& name) const {
  return impl_->GetCollection(name);
}
absl::StatusOr<std::vector<Collection>> Corpus::ListCollections() const {
  return impl_->ListCollections();
}
absl::Status Corpus::DeleteCollection(const std::string& name) {
  return impl_->DeleteCollection(name);
}
absl::StatusOr<Collection> Corpus::BeginGeneration(const std::string& name,
                                                   const std::string& model_fingerprint,
                                                   int dimension) {
  return impl_->BeginGeneration(name, model_fingerprint, dimension);
}
absl::StatusOr<bool> Corpus::GenerationHolds(const Document& document) const {
  return impl_->GenerationHolds(document);
}
absl::Status Corpus::PutInGeneration(DocumentWrite write) {
  return impl_->PutInGeneration(std::move(write));
}
absl::Status Corpus::SwitchGeneration(const std::string& name, const CollectionState& state) {
  return impl_->SwitchGeneration(name, state);
}
absl::StatusOr<CollectionState> Corpus::State(const std::string& name) const {
  return impl_->State(name);
}

absl::StatusOr<CollectionStats> Corpus::Stats(const std::string& name) const {
  return impl_->Stats(name);
}

absl::StatusOr<Document> Corpus::PutDocument(DocumentWrite write) {
  return impl_->PutDocument(std::move(write));
}
absl::Status Corpus::SetValidators(const Document& document, const std::string& etag,
                                   const std::string& last_modified) {
  return impl_->SetValidators(document, etag, last_modified);
}

absl::StatusOr<int> Corpus::DeleteDocument(const std::string& collection,
                                           const std::string& document_id) {
  return impl_->DeleteDocument(collection, document_id);
}
absl::StatusOr<Document> Corpus::GetDocument(const std::string& collection,
                                             const std::string& document_id) const {
  return impl_->GetDocument(collection, document_id);
}
absl::StatusOr<Page<Document>> Corpus::ListDocuments(const std::string& collection,
                                                     const std::string& filter, int page_size,
                                                     const std::string& page_token) const {
  return impl_->ListDocuments(collection, filter, page_size, page_token);
}

absl::StatusOr<Passage> Corpus::GetPassage(uint64_t passage_id) const {
  return impl_->GetPassage(passage_id);
}
absl::StatusOr<std::vector<Passage>> Corpus::DocumentPassages(const std::string& collection,
                                                              const std::string& document_id,
                                                              size_t most) const {
  return impl_->DocumentPassages(collection, document_id, most);
}
absl::StatusOr<std::vector<Passage>> Corpus::Neighbours(uint64_t passage_id, int n) const {
  return impl_->Neighbours(passage_id, n);
}
absl::StatusOr<std::vector<float>> Corpus::PassageVector(const std::string& collection,
                                                         uint64_t passage_id) const {
  return impl_->PassageVector(collection, passage_id);
}
absl::StatusOr<std::vector<float>> Corpus::DocumentVector(const std::string& collection,
                                                          const std::string& document_id) const {
  return impl_->DocumentVector(collection, document_id);
}
absl::StatusOr<NearPictures> Corpus::FindNearPictures(const std::string& collection,
                                                      absl::Time deadline) const {
  return impl_->FindNearPictures(collection, deadline);
}
absl::StatusOr<Blob> Corpus::GetBlob(const std::string& hash) const { return impl_->GetBlob(hash); }

absl::StatusOr<SearchResult> Corpus::Search(const SearchQuery& query) const {
  return impl_->Search(query);
}

absl::StatusOr<WordCounts> Corpus::CountWords(const std::string& collection,
                                              std::span<const std::string> words, int64_t most,
                                              absl::Time deadline) const {
  return impl_->CountWords(collection, words, most, deadline);
}

absl::Status Corpus::PutJob(const Job& job) { return impl_->PutJob(job); }
absl::StatusOr<Job> Corpus::GetJob(const std::string& id) const { return impl_->GetJob(id); }
absl::StatusOr<Page<Job>> Corpus::ListJobs(const std::string& collection,
                                           std::optional<JobState> state, int page_size,
                                           const std::string& page_token) const {
  return impl_->ListJobs(collection, state, page_size, page_token);
}

absl::StatusOr<int64_t> Corpus::Snapshot(const std::string& collection) {
  return impl_->Snapshot(collection);
}
absl::StatusOr<int64_t> Corpus::Rebuild(const std::string& collection) {
  return impl_->Rebuild(collection);
}
absl::StatusOr<EraseReport> Corpus::Erase(const std::string& collection,
                                          std::span<const std::string> document_ids,
                                          const EraseOptions& options) {
  return impl_->Erase(collection, document_ids, options);
}
absl::StatusOr<FsckReport> Corpus::Fsck() const { return impl_->Fsck(); }
absl::StatusOr<BackupInfo> Corpus::Backup(const std::string& folder, int keep) const {
  return impl_->Backup(folder, keep);
}
absl::Status Corpus::Health() const { return impl_->Health(); }
void Corpus::WaitForUpkeep() const { impl_->WaitForUpkeep(); }
void Corpus::WaitForShadowScans() const { impl_->WaitForShadowScans(); }

}  // namespace sightline::index
