#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "index/corpus.h"
#include "services/cache/answer_cache.h"
#include "services/edge/call_scope.h"
#include "sightline/v1/query.pb.h"

namespace sightline::query {

// The way of one request through the cache of answers: asked for once, then either found, or told
// event by event and kept at the end. See docs/caches.md for what is kept and for how long it
// counts. One thread.
class KeptAnswer {
 public:
  // `cache` may be null: nothing is kept then. `request`, as the filters of questions left it, is
  // changed on the way and back when this returns; `repeats`: writing its answer again gives the
  // same. All but the request outlive this.
  KeptAnswer(cache::AnswerCache* cache, const index::Corpus& corpus, const edge::CallLimits& limits,
             v1::SearchAndAnswerRequest& request, bool repeats);

  // The events that an identical request got from the same documents, `done` last, with no timings
  // and `cached` set in it; empty when there are none.
  std::optional<std::vector<v1::AnswerEvent>> Find();

  // Takes the events as they leave, `done` last, whose coming says that all went well. Kept when
  // the documents are still those of the beginning and nothing was makeshift.
  void Add(const v1::AnswerEvent& event);

 private:
  cache::AnswerCache* const cache_;
  const index::Corpus& corpus_;
  const edge::CallLimits& limits_;
  const std::string collection_;
  index::CollectionState state_;
  std::optional<cache::CacheKey> key_;  // empty: nothing is found or kept
  std::vector<v1::AnswerEvent> events_;
};

}  // namespace sightline::query
