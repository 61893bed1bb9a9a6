#include "cli/health_checks.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>
#include <thread>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "cli/private_server.h"
#include "cli/terminal.h"

namespace sightline::cli {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMiB = 1 << 20;
constexpr int64_t kGiB = int64_t{1} << 30;

CheckResult Ok(const std::string& name, const std::string& detail) {
  return {name, Health::kOk, detail, ""};
}

CheckResult Found(const std::string& name, Health health, const std::string& detail,
                  const std::string& remedy) {
  return {name, health, detail, remedy};
}

CheckResult CheckSister(const std::string& program) {
  const auto path = SisterProgram(program);
  if (path.ok()) return Ok(program, *path);
  return Found(program, Health::kFailure, std::string(path.status().message()),
               "build the target " + program + ", or reinstall");
}

// The first line that `program -v` writes, on either stream.
std::optional<std::string> VersionLine(const std::string& program, const std::string& flag) {
  const std::string shell = "exec " + program + " " + flag + " 2>&1";
  auto child = Process::Start({.argv = {"/bin/sh", "-c", shell}, .out = ChildStream::kPipe});
  if (!child.ok()) return std::nullopt;
  const absl::Time deadline = absl::Now() + absl::Seconds(5);
  auto line = ReadLine((*child)->out_fd(), deadline);
  // A program that is missing is 127, whatever the shell says about it.
  const auto exit = (*child)->Wait(deadline);
  if (!line.ok() || !exit.ok() || exit->code == 127) return std::nullopt;
  return OneLine(*line);
}

CheckResult CheckTool(const std::string& program, const std::string& flag, Health when_missing,
                      const std::string& remedy) {
  if (const auto version = VersionLine(program, flag); version.has_value()) {
    return Ok(program, *version);
  }
  return Found(program, when_missing, "not found", remedy);
}

CheckResult CheckPopplerData() {
  for (const char* folder : {"/usr/share/poppler/cMap", "/usr/local/share/poppler/cMap"}) {
    std::error_code error;
    if (fs::is_directory(folder, error)) return Ok("poppler-data", folder);
  }
  return Found("poppler-data", Health::kWarning, "not found",
               "install poppler-data, or Chinese, Japanese and Korean PDFs may lose their text");
}

CheckResult CheckSharedMemory() {
  struct statvfs st;
  if (::statvfs("/dev/shm", &st) != 0) {
    return Found("shared memory", Health::kWarning, "/dev/shm is missing",
                 "mount a tmpfs on /dev/shm");
  }
  const int64_t bytes = static_cast<int64_t>(st.f_blocks) * static_cast<int64_t>(st.f_frsize);
  if (bytes >= 64 * kMiB) return Ok("shared memory", ByteCount(bytes));
  return Found("shared memory", Health::kWarning, ByteCount(bytes),
               "give the container at least 64 MiB, e.g. --shm-size=256m");
}

// The folder itself, or the nearest one above it that exists.
fs::path NearestFolder(const std::string& path) {
  std::error_code error;
  fs::path folder = fs::absolute(path, error);
  while (!fs::is_directory(folder, error) && folder.has_relative_path()) {
    folder = folder.parent_path();
  }
  return folder;
}

CheckResult CheckDisk(const std::string& data) {
  const fs::path folder = NearestFolder(data);
  struct statvfs st;
  if (::statvfs(folder.c_str(), &st) != 0) {
    return Found("disk", Health::kFailure,
                 absl::StrCat(folder.string(), ": ", std::strerror(errno)),
                 "choose another folder with --data");
  }
  const int64_t free = static_cast<int64_t>(st.f_bavail) * static_cast<int64_t>(st.f_frsize);
  const std::string detail = absl::StrCat(ByteCount(free), " free at ", folder.string());
  if (free < 256 * kMiB) {
    return Found("disk", Health::kFailure, detail, "free some space: writes would be refused");
  }
  if (free < 5 * kGiB) return Found("disk", Health::kWarning, detail, "a corpus may need more");
  return Ok("disk", detail);
}

CheckResult CheckDataFolder(const std::string& data) {
  const fs::path folder = NearestFolder(data);
  std::string probe = (folder / ".sightline-doctor-XXXXXX").string();
  const int fd = ::mkstemp(probe.data());
  if (fd < 0) {
    return Found("data folder", Health::kFailure,
                 absl::StrCat("cannot write in ", folder.string(), ": ", std::strerror(errno)),
                 "choose another folder with --data, or change its owner");
  }
  ::close(fd);
  ::unlink(probe.c_str());
  std::error_code error;
  const bool exists = fs::is_directory(data, error);
  return Ok("data folder", absl::StrCat(fs::absolute(data, error).string(),
                                        exists ? ", writable" : ", can be made"));
}

CheckResult CheckModel(const std::string& model) {
  std::error_code error;
  for (const char* file : {"sightline.json", "config.json"}) {
    if (fs::is_regular_file(fs::path(model) / file, error)) {
      return Ok("model", absl::StrCat(model, ", ", file));
    }
  }
  return Found("model", Health::kFailure,
               absl::StrCat(model, " has neither sightline.json nor config.json"),
               "name a bundle or a checkpoint folder with --model");
}

std::optional<int64_t> MemInfo(const std::string& key) {
  std::ifstream file("/proc/meminfo");
  std::string line;
  while (std::getline(file, line)) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    int64_t kib = 0;
    if (words.size() >= 2 && words[0] == key + ":" && absl::SimpleAtoi(words[1], &kib)) {
      return kib * 1024;
    }
  }
  return std::nullopt;
}

// The container's limit, where there is one.
std::optional<int64_t> MemoryLimit() {
  for (const char* path :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::ifstream file(path);
    int64_t bytes = 0;
    if (file >> bytes && bytes < (int64_t{1} << 50)) return bytes;
  }
  return std::nullopt;
}

CheckResult CheckMemory() {
  const auto available = MemInfo("MemAvailable");
  if (!available.has_value()) return Ok("memory", "unknown");
  const auto limit = MemoryLimit();
  const int64_t usable = std::min(*available, limit.value_or(*available));
  std::string detail = absl::StrCat(ByteCount(*available), " available");
  if (limit.has_value()) absl::StrAppend(&detail, ", limit ", ByteCount(*limit));
  if (usable < kGiB) {
    return Found("memory", Health::kWarning, detail,
                 "the bundled model needs about 1 GiB, larger ones the size of their files");
  }
  return Ok("memory", detail);
}

std::string LimitText(rlim_t value) {
  return value == RLIM_INFINITY ? "unlimited" : absl::StrCat(value);
}

CheckResult CheckOpenFiles() {
  rlimit limit = {};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::string detail =
      absl::StrCat(LimitText(limit.rlim_cur), ", may be raised to ", LimitText(limit.rlim_max));
  if (limit.rlim_cur >= 1024) return Ok("open files", detail);
  return Found("open files", Health::kWarning, detail, "ulimit -n 65536 before the server starts");
}

CheckResult CheckAddressSpace() {
  rlimit limit = {};
  ::getrlimit(RLIMIT_AS, &limit);
  if (limit.rlim_cur == RLIM_INFINITY) return Ok("address space", "unlimited");
  return Found("address space", Health::kWarning, ByteCount(static_cast<int64_t>(limit.rlim_cur)),
               "ulimit -v unlimited: models and the store are mapped into memory");
}

CheckResult CheckPort(int port) {
  const std::string name = absl::StrCat("port ", port);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto close = absl::MakeCleanup([fd] {
    if (fd >= 0) ::close(fd);
  });
  const int reuse = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    return Ok(name, "free");
  }
  return Found(name, Health::kWarning, std::strerror(errno),
               "a server may run already; else choose another with serve --grpc or --http");
}

CheckResult CheckProcessor() {
  const unsigned cores = std::thread::hardware_concurrency();
  std::vector<std::string> features;
  bool fast = true;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) features.push_back("avx2");
  if (__builtin_cpu_supports("fma")) features.push_back("fma");
  if (__builtin_cpu_supports("avx512f")) features.push_back("avx512f");
  if (__builtin_cpu_supports("avx512bw")) features.push_back("avx512bw");
  fast = __builtin_cpu_supports("avx2") != 0;
#endif
  const std::string detail =
      absl::StrCat(Counted(cores, "core"), ", ",
                   features.empty() ? "no vector extensions" : absl::StrJoin(features, " "));
  if (fast) return Ok("processor", detail);
  return Found("processor", Health::kWarning, detail, "without AVX2 the model runs slowly");
}

CheckResult CheckSandbox() {
  std::error_code error;
  if (fs::exists("/proc/sys/kernel/seccomp/actions_avail", error)) {
    return Ok("sandbox", "seccomp filters are available");
  }
  return Found("sandbox", Health::kWarning, "the kernel does not say that it has seccomp filters",
               "decoders then run with limits only; allow seccomp where foreign files are read");
}

CheckResult CheckGpu() {
  std::vector<std::string> nodes;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/dev", error)) {
    const std::string name = entry.path().filename().string();
    const bool nvidia = name.size() > 6 && name.rfind("nvidia", 0) == 0 &&
                        std::isdigit(static_cast<unsigned char>(name[6])) != 0;
    if (nvidia || name == "kfd") nodes.push_back(entry.path().string());
  }
  std::sort(nodes.begin(), nodes.end());
  return Ok("gpu",
            nodes.empty() ? "none; the model runs on the processor" : absl::StrJoin(nodes, ", "));
}

}  // namespace

std::vector<CheckResult> CheckMachine(const HealthCheckOptions& options) {
  const std::string poppler = "install poppler-utils, or PDFs cannot be read";
  const std::string ffmpeg = "install ffmpeg, or videos cannot be read";
  std::vector<CheckResult> results = {CheckSister("sightline-server"),
                                      CheckSister("sightline-media"),
                                      CheckTool("pdftotext", "-v", Health::kFailure, poppler),
                                      CheckTool("pdftoppm", "-v", Health::kFailure, poppler),
                                      CheckTool("pdfinfo", "-v", Health::kFailure, poppler),
                                      CheckTool("ffmpeg", "-version", Health::kFailure, ffmpeg),
                                      CheckTool("ffprobe", "-version", Health::kFailure, ffmpeg),
                                      CheckPopplerData(),
                                      CheckDataFolder(options.data),
                                      CheckDisk(options.data),
                                      CheckSharedMemory(),
                                      CheckMemory(),
                                      CheckOpenFiles(),
                                      CheckAddressSpace(),
                                      CheckProcessor(),
                                      CheckGpu(),
                                      CheckSandbox()};
  if (!options.model.empty()) results.push_back(CheckModel(options.model));
  for (const int port : options.ports) results.push_back(CheckPort(port));
  return results;
}

}  // namespace sightline::cli
