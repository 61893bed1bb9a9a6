#pragma once

#include <string>
#include <vector>

namespace sightline::services {

// `sightline-server backup list|verify|restore …`: backups without a server (index/backup.h).
// Writes a table, or one JSON object a line, to standard output and errors to standard error. args:
// the words after "backup". Returns the exit code: 0 done, 1 failed, 2 wrong usage.
int RunBackupTool(const std::vector<std::string>& args);

}  // namespace sightline::services
