#pragma once

#include "absl/strings/string_view.h"

namespace sightline::media {

// How deep a page's elements nest, from its tags alone and in one pass; an estimate, since elements
// may end without a tag. Those that commonly do, scripts, styles and comments are not counted.
int EstimateHtmlDepth(absl::string_view html);

}  // namespace sightline::media
