#pragma once

namespace sightline::bench {

// Processor seconds that this process has used so far, and all processes it has started, directly
// or not, living or ended. Exact to a hundredth of a second a process.
double TreeCpuSeconds();

}  // namespace sightline::bench
