#pragma once

#include <string>

namespace sightline::model {

// Most numbers a MarkedTextFormat may know.
inline constexpr int kMaxMarkers = 1000;

// The regular expression, as in regex.h, of the texts of MarkedTextFormat{markers}.
std::string MarkedTextPattern(int markers);

}  // namespace sightline::model
