#pragma once

#include <string>
#include <vector>

namespace sightline::media {

// Turns names that are not UTF-8 into it, in the encoding that fits all of them best, since one
// name alone says little. A name of which nothing can be made stays as it is.
void DecodeMemberNames(std::vector<std::string>& names);

}  // namespace sightline::media
