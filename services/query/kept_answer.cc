#include "services/query/kept_answer.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"

namespace sightline::query {
namespace {

// False where the request does not say all that its answer hangs on: what a URL names may change.
bool SaysAll(const google::protobuf::RepeatedPtrField<v1::Content>& parts) {
  return std::all_of(parts.begin(), parts.end(), [](const v1::Content& part) {
    return part.part_case() != v1::Content::kImageUri ||
           absl::StartsWithIgnoreCase(part.image_uri(), "data:");
  });
}

bool SaysAll(const v1::SearchRequest& search) {
  return SaysAll(search.query()) &&
         std::all_of(search.history().begin(), search.history().end(),
                     [](const v1::Turn& turn) { return SaysAll(turn.content()); });
}

std::string Serialised(const google::protobuf::Message& message) {
  std::string out;
  {
    google::protobuf::io::StringOutputStream bytes(&out);
    google::protobuf::io::CodedOutputStream coded(&bytes);
    coded.SetSerializationDeterministic(true);  // maps in order
    message.SerializeToCodedStream(&coded);
  }
  return out;
}

// Adds what is equal for requests that say the same; every field counts, those too that are not
// known here. `request` is as before when it returns.
void AddRequest(v1::SearchAndAnswerRequest& request, cache::CacheKeyMaker& key) {
  // Pictures are large: none is copied but for the one that is being hashed.
  google::protobuf::RepeatedPtrField<v1::Content> parts;
  parts.Swap(request.mutable_search()->mutable_query());
  key.Number(static_cast<uint64_t>(parts.size()));
  for (const v1::Content& part : parts) key.Field(Serialised(part));
  v1::SearchAndAnswerRequest rest = request;
  parts.Swap(request.mutable_search()->mutable_query());

  v1::SearchRequest& search = *rest.mutable_search();
  if (search.mode() == v1::SEARCH_MODE_UNSPECIFIED) search.set_mode(v1::SEARCH_MODE_HYBRID);
  if (search.group_size() == 0) search.set_group_size(1);
  if (rest.verdict_policy() == v1::VERDICT_POLICY_UNSPECIFIED) {
    rest.set_verdict_policy(v1::VERDICT_POLICY_FLAG);
  }
  rest.mutable_sampling();  // absent says what empty says
  key.Field(Serialised(rest));
}

template <typename Reply>
void ForgetTimes(Reply& reply) {
  reply.clear_timings();
  if (reply.has_follow_up()) reply.mutable_follow_up()->clear_rewrite_ms();
}

}  // namespace

KeptAnswer::KeptAnswer(cache::AnswerCache* cache, const index::Corpus& corpus,
                       const edge::CallLimits& limits, v1::SearchAndAnswerRequest& request,
                       bool repeats)
    : cache_(cache), corpus_(corpus), limits_(limits), collection_(request.search().collection()) {
  if (cache == nullptr || !repeats || request.search().no_cache() || !SaysAll(request.search())) {
    return;
  }
  auto state = corpus.State(collection_);
  if (!state.ok()) return;  // the search says what is wrong
  state_ = *std::move(state);
  cache::CacheKeyMaker key = cache->KeyFor(limits.tenant);
  key.Field(collection_)
      .Number(state_.collection)
      .Number(static_cast<uint64_t>(absl::ToUnixMicros(state_.created)))  // as it is stored
      .Number(static_cast<uint64_t>(state_.sequence))
      .Field(state_.change);
  AddRequest(request, key);
  key_ = key.Make();
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
    ForgetTimes(*events_.back().mutable_retrieved()->mutable_search());
  }
  if (!event.has_done()) return;
  ForgetTimes(*events_.back().mutable_done());
  if (limits_.makeshift != nullptr && *limits_.makeshift) return;
  const auto now = corpus_.State(collection_);
  if (now.ok() && *now == state_) cache_->Insert(*key_, events_);
}

}  // namespace sightline::query
