#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "index/corpus_impl.h"
#include "index/key_codec.h"
#include "index/length_code.h"
#include "index/patch_codes.h"
#include "index/posting_blocks.h"
#include "index/posting_list.h"
#include "index/prepared_document.h"

namespace sightline::index {
namespace {

constexpr size_t kMaxProblems = 1000;
constexpr float kLengthTolerance = 0.01f;  // half floats round

// What a check adds to, and the moment of the store that all of it looks at.
struct Check {
  const Store& store;
  const StoreSnapshot& moment;
  const PassageAnalyzer& analyzer;
  FsckReport report;
  std::map<std::string, uint64_t> references;  // to pictures, as documents hold them

  void Problem(std::string what) {
    if (report.problems.size() < kMaxProblems) report.problems.push_back(std::move(what));
  }
  absl::Status Scan(const std::string& prefix,
                    const std::function<void(absl::string_view, absl::string_view)>& visit) const {
    return store.Scan(prefix, &moment,
                      [&](absl::string_view key, absl::string_view value) -> absl::StatusOr<bool> {
                        visit(key, value);
                        return true;
                      });
  }
};

// Independent of order, so that texts and posting lists can be compared without keeping either.
uint64_t PostingSum(absl::string_view term, uint32_t number, uint32_t count) {
  return absl::Hash<std::tuple<absl::string_view, uint32_t, uint32_t>>()({term, number, count});
}

// One collection: store against itself, and against what is in memory.
class CollectionCheck {
 public:
  CollectionCheck(Check& check, const View& view) : check_(check), view_(view) {}

  absl::Status Run() {
    SL_RETURN_IF_ERROR(CheckDocuments());
    SL_RETURN_IF_ERROR(CheckPassages());
    SL_RETURN_IF_ERROR(CheckVectors());
    SL_RETURN_IF_ERROR(CheckPatches());
    SL_RETURN_IF_ERROR(CheckPostings());
    SL_RETURN_IF_ERROR(CheckTombstones());
    SL_RETURN_IF_ERROR(CheckTotals());
    CheckRows();
    check_.report.documents += totals_.documents;
    check_.report.passages += totals_.passages;
    check_.report.vectors += totals_.vectors;
    return absl::OkStatus();
  }

 private:
  void Problem(absl::string_view what) {
    check_.Problem(absl::StrCat("collection ", view_.record.collection.name, ": ", what));
  }

  absl::Status CheckDocuments() {
    return check_.Scan(DocumentsPrefix(view_.record.id),
                       [&](absl::string_view key, absl::string_view value) {
                         const auto record = DecodeDocument(value);
                         if (!record.ok()) return Problem(record.status().message());
                         const std::string& id = record->document.id;
                         if (key != DocumentKey(view_.record.id, id))
                           Problem(absl::StrCat("document ", id, " is under another key"));
                         const DocumentEntry* entry = view_.documents.at(record->number);
                         if (entry == nullptr || entry->id != id) {
                           Problem(absl::StrCat("document ", id, " is not in memory"));
                         }
                         ++totals_.documents;
                         for (uint32_t i = 0; i < record->passages.size(); ++i) {
                           AddPassage(*record, i);
                         }
                         for (const std::string& hash : record->blob_hashes)
                           ++check_.references[hash];
                       });
  }

  void AddPassage(const DocumentRecord& record, uint32_t i) {
    const uint32_t number = record.first_passage + i;
    const PassageSummary& summary = record.passages[i];
    if (expected_.Contains(number)) Problem(absl::StrCat("passage ", number, " has two documents"));
    if (number >= view_.counters.next_passage) {
      Problem(absl::StrCat("passage ", number, " is beyond the counter"));
    }
    expected_.Insert(number);
    if (summary.has_vector) expected_vectors_.Insert(number);
    if (summary.has_patches) expected_patches_.Insert(number);
    owner_[number] = record.document.id;
    lengths_[number] = summary.length;
    ++totals_.passages;
    totals_.vectors += summary.has_vector;
    totals_.texts += summary.length > 0;
    totals_.total_length += summary.length;
  }

  absl::Status CheckPassages() {
    const std::string prefix = PassagesPrefix(view_.record.id);
    int64_t found = 0;
    SL_RETURN_IF_ERROR(check_.Scan(prefix, [&](absl::string_view key, absl::string_view value) {
      const auto number = NumberOfKey(key, prefix);
      if (!number.has_value()) return Problem("a passage has a malformed key");
      const auto passage = DecodePassage(value);
      if (!passage.ok()) return Problem(passage.status().message());
      if (!expected_.Contains(*number)) {
        return Problem(absl::StrCat("passage ", *number, " belongs to no document"));
      }
      ++found;
      if (passage->document_id != owner_[*number]) {
        Problem(absl::StrCat("passage ", *number, " names another document"));
      }
      CheckText(*number, *passage);
    }));
    if (found != expected_.size()) {
      Problem(absl::StrCat(expected_.size() - found, " passages are missing"));
    }
    return absl::OkStatus();
  }

  void CheckText(uint32_t number, const Passage& passage) {
    const auto terms = check_.analyzer.Count(passage);
    if (!terms.ok()) return Problem(terms.status().message());
    uint32_t length = 0;
    for (const auto& [term, count] : *terms) {
      length += count;
      text_sum_ += PostingSum(term, number, count);
    }
    if (length != lengths_[number]) {
      Problem(absl::StrCat("passage ", number, " has ", length, " terms, its document says ",
                           lengths_[number]));
    }
  }

  absl::Status CheckVectors() {
    const std::string prefix = VectorsPrefix(view_.record.id);
    const int dimension = view_.head.dimension();
    const size_t bytes = StoredVectorBytes(view_.head.codes(), dimension);
    std::vector<float> values(dimension);
    int64_t found = 0;
    SL_RETURN_IF_ERROR(check_.Scan(prefix, [&](absl::string_view key, absl::string_view value) {
      const auto number = NumberOfKey(key, prefix);
      if (!number.has_value() || value.size() != bytes) return Problem("a vector is malformed");
      if (!expected_vectors_.Contains(*number)) {
        return Problem(absl::StrCat("vector ", *number, " belongs to no passage"));
      }
      ++found;
      const auto place = view_.RowOf(*number);
      if (!place.has_value()) {
        return Problem(absl::StrCat("vector ", *number, " is not in the index"));
      }
      const VectorRows& rows = *place->rows;
      if (value != rows.Stored(place->row)) {
        Problem(absl::StrCat("vector ", *number, " differs between store and index"));
      }
      rows.Widen(place->row, values.data());
      const float length = std::sqrt(rows.Score(values, place->row));
      // Bytes are off by half a step at most.
      const float rounding =
          KeepsHalves(rows.codes())
              ? 0
              : rows.head(place->row).scale / 2 * std::sqrt(static_cast<float>(dimension));
      if (!(std::abs(length - 1) <= kLengthTolerance + rounding)) {
        Problem(absl::StrCat("vector ", *number, " is not of unit length"));
      }
    }));
    if (found != expected_vectors_.size()) {
      Problem(absl::StrCat(expected_vectors_.size() - found, " vectors are missing"));
    }
    return absl::OkStatus();
  }

  absl::Status CheckPatches() {
    const std::string prefix = PatchesPrefix(view_.record.id);
    const Collection& collection = view_.record.collection;
    int64_t found = 0;
    SL_RETURN_IF_ERROR(check_.Scan(prefix, [&](absl::string_view key, absl::string_view value) {
      const auto number = NumberOfKey(key, prefix);
      if (!number.has_value()) return Problem("patches have a malformed key");
      const auto count = CountPatches(value, collection.patches, collection.dimension);
      if (!count.ok()) {
        return Problem(absl::StrCat("patches of ", *number, ": ", count.status().message()));
      }
      if (!expected_patches_.Contains(*number)) {
        return Problem(absl::StrCat("patches ", *number, " belong to no passage"));
      }
      ++found;
    }));
    if (found < expected_patches_.size()) {
      Problem(absl::StrCat("the patches of ", expected_patches_.size() - found,
                           " passages are missing"));
    }
    return absl::OkStatus();
  }

  absl::Status CheckPostings() {
    uint64_t sum = 0;
    std::vector<Posting> postings;
    SL_RETURN_IF_ERROR(check_.Scan(
        PostingsPrefix(view_.record.id), [&](absl::string_view key, absl::string_view value) {
          const auto parts = ParsePostingKey(key, view_.record.id);
          postings.clear();
          if (!parts.has_value() || !DecodePostings(value, postings)) {
            return Problem("a posting list is malformed");
          }
          for (const Posting& posting : postings) {
            const uint32_t number = (parts->bucket << kBucketBits) + posting.place;
            sum += PostingSum(parts->term, number, posting.count);
            if (!expected_.Contains(number)) {
              Problem(absl::StrCat("a posting names passage ", number, ", which is gone"));
            } else if (posting.length != LengthCode(lengths_[number])) {
              Problem(absl::StrCat("a posting has another length than its passage ", number));
            }
          }
          const auto blocks = BlocksOf(value);
          if (blocks.has_value() && !BlocksAreBounded(*blocks)) {
            Problem("the bounds of a posting list are wrong");
          }
        }));
    if (sum != text_sum_) Problem("the posting lists do not fit the texts");
    return absl::OkStatus();
  }

  absl::Status CheckTombstones() {
    return check_.Scan(
        TombstonesPrefix(view_.record.id), [&](absl::string_view, absl::string_view value) {
          const auto tombstone = DecodeTombstone(value);
          if (!tombstone.ok()) return Problem(tombstone.status().message());
          for (uint32_t i = 0; i < tombstone->passages; ++i) {
            if (expected_.Contains(tombstone->first_passage + i)) {
              Problem(absl::StrCat("passage ", tombstone->first_passage + i, " came back"));
            }
          }
        });
  }

  absl::Status CheckTotals() {
    SL_ASSIGN_OR_RETURN(const auto value,
                        check_.store.Get(CountersKey(view_.record.id), &check_.moment));
    const auto stored =
        value.has_value() ? DecodeCounters(*value) : absl::StatusOr<Counters>(Counters());
    if (!stored.ok()) {
      Problem(stored.status().message());
      return absl::OkStatus();
    }
    const auto compare = [&](absl::string_view what, int64_t said, int64_t found) {
      if (said != found) Problem(absl::StrCat("totals say ", said, " ", what, ", found ", found));
    };
    compare("documents", stored->documents, totals_.documents);
    compare("passages", stored->passages, totals_.passages);
    compare("vectors", stored->vectors, totals_.vectors);
    compare("texts", stored->texts, totals_.texts);
    compare("terms", stored->total_length, totals_.total_length);
    compare("writes", stored->sequence, view_.counters.sequence);
    return absl::OkStatus();
  }

  void CheckRows() {
    if (view_.passages.live().size() != expected_.size()) {
      Problem(absl::StrCat(view_.passages.live().size(),
                           " passages are live in memory, the store has ", expected_.size()));
    }
    int64_t live = 0;
    uint32_t before = 0;
    const auto check = [&](const VectorRows& rows) {
      for (int64_t row = 0; row < rows.size(); ++row) {
        const uint32_t number = rows.passage(row);
        if (number <= before) {
          Problem(absl::StrCat("the index has passage ", number, " behind ", before));
        }
        before = number;
        if (!view_.passages.live().Contains(number)) continue;
        ++live;
        if (!expected_vectors_.Contains(number)) {
          Problem(absl::StrCat("the index has a vector of passage ", number, ", the store none"));
        }
      }
    };
    for (const SegmentPtr& segment : view_.segments) check(segment->rows);
    check(view_.head);
    if (live != expected_vectors_.size()) {
      Problem(absl::StrCat("the index has ", live, " live vectors, the store ",
                           expected_vectors_.size()));
    }
  }

  Check& check_;
  const View& view_;
  PassageSet expected_;
  PassageSet expected_vectors_;
  PassageSet expected_patches_;
  std::map<uint32_t, std::string> owner_;
  std::map<uint32_t, uint32_t> lengths_;
  Counters totals_;
  uint64_t text_sum_ = 0;
};

absl::Status CheckPictures(Check& check) {
  const std::string prefix = BlobReferencesPrefix();
  std::map<std::string, uint64_t> stored;
  SL_RETURN_IF_ERROR(check.Scan(prefix, [&](absl::string_view key, absl::string_view value) {
    const auto count = DecodeReferences(value);
    if (!count.ok()) return check.Problem(std::string(count.status().message()));
    stored[std::string(key.substr(prefix.size()))] = *count;
  }));
  if (stored != check.references) {
    for (const auto& [hash, count] : check.references) {
      if (stored[hash] != count) {
        check.Problem(absl::StrCat("picture ", hash, " has ", count, " references, the store says ",
                                   stored[hash]));
      }
    }
    for (const auto& [hash, count] : stored) {
      if (count > 0 && check.references.count(hash) == 0) {
        check.Problem(absl::StrCat("picture ", hash, " is held by no document"));
      }
    }
  }
  std::set<std::string> pictures;
  const std::string blobs = BlobKey("");
  SL_RETURN_IF_ERROR(check.Scan(blobs, [&](absl::string_view key, absl::string_view value) {
    const auto blob = DecodeBlob(value);
    if (!blob.ok()) return check.Problem(std::string(blob.status().message()));
    pictures.insert(std::string(key.substr(blobs.size())));
  }));
  for (const auto& [hash, count] : check.references) {
    if (pictures.erase(hash) == 0) check.Problem(absl::StrCat("picture ", hash, " is missing"));
  }
  for (const std::string& hash : pictures) {
    check.Problem(absl::StrCat("picture ", hash, " is held by no document"));
  }
  return absl::OkStatus();
}

absl::Status CheckJobs(Check& check) {
  std::set<std::string> listed;
  SL_RETURN_IF_ERROR(check.Scan(JobOrderPrefix(), [&](absl::string_view key, absl::string_view) {
    listed.insert(std::string(key));
  }));
  SL_RETURN_IF_ERROR(check.Scan(JobKey(""), [&](absl::string_view, absl::string_view value) {
    const auto job = DecodeJob(value);
    if (!job.ok()) return check.Problem(std::string(job.status().message()));
    if (listed.erase(JobOrderKey(job->created, job->id)) == 0) {
      check.Problem(absl::StrCat("job ", job->id, " is not in the list of jobs"));
    }
  }));
  if (!listed.empty()) {
    check.Problem(absl::StrCat(listed.size(), " places in the list of jobs have no job"));
  }
  return absl::OkStatus();
}

absl::Status CheckForeignKeys(Check& check, const std::set<uint32_t>& known, uint32_t next) {
  for (uint32_t id = 1; id < next; ++id) {
    if (known.count(id) > 0) continue;
    bool found = false;
    SL_RETURN_IF_ERROR(
        check.store.Scan(CollectionRange(id), &check.moment,
                         [&](absl::string_view, absl::string_view) -> absl::StatusOr<bool> {
                           found = true;
                           return false;
                         }));
    if (found) check.Problem(absl::StrCat("keys of collection ", id, ", which is gone"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<FsckReport> Corpus::Impl::Fsck() const {
  std::vector<OpenCollectionPtr> collections;
  std::vector<std::shared_ptr<const View>> views;
  std::optional<StoreSnapshot> moment;
  uint32_t next_collection = 0;
  {
    // Between two writes, so that the moment is that of every view.
    absl::MutexLock lock(&write_mu_);
    collections = AllOpen();
    for (const OpenCollectionPtr& collection : collections) views.push_back(collection->view());
    moment.emplace(*store_);
    next_collection = meta_.next_collection;
  }
  Check check = {*store_, *moment, *analyzer_, {}, {}};
  std::set<uint32_t> known;
  bool damaged = false;
  for (size_t i = 0; i < collections.size(); ++i) {
    known.insert(collections[i]->record.id);
    if (collections[i]->damage.ok()) {
      SL_RETURN_IF_ERROR(CollectionCheck(check, *views[i]).Run());
    } else {
      damaged = true;
      check.Problem(collections[i]->damage.ToString());
    }
  }
  // The references of a collection that cannot be read are not known.
  if (!damaged) SL_RETURN_IF_ERROR(CheckPictures(check));
  SL_RETURN_IF_ERROR(CheckJobs(check));
  SL_RETURN_IF_ERROR(CheckForeignKeys(check, known, next_collection));
  return std::move(check.report);
}

}  // namespace sightline::index
