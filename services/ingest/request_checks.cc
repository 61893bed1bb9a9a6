#include "services/ingest/request_checks.h"

#include "absl/strings/str_cat.h"
#include "services/edge/error_details.h"

namespace sightline::services {

absl::Status RequireField(const std::string& value, const char* field) {
  return value.empty() ? edge::InvalidField(field, "is empty") : absl::OkStatus();
}

absl::StatusOr<int> PageSize(int32_t asked) {
  if (asked == 0) return 100;
  if (asked < 0 || asked > 1000) {
    return edge::InvalidField("page_size", absl::StrCat(asked, " is not in 1..1000"));
  }
  return asked;
}

absl::Status About(const absl::Status& status, const char* type, const std::string& name) {
  return absl::IsNotFound(status) ? edge::WithResource(status, type, name) : status;
}

}  // namespace sightline::services
