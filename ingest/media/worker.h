#pragma once

namespace sightline::media {

// The child's life: shuts itself in as its parent's first message says, then answers requests until
// the channel ends. Returns the process's exit code. `argv0` is the program's name.
int RunWorker(const char* argv0, int parent);

}  // namespace sightline::media
