#include "services/query/kept_answer.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <utility>

#include "absl/strings/match.h"

namespace sightline::query {
namespace {

// False where the request does not say all that its answer hangs on: what a URL names may change.
bool SaysAll(const v1::SearchRequest& search) {
  for (const v1::Content& part : search.query()) {
    if (part.part_case() == v1::Content::kImageUri &&
        !absl::StartsWithIgnoreCase(part.image_uri(), "data:")) {
      return false;
    }
  }
  return true;
}

// Equal for requests that say the same; every field counts, those too that are not known yet.
std::string Normalised(v1::SearchAndAnswerRequest request) {
  v1::SearchRequest& search = *request.mutable_search();
  if (search.mode() == v1::SEARCH_MODE_UNSPECIFIED) search.set_mode(v1::SEARCH_MODE_HYBRID);
  if (search.group_size() == 0) search.set_group_size(1);
  if (request.verdict_policy() == v1::VERDICT_POLICY_UNSPECIFIED) {
    request.set_verdict_policy(v1::VERDICT_POLICY_FLAG);
  }
  request.mutable_sampling();  // absent says what empty says
  std::string out;
  {
    google::protobuf::io::StringOutputStream bytes(&out);
    google::protobuf::io::CodedOutputStream coded(&bytes);
    coded.SetSerializationDeterministic(true);  // maps in order
    request.SerializeToCodedStream(&coded);
  }
  return out;
}

}  // namespace

KeptAnswer::KeptAnswer(cache::AnswerCache* cache, const index::Corpus& corpus,
                       const edge::CallLimits& limits, const v1::SearchAndAnswerRequest& request,
                       bool repeats)
    : cache_(cache), corpus_(corpus), limits_(limits), collection_(request.search().collection()) {
  if (cache == nullptr || !repeats || request.search().no_cache() || !SaysAll(request.search())) {
    return;
  }
  auto state = corpus.State(collection_);
  if (!state.ok()) return;  // the search says what is wrong
  state_ = *std::move(state);
  key_ = cache->KeyFor(limits.tenant)
             .Field(collection_)
             .Number(state_.collection)
             .Number(static_cast<uint64_t>(absl::ToUnixMicros(state_.created)))  // as it is stored
             .Number(static_cast<uint64_t>(state_.sequence))
             .Field(state_.change)
             .Field(Normalised(request))
             .Make();
}

std::optional<std::vector<v1::AnswerEvent>> KeptAnswer::Find() {
  if (!key_.has_value()) return std::nullopt;
  auto events = cache_->Find(*key_);
  if (events.has_value()) events->back().mutable_done()->set_cached(true);
  return events;
}

void KeptAnswer::Add(const v1::AnswerEvent& event) {
  if (!key_.has_value()) return;
  events_.push_back(event);
  if (event.has_retrieved()) {
    events_.back().mutable_retrieved()->mutable_search()->clear_timings();
  }
  if (!event.has_done()) return;
  events_.back().mutable_done()->clear_timings();
  if (limits_.makeshift != nullptr && *limits_.makeshift) return;
  const auto now = corpus_.State(collection_);
  if (now.ok() && *now == state_) cache_->Insert(*key_, events_);
}

}  // namespace sightline::query
