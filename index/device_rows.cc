#include "index/device_rows.h"

#include "base/log.h"

namespace sightline::index {

absl::StatusOr<std::vector<RowScore>> DeviceRows::Search(std::span<const float> query,
                                                         const QueryCode& code,
                                                         std::span<const uint32_t> allowed,
                                                         int n) const {
  auto found = DoSearch(query, code, allowed, n);
  if (!found.ok() && usable_.exchange(false)) {
    log::Error("a device fails; its vectors are searched without it",
               {{"error", found.status().ToString()}});
  }
  return found;
}

}  // namespace sightline::index
