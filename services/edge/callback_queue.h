#pragma once

namespace sightline::edge {

// Keeps the queue that gRPC's callback calls share for as long as the process lives. gRPC 1.51
// makes it with the first user and tears it down with the last; a teardown sometimes drops a
// reference too many and aborts the process. Call before the first callback call; any thread, any
// number of times.
void KeepCallbackQueue();

}  // namespace sightline::edge
