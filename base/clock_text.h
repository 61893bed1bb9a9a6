#pragma once

#include <string>

namespace sightline {

// A moment of a video as people write it, rounded down: "0:12", "1:02:03". `seconds` >= 0.
std::string ClockText(double seconds);

// "0:12-0:19"
std::string ClockText(double start, double end);

}  // namespace sightline
