#pragma once

namespace sightline::media {

// For each role, shuts a process in and tries from there what must be refused. Prints one line an
// attempt, "decoder: open a socket: refused". True when all were refused.
bool CheckSandbox();

}  // namespace sightline::media
