#include "services/query/regions.h"

#include "absl/strings/str_cat.h"
#include "services/query/terms.h"

namespace sightline::query {

std::string RegionRequest(const std::string& claim) {
  return absl::StrCat(
      IsMostlyCjk(claim) ? "图中哪里可以看到这一点？" : "Where in the picture is this shown? ",
      claim);
}

}  // namespace sightline::query
