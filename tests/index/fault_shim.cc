// Preloaded into a process, makes one system call on a file below a folder fail, or all from that
// one on.
//   FAULT_FOLDER  the folder
//   FAULT_SPARED  a file whose path holds this is left alone
//   FAULT_CALL    write, sync, make (a file), name (rename) or read
//   FAULT_AT      which call of the kind, from 1; 0: none, they are only counted
//   FAULT_LAST    the last that fails; absent: that one alone
//   FAULT_ERRNO   what it fails with; 0: nothing is done, and success is told
//   FAULT_TALLY   file of two 64-bit numbers: calls of the kind, those that were made to fail
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdio>

namespace {

struct Tally {
  std::atomic<int64_t> calls;
  std::atomic<int64_t> struck;
};

const char* Setting(const char* name) {
  const char* const value = getenv(name);
  return value == nullptr ? "" : value;
}

Tally& Counts() {
  static Tally none;
  static Tally* const counts = [] {
    const int file = static_cast<int>(open(Setting("FAULT_TALLY"), O_RDWR));
    void* const memory =
        file < 0 ? MAP_FAILED
                 : mmap(nullptr, sizeof(Tally), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file >= 0) close(file);
    return memory == MAP_FAILED ? &none : static_cast<Tally*>(memory);
  }();
  return *counts;
}

bool IsBelow(const char* path) {
  const char* const folder = Setting("FAULT_FOLDER");
  const char* const spared = Setting("FAULT_SPARED");
  return *folder != '\0' && strncmp(path, folder, strlen(folder)) == 0 &&
         (*spared == '\0' || strstr(path, spared) == nullptr);
}

// Whether this call is made to fail.
bool Strikes(const char* kind, const char* path) {
  if (strcmp(kind, Setting("FAULT_CALL")) != 0 || !IsBelow(path)) return false;
  const int64_t call = ++Counts().calls;
  const int64_t first = atoll(Setting("FAULT_AT"));
  const int64_t last = *Setting("FAULT_LAST") == '\0' ? first : atoll(Setting("FAULT_LAST"));
  if (first == 0 || call < first || call > last) return false;
  ++Counts().struck;
  errno = atoi(Setting("FAULT_ERRNO"));
  return true;
}

bool Strikes(const char* kind, int file) {
  if (strcmp(kind, Setting("FAULT_CALL")) != 0) return false;
  char link[64];
  char path[PATH_MAX] = {};
  snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
  const int before = errno;
  if (readlink(link, path, sizeof(path) - 1) < 0) path[0] = '\0';
  errno = before;
  return Strikes(kind, path);
}

int Failed() { return errno == 0 ? 0 : -1; }

template <typename Function>
Function* Next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

int Open(const char* name, const char* path, int flags, mode_t mode) {
  using OpenCall = int(const char*, int, ...);
  if ((flags & O_CREAT) != 0 && Strikes("make", path)) return -1;
  return Next<OpenCall>(name)(path, flags, mode);
}

mode_t ModeOf(int flags, va_list rest) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? static_cast<mode_t>(va_arg(rest, int)) : 0;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = ModeOf(flags, rest);
  va_end(rest);
  return Open("open", path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = ModeOf(flags, rest);
  va_end(rest);
  return Open("open64", path, flags, mode);
}

ssize_t write(int file, const void* data, size_t size) {
  if (Strikes("write", file)) return errno == 0 ? static_cast<ssize_t>(size) : -1;
  return Next<ssize_t(int, const void*, size_t)>("write")(file, data, size);
}

ssize_t pwrite(int file, const void* data, size_t size, off_t at) {
  if (Strikes("write", file)) return errno == 0 ? static_cast<ssize_t>(size) : -1;
  return Next<ssize_t(int, const void*, size_t, off_t)>("pwrite")(file, data, size, at);
}

ssize_t pwrite64(int file, const void* data, size_t size, off64_t at) {
  if (Strikes("write", file)) return errno == 0 ? static_cast<ssize_t>(size) : -1;
  return Next<ssize_t(int, const void*, size_t, off64_t)>("pwrite64")(file, data, size, at);
}

ssize_t pread(int file, void* data, size_t size, off_t at) {
  if (Strikes("read", file)) return -1;
  return Next<ssize_t(int, void*, size_t, off_t)>("pread")(file, data, size, at);
}

ssize_t pread64(int file, void* data, size_t size, off64_t at) {
  if (Strikes("read", file)) return -1;
  return Next<ssize_t(int, void*, size_t, off64_t)>("pread64")(file, data, size, at);
}

int fsync(int file) { return Strikes("sync", file) ? Failed() : Next<int(int)>("fsync")(file); }

int fdatasync(int file) {
  return Strikes("sync", file) ? Failed() : Next<int(int)>("fdatasync")(file);
}

int rename(const char* from, const char* to) {
  if (Strikes("name", to)) return Failed();
  return Next<int(const char*, const char*)>("rename")(from, to);
}

}  // extern "C"
