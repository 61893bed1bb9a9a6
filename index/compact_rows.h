#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "index/device_rows.h"
#include "index/vector_rows.h"

namespace sightline::index {

// Fewer allowed rows are compared by their half floats, and a segment of fewer has no such index.
inline constexpr int64_t kCompactCandidates = 500;

// A small index over the rows of a segment that have no bytes, in memory: what it finds is scored
// again by half floats. It may leave out any row. Immutable once built; any thread.
class CompactRows : public DeviceRows {
 public:
  using Sink = std::function<absl::Status(absl::string_view)>;
  using Source = std::function<absl::Status(char* out, size_t size)>;
  using Stop = std::function<bool()>;

  // Over all of `rows`, kCompactCandidates or more, by their codes(). `threads` at most; those
  // that FAISS uses in the calling thread are set to it. kCancelled soon after `stop` answers true,
  // but a minute or two later while codes are trained.
  static absl::StatusOr<std::shared_ptr<const CompactRows>> Build(const VectorRows& rows,
                                                                  int threads, const Stop& stop);
  // What Save wrote, of `bytes` in all, over the same rows. kDataLoss: it does not fit them.
  static absl::StatusOr<std::shared_ptr<const CompactRows>> Load(const VectorRows& rows,
                                                                 uint64_t bytes,
                                                                 const Source& source);
  absl::Status Save(const Sink& sink) const;

  // Share of the true ten nearest that a search finds, measured when it was built.
  float recall() const { return recall_; }
  virtual int64_t MemoryBytes() const = 0;
  virtual int64_t rows() const = 0;

  int most_hits() const final { return 1 << 14; }
  std::optional<float> Slack(const QueryCode&) const final { return std::nullopt; }
  bool scores_are_estimates() const final { return true; }

 private:
  virtual absl::Status SaveBody(const Sink& sink) const = 0;
  float recall_ = 0;
};

}  // namespace sightline::index
