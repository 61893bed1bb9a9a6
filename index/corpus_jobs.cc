#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "index/corpus_impl.h"
#include "index/document_batch.h"
#include "index/key_codec.h"
#include "index/names.h"
#include "index/page_token.h"
#include "index/prepared_document.h"
#include "rocksdb/write_batch.h"

namespace sightline::index {

// Beside other writes, so that one sync of the disk serves many of them: a job is no part of what
// searches see. Who writes one job from two threads at once is to agree on an order himself.
absl::Status Corpus::Impl::PutJob(const Job& job) {
  SL_RETURN_IF_ERROR(CheckJob(job));
  rocksdb::WriteBatch batch;
  SL_RETURN_IF_ERROR(AppendJob(*store_, job, batch));
  return store_->Write(batch);
}

absl::StatusOr<Job> Corpus::Impl::GetJob(const std::string& id) const {
  SL_RETURN_IF_ERROR(CheckId(id, "job id"));
  SL_ASSIGN_OR_RETURN(const auto value, store_->Get(JobKey(id), nullptr));
  if (!value.has_value()) return absl::NotFoundError(absl::StrCat("no job ", id));
  return DecodeJob(*value);
}

absl::StatusOr<Page<Job>> Corpus::Impl::ListJobs(const std::string& collection,
                                                 std::optional<JobState> state, int page_size,
                                                 const std::string& page_token) const {
  if (!collection.empty()) SL_RETURN_IF_ERROR(CheckCollectionName(collection));
  SL_ASSIGN_OR_RETURN(const int size, CheckPageSize(page_size));
  const std::string question = absl::StrCat("jobs of ", collection, " in state ",
                                            state.has_value() ? static_cast<int>(*state) : -1);
  SL_ASSIGN_OR_RETURN(const std::string after, DecodePageToken(question, page_token));
  const std::string prefix = JobOrderPrefix();
  std::string from = prefix + after;
  if (!after.empty()) from.push_back('\0');
  const StoreSnapshot moment(*store_);
  Page<Job> page;
  std::string last;  // place of the last job in the list
  SL_RETURN_IF_ERROR(store_->Scan(
      prefix, from, &moment, [&](absl::string_view key, absl::string_view) -> absl::StatusOr<bool> {
        // After the prefix: eight bytes of time, then the id.
        const absl::string_view place = key.substr(prefix.size());
        if (place.size() <= 8) return absl::DataLossError("store: malformed job list");
        SL_ASSIGN_OR_RETURN(const auto value, store_->Get(JobKey(place.substr(8)), &moment));
        if (!value.has_value()) return absl::DataLossError("store: a listed job is missing");
        SL_ASSIGN_OR_RETURN(Job job, DecodeJob(*value));
        if (!collection.empty() && job.collection != collection) return true;
        if (state.has_value() && job.state != *state) return true;
        if (page.items.size() == static_cast<size_t>(size)) {
          page.next_token = EncodePageToken(question, last);
          return false;
        }
        page.items.push_back(std::move(job));
        last = std::string(place);
        return true;
      }));
  return page;
}

}  // namespace sightline::index
