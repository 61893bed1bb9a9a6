#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "index/backup.h"
#include "index/date.h"
#include "index/device_rows.h"
#include "index/field_weights.h"
#include "index/types.h"

namespace sightline::index {

struct CorpusOptions {
  std::string path;              // folder; made when missing
  int64_t exact_below = 50'000;  // live vectors under which search compares every one; above, HNSW
  int hnsw_links = 32;           // M of the graph
  int hnsw_build_beam = 200;     // efConstruction
  int hnsw_search_beam = 128;    // efSearch, raised to k where k is larger
  int64_t head_limit = 16'384;   // vectors behind the last segment beyond which they become one
  int build_threads = 1;         // of the background merge; 0 = all processors
  std::shared_ptr<RowDevice> device = {};  // that compares the vectors of segments; null = none
  bool map_vectors = true;                 // half floats of segments stay in their files, mapped
  FieldWeights field_weights = {};         // other ones than last time: posting lists are made anew
  int64_t min_free_bytes = 1 << 30;        // free disk space under which documents are refused
};

struct PassageWrite {
  Passage passage;            // id, document_id, collection, source, metadata_json are filled in
  std::vector<float> vector;  // [dimension], unit length, finite; empty = lexical only
  // Of the picture's patches, as `vector`; at most kMaxPatches (patch_codes.h), and none without a
  // vector or in a collection that keeps none.
  std::vector<std::vector<float>> patches = {};
};

// All that one ingest of a document changes; committed whole or not at all.
struct DocumentWrite {
  Document document;  // state, content, failures; version, passages, created, updated are filled in
  std::vector<PassageWrite> passages;
  std::vector<Blob> blobs;
  std::optional<Job> job;  // stored in the same batch
};

inline constexpr int kMaxPhrasePassages = 2000;  // read for the phrases of one query

enum class FusionMode { kHybrid, kDense, kLexical };

struct SearchQuery {
  std::string collection;
  std::vector<float> vector;  // [dimension], unit length; empty = no dense stage
  std::string text;           // empty = no lexical stage
  bool text_syntax = false;   // read phrases and prefixes in `text`, see text_query.h
  FusionMode mode = FusionMode::kHybrid;
  // Of a hybrid search: empty = ranks are fused; else 0..1, the weight of the vectors' scores in a
  // weighted sum of both, the rest being the words' (fusion.h).
  std::optional<float> dense_weight;
  std::string filter;    // expression, see filter.h; empty = everything
  TimeRange time;        // of the documents' dates; unless open, documents without one are out
  int k = 10;            // hits wanted, 1..1000
  int per_document = 0;  // hits of one document at most; 0 = no bound
  bool explain = false;  // fill Hit::explanation
  int candidates = 0;    // of each stage; 0 = max(100, 4 k)
  // Unit vectors of the query's words, by which the first `patch_top` of the dense stage that keep
  // patches are scored again (patch_search.h); empty = none are.
  std::vector<std::vector<float>> patch_words = {};
  int patch_top = 50;
  // Left out of the hits; ids that are not there are passed over.
  std::vector<uint64_t> without_passages;
  std::vector<std::string> without_documents;
  absl::Time deadline = absl::InfiniteFuture();
};

// How a hit came to its score.
struct HitExplanation {
  int dense_rank = 0;  // in the list of the stage, from 1; 0 = not in it
  int lexical_rank = 0;
  float dense_part = 0;  // of the score, which is the sum of both
  float lexical_part = 0;
  std::vector<std::string> matched_terms;  // of the query, in its order, each once
};

struct Hit {
  Passage passage;
  float score = 0;               // what the hits are ordered by: fused, or the one stage's own
  std::optional<float> dense;    // cosine
  std::optional<float> lexical;  // BM25
  std::optional<float> patches;  // PatchQuery::Score
  std::optional<HitExplanation> explanation;
};

struct SearchResult {
  std::vector<Hit> hits;        // best first
  bool exact = true;            // the dense stage compared every allowed vector
  std::optional<float> recall;  // estimated, when not exact
  bool phrases_cut = false;     // more passages hold a phrase's words than were read for it
  bool cut = false;             // a stage found as many as it was to: with more `candidates`, more
  double dense_ms = 0;
  double patches_ms = 0;
  double lexical_ms = 0;
  double fuse_ms = 0;
};

// See Corpus::CountWords.
struct WordCounts {
  int64_t texts = 0;             // passages that have text
  std::vector<int64_t> holding;  // of each word, the passages that hold it
};

// What a collection takes, part by part, in bytes; see Store::ApproximateBytes.
struct CollectionBytes {
  int64_t records = 0;        // documents and passages with their texts
  int64_t pictures = 0;       // of all pictures the share that its documents hold
  int64_t vectors = 0;        // as they are kept
  int64_t patches = 0;        // codes
  int64_t postings = 0;       // of word search
  int64_t index_files = 0;    // of its segments
  int64_t memory_codes = 0;   // bytes that searches read first, and what stands beside them
  int64_t memory_graphs = 0;  // links
  int64_t memory_halves = 0;  // half floats that no file holds
  int64_t mapped_halves = 0;  // those of mapped files: in memory as far as there is room
};

struct CollectionStats {
  int64_t documents = 0;
  int64_t passages = 0;
  int64_t vectors = 0;
  int64_t tombstones = 0;      // dead vectors still in the index
  int64_t sequence = 0;        // of the store
  int64_t index_sequence = 0;  // covered by the newest valid snapshot
  int64_t bytes = 0;           // in the store, estimated, without pictures
  int64_t segments = 0;
  // Of searches that walked graphs or asked a device for less than all, as scans of the same that
  // compared all have found (shadow_scans.h). Empty: too few to tell.
  std::optional<float> recall;
  int64_t shadow_scans = 0;  // such scans since the corpus was opened
  CollectionBytes parts = {};
  // Documents of the generation that is to follow; empty: none is.
  std::optional<int64_t> next_documents;
};

// Names what a collection holds at one moment: equal states hold the same documents, and a write
// never brings one back, not even after a backup was restored.
struct CollectionState {
  uint32_t collection = 0;  // number in its corpus
  absl::Time created;
  int64_t sequence = 0;  // of the store
  std::string change;    // drawn at random with the last write
  bool operator==(const CollectionState&) const = default;
};

template <typename T>
struct Page {
  std::vector<T> items;
  std::string next_token;  // empty = the last page
};

struct EraseOptions {
  bool verify = false;                           // look for what is left
  std::vector<std::string> search;               // folders to look through besides the corpus's own
  absl::Time deadline = absl::InfiniteFuture();  // to wait for searches that were under way
};

struct EraseReport {
  int64_t passages = 0;
  // Of a verified one: what was looked at, and where something of the document still is.
  int64_t searched_bytes = 0;
  std::vector<std::string> traces;
  // Keys that the store's list of table files still names; the next start begins that anew.
  std::vector<std::string> until_restart;
};

// What a check of store against index found; empty `problems` = all well.
struct FsckReport {
  int64_t documents = 0;
  int64_t passages = 0;
  int64_t vectors = 0;
  std::vector<std::string> problems;
};

// The documents of every collection, their passages, pictures, vectors and jobs: RocksDB as the
// truth, FAISS and posting lists as views of it. The only writer of its folder.
//
// Every method may be called from any thread; searches run beside writes, and see a document whole
// or not at all. A write that returned OK is on disk (synced) and seen by the next search.
// kDataLoss: a stored value fails its checksum. kUnavailable after a storage error: nothing more is
// acknowledged until a restart.
class Corpus {
 public:
  // Locks the folder (kFailedPrecondition: another process holds it, or it was written by a newer
  // version), loads or rebuilds the index of every collection.
  static absl::StatusOr<std::unique_ptr<Corpus>> Open(const CorpusOptions& options);
  ~Corpus();  // writes index snapshots

  // --- collections. kInvalidArgument: bad name or dimension; kAlreadyExists; kNotFound.
  absl::StatusOr<Collection> CreateCollection(const std::string& name,
                                              const std::string& model_fingerprint, int dimension,
                                              PatchCodes patches = PatchCodes::kNone,
                                              VectorCodes vectors = VectorCodes::kFloat16);
  absl::StatusOr<Collection> GetCollection(const std::string& name) const;
  absl::StatusOr<std::vector<Collection>> ListCollections() const;
  absl::Status DeleteCollection(const std::string& name);
  absl::StatusOr<CollectionState> State(const std::string& name) const;  // reads no disk
  absl::StatusOr<CollectionStats> Stats(const std::string& name) const;

  // --- the generation of a collection that is to follow: its documents as another model sees them.
  // No search and no list knows it until it takes the collection's place.
  // Begins it, empty, or goes on with one of this model and dimension; one of another goes. Errors
  // as CreateCollection; kNotFound: no such collection.
  absl::StatusOr<Collection> BeginGeneration(const std::string& name,
                                             const std::string& model_fingerprint, int dimension);
  // Whether it has the document as the collection has it. kNotFound: no generation is to follow.
  absl::StatusOr<bool> GenerationHolds(const Document& document) const;
  // As PutDocument, but what counts and times the document stays as it is in `write`.
  absl::Status PutInGeneration(DocumentWrite write);
  // Puts it in the collection's place, at once, and drops what stood there. Ids of passages are
  // new. kAborted, and nothing is done: the collection is not as it was in `state`, or the
  // generation still has documents that it has no more, which are now gone: look what is missing,
  // and try again. kNotFound as above.
  absl::Status SwitchGeneration(const std::string& name, const CollectionState& state);

  // --- documents.
  // Replaces the document of the same id, or adds it: one synced batch, then the index. Returns the
  // stored document. kInvalidArgument: a vector of the wrong length, not finite or not of unit
  // length, malformed metadata, a picture whose hash is not that of its bytes, or one that is
  // neither here nor stored; nothing is then changed. kResourceExhausted: too little disk space is
  // left.
  absl::StatusOr<Document> PutDocument(DocumentWrite write);
  // Notes what the place a document's bytes come from calls them now; all else of it stays.
  // kNotFound; kAborted: its content is another by now.
  absl::Status SetValidators(const Document& document, const std::string& etag,
                             const std::string& last_modified);
  // Returns how many passages went. kNotFound. Gone from the next search on.
  absl::StatusOr<int> DeleteDocument(const std::string& collection, const std::string& document_id);
  // As DeleteDocument of each, and removes every trace of them from memory and disk: store, its
  // logs and lists, words, vectors, pictures no other document holds, index snapshots, jobs. Writes
  // every file of the store anew, so it takes as long as copying them, however many documents there
  // are. Backups are not touched. kNotFound: nothing was deleted; kDeadlineExceeded: deleted, but a
  // search under way held them: the next erase removes them.
  absl::StatusOr<EraseReport> Erase(const std::string& collection,
                                    std::span<const std::string> document_ids,
                                    const EraseOptions& options);
  absl::StatusOr<Document> GetDocument(const std::string& collection,
                                       const std::string& document_id) const;
  // In order of id; a page size of 0 means 100, more than 1000 means 1000. kInvalidArgument: a
  // malformed filter (position in the message), one that asks for _kind or _page, or a malformed
  // token.
  absl::StatusOr<Page<Document>> ListDocuments(const std::string& collection,
                                               const std::string& filter, int page_size,
                                               const std::string& page_token) const;

  // --- passages and pictures.
  absl::StatusOr<Passage> GetPassage(uint64_t passage_id) const;
  // In order, at most `most` of them.
  absl::StatusOr<std::vector<Passage>> DocumentPassages(
      const std::string& collection, const std::string& document_id,
      size_t most = std::numeric_limits<size_t>::max()) const;
  // The passages beside this one in its document, up to `n` on each side, in order. kNotFound.
  absl::StatusOr<std::vector<Passage>> Neighbours(uint64_t passage_id, int n) const;
  // The stored unit vector of a passage; of a document, the normalised mean of its passages'.
  // kNotFound: the collection has no such thing; kFailedPrecondition: it has no vector, or the
  // vectors of its passages cancel each other out.
  absl::StatusOr<std::vector<float>> PassageVector(const std::string& collection,
                                                   uint64_t passage_id) const;
  absl::StatusOr<std::vector<float>> DocumentVector(const std::string& collection,
                                                    const std::string& document_id) const;
  absl::StatusOr<Blob> GetBlob(const std::string& hash) const;
  // Groups of passages whose pictures are near-duplicates, see near_pictures.h; exact ones too.
  // Reads every passage, and takes a time that grows with the square of the pictures: half a minute
  // for some hundred thousand. kDeadlineExceeded.
  absl::StatusOr<NearPictures> FindNearPictures(const std::string& collection,
                                                absl::Time deadline) const;

  // --- search. kNotFound: no such collection; kInvalidArgument: malformed filter, wrong vector
  // length, k out of range, or neither vector nor text; kDeadlineExceeded.
  absl::StatusOr<SearchResult> Search(const SearchQuery& query) const;

  // In how many passages of the collection each of `words` stands, as word search compares them:
  // of one that is cut into several the rarest counts. Counted until more than `most` are known, so
  // a frequent word costs at most a bucket of its list. kNotFound, kDeadlineExceeded.
  absl::StatusOr<WordCounts> CountWords(const std::string& collection,
                                        std::span<const std::string> words, int64_t most,
                                        absl::Time deadline) const;

  // --- jobs; synced.
  absl::Status PutJob(const Job& job);
  absl::StatusOr<Job> GetJob(const std::string& id) const;
  // Newest first; an empty collection means those of all.
  absl::StatusOr<Page<Job>> ListJobs(const std::string& collection, std::optional<JobState> state,
                                     int page_size, const std::string& page_token) const;

  // --- upkeep.
  // Writes what of the collection's index is not on disk yet; returns the sequence it then covers.
  absl::StatusOr<int64_t> Snapshot(const std::string& collection);
  // Builds the index anew from the stored vectors, as one segment; returns how many.
  absl::StatusOr<int64_t> Rebuild(const std::string& collection);
  // Compares store and index of every collection.
  absl::StatusOr<FsckReport> Fsck() const;
  // Adds a backup of this moment to `folder`, see backup.h; documents may be put meanwhile.
  absl::StatusOr<BackupInfo> Backup(const std::string& folder, int keep) const;
  // kUnavailable once a storage error was seen: nothing more is written until a restart.
  absl::Status Health() const;
  // Returns when no merge is wanted or running.
  void WaitForUpkeep() const;
  // The same for the search that is being done over to see what it missed.
  void WaitForShadowScans() const;

 private:
  class Impl;
  explicit Corpus(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace sightline::index
