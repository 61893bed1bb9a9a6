#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace sightline::index::gpu {

// Bytes of a device that may be taken, shared by those that take them. Any thread.
class MemoryBudget : public std::enable_shared_from_this<MemoryBudget> {
 public:
  explicit MemoryBudget(int64_t bytes) : left_(bytes), all_(bytes) {}

  // Gives its bytes back when it goes.
  class Share {
   public:
    Share(std::shared_ptr<MemoryBudget> budget, int64_t bytes)
        : budget_(std::move(budget)), bytes_(bytes) {}
    Share(Share&& other) noexcept = default;
    Share& operator=(Share&& other) = delete;
    ~Share() {
      if (budget_ != nullptr) budget_->left_ += bytes_;
    }

   private:
    std::shared_ptr<MemoryBudget> budget_;
    int64_t bytes_;
  };

  // kResourceExhausted.
  absl::StatusOr<Share> Take(int64_t bytes) {
    if (left_.fetch_sub(bytes) >= bytes) return Share(shared_from_this(), bytes);
    const int64_t left = left_.fetch_add(bytes) + bytes;
    return absl::ResourceExhaustedError(
        absl::StrCat("of ", all_, " bytes of the device ", left, " are free, ", bytes, " needed"));
  }

 private:
  std::atomic<int64_t> left_;
  const int64_t all_;
};

}  // namespace sightline::index::gpu
