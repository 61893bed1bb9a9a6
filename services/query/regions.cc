#include "services/query/regions.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "services/query/terms.h"

namespace sightline::query {

std::string RegionRequest(const std::string& claim) {
  return absl::StrCat(
      IsMostlyCjk(claim) ? "图中哪里可以看到这一点？" : "Where in the picture is this shown? ",
      claim);
}

bool HasUnplacedPicture(const index::Passage& passage) {
  return IsPicture(passage.kind) && !passage.blob_hash.empty() && !passage.box.has_value();
}

absl::StatusOr<Located> FindRegion(model::Generator& generator, const PassagePicture& picture,
                                   const std::string& claim, const index::Passage& passage,
                                   const edge::CallLimits& limits) {
  SL_ASSIGN_OR_RETURN(const ImagePtr image, picture(passage, limits.deadline));
  return Locate(generator, image, RegionRequest(claim), claim, limits);
}

}  // namespace sightline::query
