#include "bench/process_tree.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace sightline::bench {
namespace {

struct Usage {
  long parent = 0;
  double ticks = 0;  // with those of its children that have ended
};

// Of /proc/PID/stat; a name may hold blanks, so what counts begins behind its closing parenthesis.
bool ReadUsage(const std::filesystem::path& folder, Usage& out) {
  std::ifstream file(folder / "stat");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return false;
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  fields >> skipped >> out.parent;
  for (int i = 0; i < 9; ++i) fields >> skipped;
  double ticks = 0;
  for (int i = 0; i < 4 && fields >> ticks; ++i) out.ticks += ticks;  // utime stime cutime cstime
  return !fields.fail();
}

}  // namespace

double TreeCpuSeconds() {
  std::map<long, Usage> all;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename().string();
    Usage usage;
    if (name.find_first_not_of("0123456789") == std::string::npos &&
        ReadUsage(entry.path(), usage)) {
      all.emplace(std::stol(name), usage);
    }
  }
  double ticks = 0;
  std::vector<long> open = {::getpid()};
  while (!open.empty()) {
    const long pid = open.back();
    open.pop_back();
    ticks += all[pid].ticks;
    for (const auto& [child, usage] : all) {
      if (usage.parent == pid) open.push_back(child);
    }
  }
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace sightline::bench
