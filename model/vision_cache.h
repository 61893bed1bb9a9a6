#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace sightline::model {

struct VisionFeatures;

// What the vision tower made of recent pictures, so that a picture that is embedded, reranked and
// answered about is looked at once. Keys name the picture's content and how it was prepared. The
// least recently used entries go when the bytes are above the limit. Any thread.
class VisionCache {
 public:
  // 0 keeps nothing.
  explicit VisionCache(int64_t max_bytes) : max_bytes_(max_bytes) {}

  int64_t max_bytes() const { return max_bytes_; }

  // Null when absent.
  std::shared_ptr<const VisionFeatures> Find(absl::string_view key);

  // `bytes`: what the features take. An entry above the limit by itself is not kept.
  void Insert(const std::string& key, std::shared_ptr<const VisionFeatures> features,
              int64_t bytes);

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const VisionFeatures> features;
    int64_t bytes = 0;
  };

  const int64_t max_bytes_;
  absl::Mutex mu_;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mu_);  // the most recently used first
  absl::flat_hash_map<std::string, std::list<Entry>::iterator> by_key_ ABSL_GUARDED_BY(mu_);
  int64_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace sightline::model
