#pragma once

#include <cstdint>

#include "ingest/media/messages.h"
#include "ingest/media/unique_fd.h"

namespace sightline::media {

// How a child shuts itself in before it reads the first foreign byte. docs/media-sandbox.md has the
// whole picture. Each step is for the calling process and whatever it starts, and cannot be undone.

// Dies when the process that started it does; false when that one, `parent`, is gone already.
bool DieWithParent(int parent);

// No new privileges, and (where the kernel has Landlock) no file but the system's programs,
// libraries and fonts can be opened. False when new privileges cannot be ruled out.
bool HideFiles();

// Tells how much address space this process uses. Open it before HideFiles.
UniqueFd OpenMemoryMeter();

// Memory: `bytes` of address space beyond what is in use now. Files: at most `max_file_bytes` long,
// so 0 forbids all writing of files. No core dumps, few descriptors.
void LimitResources(const UniqueFd& meter, int64_t bytes, int64_t max_file_bytes);

// Leaves a list of harmless system calls; all others fail with ENOSYS. In all roles: no sockets,
// no signals to others, no tracing, no mounting, no namespaces, no writable open. A decoder or
// reader can moreover open no file, start no program, and map no code. False when the kernel
// refuses.
bool FilterSystemCalls(Role role);

// True when the kernel has Landlock and it is on.
bool HasLandlock();

}  // namespace sightline::media
