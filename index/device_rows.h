#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "index/row_score.h"
#include "index/vector_code.h"
#include "index/vector_rows.h"

namespace sightline::index {

// A copy of a segment's vectors in the memory of a device that compares them, such as a GPU, or a
// compact index of them. What it finds is scored again as it is stored, so its own scores need only
// be near. Any thread.
class DeviceRows {
 public:
  virtual ~DeviceRows() = default;

  // The most that Search can be asked for.
  virtual int most_hits() const = 0;

  // The best `n` of the allowed rows, 1..most_hits(), by the device's own scores, best first. Bit r
  // of `allowed`, from the lowest of the first word on, says whether row r counts; a word for each
  // 32 rows, bits beyond the last row are 0. Fewer than n: there are no more; or, where Slack is
  // empty, it met no more. `code` is the query's. After an error, which is logged, it is not
  // usable.
  absl::StatusOr<std::vector<RowScore>> Search(std::span<const float> query, const QueryCode& code,
                                               std::span<const uint32_t> allowed, int n) const;
  bool usable() const { return usable_.load(std::memory_order_relaxed); }

  // An allowed row that Search left out has, as it is stored, a score of at most that of the
  // last hit and this. Empty: it may leave out any.
  virtual std::optional<float> Slack(const QueryCode& code) const = 0;
  // Its scores are the stored vectors' but for errors that are alike for all rows.
  virtual bool scores_are_estimates() const { return false; }

 private:
  virtual absl::StatusOr<std::vector<RowScore>> DoSearch(std::span<const float> query,
                                                         const QueryCode& code,
                                                         std::span<const uint32_t> allowed,
                                                         int n) const = 0;
  mutable std::atomic<bool> usable_{true};
};

// A device with room for rows. Any thread. What it gave may outlive it.
class RowDevice {
 public:
  virtual ~RowDevice() = default;

  // Copies the rows. kResourceExhausted: no room for them.
  virtual absl::StatusOr<std::shared_ptr<const DeviceRows>> Put(const VectorRows& rows) = 0;
};

}  // namespace sightline::index
