#pragma once

#include <functional>

namespace sightline::index {

// Runs `body` on a thread of its own that gives way to others, and waits for it. It gets what
// processors are idle, and about a tenth of one that others want as well, so that it is never kept
// from coming to its end. So do the threads that `body` starts, as OpenMP's.
void RunInBackground(const std::function<void()>& body);

// What 0 threads stands for: the processors that this process may run on.
int ThreadsOrAll(int threads);

}  // namespace sightline::index
