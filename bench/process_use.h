#pragma once

#include <time.h>

#include <fstream>
#include <string>

namespace sightline::index {

inline double SecondsOf(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}
// Of the processor: in all threads of this process, and in the calling one.
inline double CpuSeconds() { return SecondsOf(CLOCK_PROCESS_CPUTIME_ID); }
inline double ThreadCpuSeconds() { return SecondsOf(CLOCK_THREAD_CPUTIME_ID); }

// Of this process, in memory: `kind` is RssAnon, or RssFile for what is mapped from files.
inline double ResidentBytes(const std::string& kind) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(kind + ":", 0) == 0) return 1024 * std::stod(line.substr(kind.size() + 1));
  }
  return 0;
}

}  // namespace sightline::index
