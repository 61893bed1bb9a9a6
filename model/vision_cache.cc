#include "model/vision_cache.h"

namespace sightline::model {

std::shared_ptr<const VisionFeatures> VisionCache::Find(absl::string_view key) {
  absl::MutexLock lock(&mu_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->features;
}

void VisionCache::Insert(const std::string& key, std::shared_ptr<const VisionFeatures> features,
                         int64_t bytes) {
  if (bytes > max_bytes_) return;
  absl::MutexLock lock(&mu_);
  if (by_key_.contains(key)) return;
  entries_.push_front({key, std::move(features), bytes});
  by_key_[key] = entries_.begin();
  bytes_ += bytes;
  while (bytes_ > max_bytes_) {
    const Entry& oldest = entries_.back();
    bytes_ -= oldest.bytes;
    by_key_.erase(oldest.key);
    entries_.pop_back();
  }
}

}  // namespace sightline::model
