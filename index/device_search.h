#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "index/device_rows.h"
#include "index/passage_set.h"
#include "index/row_score.h"
#include "index/segment.h"

namespace sightline::index {

// Fewer rows are compared by the CPU in the time of a call to a device.
inline constexpr int64_t kDeviceCandidates = 5'000;

struct DeviceFound {
  std::vector<RowScore> hits;  // best first, scored as they are stored
  bool exact = true;           // those of comparing all
};

// The `n` best of the rows whose passages are allowed, as a device that holds the same rows finds
// them. Empty: it cannot tell which they are, and the rows are to be compared here. The device's
// errors.
absl::StatusOr<std::optional<DeviceFound>> SearchOnDevice(const DeviceRows& device,
                                                          const VectorRows& rows,
                                                          std::span<const float> query,
                                                          const PassageSet& allowed, int n);

// The segment with a copy of its rows on the device, and how much of them the device finds. The
// same segment where there is no room, or the device fails or finds what is not the nearest; that
// is logged. kCancelled soon after `stop` answers true.
absl::StatusOr<SegmentPtr> PutOnDevice(SegmentPtr segment, RowDevice& device,
                                       const std::function<bool()>& stop);

}  // namespace sightline::index
