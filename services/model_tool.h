#pragma once

#include <string>
#include <vector>

namespace sightline::services {

// `sightline-server model COMMAND …`: the model alone, without a corpus. Reads JSON lines, writes
// one JSON object a line to standard output and tensors to a safetensors file; errors go to
// standard error. args: the words after "model". Returns the exit code: 0 done, 1 failed, 2 wrong
// usage.
int RunModelTool(const std::vector<std::string>& args);

}  // namespace sightline::services
