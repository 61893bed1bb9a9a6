#include "ingest/media/sandbox.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <initializer_list>
#include <memory>

#include "ingest/media/unique_fd.h"

namespace sightline::media {
namespace {

// Sanitizers reserve terabytes of address space and read their own files.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// What the PDF tools read: programs, libraries, fonts, encodings.
constexpr const char* kReadablePaths[] = {"/usr",
                                          "/bin",
                                          "/lib",
                                          "/lib64",
                                          "/etc/fonts",
                                          "/etc/ld.so.cache",
                                          "/etc/alternatives",
                                          "/var/cache/fontconfig"};

constexpr uint64_t kAllFileRights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
constexpr uint64_t kReadRights =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE;

void AllowReading(int ruleset, const char* path) {
  const UniqueFd fd(::open(path, O_PATH | O_CLOEXEC));
  struct stat st;
  if (!fd.valid() || ::fstat(fd.get(), &st) != 0) return;  // not on this system
  landlock_path_beneath_attr rule = {};
  rule.parent_fd = fd.get();
  rule.allowed_access =
      S_ISDIR(st.st_mode) ? kReadRights : kReadRights & ~LANDLOCK_ACCESS_FS_READ_DIR;
  ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

void SetLimit(__rlimit_resource resource, rlim_t value) {
  const rlimit limit = {value, value};
  ::setrlimit(resource, &limit);
}

// From the first number of statm, in pages.
rlim_t AddressSpaceInUse(int meter) {
  char text[64] = {};
  const ssize_t n = ::pread(meter, text, sizeof(text) - 1, 0);
  const rlim_t pages = n > 0 ? std::strtoul(text, nullptr, 10) : 0;
  return pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
}

using FilterPtr = std::unique_ptr<void, void (*)(scmp_filter_ctx)>;

// Collects rules; good() turns false at the first that fails.
class Rules {
 public:
  explicit Rules(scmp_filter_ctx context) : context_(context) {}

  // A negative number is a call that this processor does not have.
  void Allow(std::initializer_list<int> calls) {
    for (int call : calls) {
      if (call >= 0) Note(::seccomp_rule_add(context_, SCMP_ACT_ALLOW, call, 0));
    }
  }
  // Only when argument `index`, of which the bits in `mask` count, is `value`.
  void AllowWhen(int call, unsigned index, uint64_t mask, uint64_t value) {
    AllowWhen(call, {SCMP_CMP64(index, SCMP_CMP_MASKED_EQ, mask, value)});
  }
  void AllowWhen(int call, std::initializer_list<scmp_arg_cmp> arguments) {
    if (call < 0) return;
    Note(::seccomp_rule_add_array(context_, SCMP_ACT_ALLOW, call,
                                  static_cast<unsigned>(arguments.size()), arguments.begin()));
  }
  bool good() const { return good_; }

 private:
  void Note(int result) { good_ = good_ && result == 0; }

  scmp_filter_ctx context_;
  bool good_ = true;
};

constexpr uint64_t kAllBits = ~uint64_t{0};

void AllowCommon(Rules& rules) {
  rules.Allow({SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev),
               SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(lseek), SCMP_SYS(close),
               SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(recvmsg), SCMP_SYS(recvfrom),
               SCMP_SYS(sendmsg), SCMP_SYS(sendto), SCMP_SYS(fstat), SCMP_SYS(fcntl),
               SCMP_SYS(memfd_create)});
  rules.Allow({SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk)});
  rules.Allow({SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_yield),
               SCMP_SYS(sched_getaffinity), SCMP_SYS(membarrier)});
  rules.Allow({SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday),
               SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep), SCMP_SYS(getrandom),
               SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getrusage), SCMP_SYS(times),
               SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(restart_syscall)});
  rules.Allow({SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
               SCMP_SYS(sigaltstack), SCMP_SYS(exit), SCMP_SYS(exit_group)});
  rules.Allow({SCMP_SYS(getrlimit), SCMP_SYS(setrlimit)});
  rules.AllowWhen(SCMP_SYS(prlimit64), 0, kAllBits, 0);  // itself only
  rules.AllowWhen(SCMP_SYS(prctl), 0, kAllBits, PR_SET_NAME);
}

void AllowDecoding(Rules& rules) {
  rules.AllowWhen(SCMP_SYS(mmap), 2, PROT_EXEC, 0);
  rules.AllowWhen(SCMP_SYS(mprotect), 2, PROT_EXEC, 0);
  rules.AllowWhen(SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD);
  rules.AllowWhen(SCMP_SYS(newfstatat), 3, AT_EMPTY_PATH, AT_EMPTY_PATH);  // fstat of newer glibc
  rules.AllowWhen(SCMP_SYS(tgkill), 0, kAllBits, static_cast<uint64_t>(::getpid()));  // abort
}

void AllowRunningTools(Rules& rules) {
  constexpr uint64_t kNamespaces = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |
                                   CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;
  constexpr uint64_t kWriting = O_ACCMODE | O_CREAT | O_TRUNC;
  rules.Allow({SCMP_SYS(mmap), SCMP_SYS(mprotect), SCMP_SYS(execve), SCMP_SYS(vfork),
               SCMP_SYS(wait4), SCMP_SYS(waitid), SCMP_SYS(pipe), SCMP_SYS(pipe2), SCMP_SYS(dup),
               SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(arch_prctl), SCMP_SYS(set_tid_address),
               SCMP_SYS(setitimer), SCMP_SYS(getppid)});
  rules.AllowWhen(SCMP_SYS(clone), 0, kNamespaces, 0);
  rules.AllowWhen(SCMP_SYS(open), 1, kWriting, O_RDONLY);
  rules.AllowWhen(SCMP_SYS(openat), 2, kWriting, O_RDONLY);
  rules.Allow({SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(stat),
               SCMP_SYS(lstat), SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(statfs),
               SCMP_SYS(fstatfs), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getdents64),
               SCMP_SYS(getcwd), SCMP_SYS(fadvise64), SCMP_SYS(getuid), SCMP_SYS(geteuid),
               SCMP_SYS(getgid), SCMP_SYS(getegid)});
  rules.AllowWhen(SCMP_SYS(ioctl), 1, kAllBits, TCGETS);  // "is this a terminal"
  rules.AllowWhen(SCMP_SYS(prctl),
                  {SCMP_A0_64(SCMP_CMP_EQ, PR_SET_PDEATHSIG), SCMP_A1_64(SCMP_CMP_EQ, SIGKILL)});
}

}  // namespace

bool DieWithParent(int parent) {
  return ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::getppid() == parent;
}

bool HasLandlock() {
  return ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 1;
}

bool HideFiles() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  if (!HasLandlock()) return true;
  landlock_ruleset_attr attributes = {};
  attributes.handled_access_fs = kAllFileRights;
  const UniqueFd ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0)));
  if (!ruleset.valid()) return false;
  for (const char* path : kReadablePaths) AllowReading(ruleset.get(), path);
  if (kSanitized) AllowReading(ruleset.get(), "/proc");
  return ::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) == 0;
}

UniqueFd OpenMemoryMeter() { return UniqueFd(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)); }

void LimitResources(const UniqueFd& meter, int64_t bytes, int64_t max_file_bytes) {
  if (!kSanitized) SetLimit(RLIMIT_AS, AddressSpaceInUse(meter.get()) + static_cast<rlim_t>(bytes));
  SetLimit(RLIMIT_FSIZE, static_cast<rlim_t>(max_file_bytes));
  SetLimit(RLIMIT_CORE, 0);
  SetLimit(RLIMIT_NOFILE, 64);
}

bool FilterSystemCalls(Role role) {
  const FilterPtr filter(::seccomp_init(SCMP_ACT_ERRNO(ENOSYS)), &::seccomp_release);
  if (filter == nullptr) return false;
  // Threads that a library has started already are shut in too.
  if (::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1) != 0) return false;
  Rules rules(filter.get());
  AllowCommon(rules);
  if (role == Role::kDocuments) {
    AllowRunningTools(rules);
  } else {
    AllowDecoding(rules);
  }
  // Sanitizers ask through a pipe whether memory can be read.
  if (kSanitized) rules.Allow({SCMP_SYS(pipe), SCMP_SYS(pipe2)});
  return rules.good() && ::seccomp_load(filter.get()) == 0;
}

}  // namespace sightline::media
