#include "index/term_list.h"

#include "base/status.h"
#include "index/key_codec.h"
#include "index/posting_list.h"

namespace sightline::index {

absl::StatusOr<TermList> TermList::Read(const Store& store, const View& view,
                                        const std::string& term, int64_t most) {
  TermList list;
  const uint32_t collection = view.record.id;
  SL_RETURN_IF_ERROR(
      store.Scan(TermPrefix(collection, term), view.moment.get(),
                 [&](absl::string_view key, absl::string_view value) -> absl::StatusOr<bool> {
                   const auto parts = ParsePostingKey(key, collection);
                   if (!parts.has_value()) {
                     return absl::DataLossError("store: malformed key of a posting list");
                   }
                   SL_RETURN_IF_ERROR(list.Add(parts->bucket, value));
                   return list.holding_ <= most;
                 }));
  return list;
}

absl::Status TermList::Add(uint32_t bucket, absl::string_view value) {
  const auto payload = BlocksOf(value);
  if (payload.has_value()) {
    PostingBlockReader in(*payload);
    if (!in.ok()) return absl::DataLossError("store: malformed posting list");
    parts_.push_back({bucket, true, bytes_.size(), payload->size()});
    bytes_.append(payload->data(), payload->size());
    holding_ += in.total();
    return absl::OkStatus();
  }
  const size_t before = short_.size();
  std::vector<Posting> postings;
  if (!DecodePostings(value, postings)) {
    return absl::DataLossError("store: malformed posting list");
  }
  if (postings.empty()) return absl::OkStatus();
  short_.insert(short_.end(), postings.begin(), postings.end());
  parts_.push_back({bucket, false, before, postings.size()});
  holding_ += static_cast<int64_t>(postings.size());
  return absl::OkStatus();
}

const TermList::Part* TermList::FindPart(uint32_t bucket) const {
  const auto at = std::lower_bound(parts_.begin(), parts_.end(), bucket,
                                   [](const Part& part, uint32_t b) { return part.bucket < b; });
  return at == parts_.end() || at->bucket != bucket ? nullptr : &*at;
}

}  // namespace sightline::index
