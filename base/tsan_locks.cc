// Only in builds with the thread sanitizer. The distribution's Abseil is not instrumented, so the
// sanitizer does not see that its locks order anything and takes every guarded member for a race.
// The linker leads calls of our code to these functions (--wrap), which say what the real ones they
// call have ordered.

#include <sanitizer/tsan_interface.h>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"

namespace {

void* Address(const void* lock) { return const_cast<void*>(lock); }

// A held mutex is given up and taken again while this lives.
class Waiting {
 public:
  explicit Waiting(absl::Mutex* mutex) : mutex_(Address(mutex)) {
    __tsan_mutex_pre_unlock(mutex_, 0);
    __tsan_mutex_post_unlock(mutex_, 0);
    __tsan_mutex_pre_lock(mutex_, 0);
  }
  ~Waiting() { __tsan_mutex_post_lock(mutex_, 0, 0); }

 private:
  void* const mutex_;
};

}  // namespace

#define SL_LOCKS(symbol, flags)                     \
  extern "C" void __real_##symbol(absl::Mutex*);    \
  extern "C" void __wrap_##symbol(absl::Mutex* m);  \
  extern "C" void __wrap_##symbol(absl::Mutex* m) { \
    __tsan_mutex_pre_lock(Address(m), flags);       \
    __real_##symbol(m);                             \
    __tsan_mutex_post_lock(Address(m), flags, 0);   \
  }
// The real one may evaluate the conditions that others wait for; what happens between "pre" and
// "post" is not looked at.
#define SL_UNLOCKS(symbol, flags)                   \
  extern "C" void __real_##symbol(absl::Mutex*);    \
  extern "C" void __wrap_##symbol(absl::Mutex* m);  \
  extern "C" void __wrap_##symbol(absl::Mutex* m) { \
    __tsan_mutex_pre_unlock(Address(m), flags);     \
    __real_##symbol(m);                             \
    __tsan_mutex_post_unlock(Address(m), flags);    \
  }
#define SL_TRIES(symbol)                                                                     \
  extern "C" bool __real_##symbol(absl::Mutex*);                                             \
  extern "C" bool __wrap_##symbol(absl::Mutex* m);                                           \
  extern "C" bool __wrap_##symbol(absl::Mutex* m) {                                          \
    __tsan_mutex_pre_lock(Address(m), __tsan_mutex_try_lock);                                \
    const bool locked = __real_##symbol(m);                                                  \
    __tsan_mutex_post_lock(                                                                  \
        Address(m), __tsan_mutex_try_lock | (locked ? 0 : __tsan_mutex_try_lock_failed), 0); \
    return locked;                                                                           \
  }
#define SL_WAITS(symbol)                                                      \
  extern "C" void __real_##symbol(absl::Mutex*, const absl::Condition&);      \
  extern "C" void __wrap_##symbol(absl::Mutex* m, const absl::Condition& c);  \
  extern "C" void __wrap_##symbol(absl::Mutex* m, const absl::Condition& c) { \
    const Waiting waiting(m);                                                 \
    __real_##symbol(m, c);                                                    \
  }
#define SL_WAITS_UNTIL(symbol, Until)                                                  \
  extern "C" bool __real_##symbol(absl::Mutex*, const absl::Condition&, Until);        \
  extern "C" bool __wrap_##symbol(absl::Mutex* m, const absl::Condition& c, Until u);  \
  extern "C" bool __wrap_##symbol(absl::Mutex* m, const absl::Condition& c, Until u) { \
    const Waiting waiting(m);                                                          \
    return __real_##symbol(m, c, u);                                                   \
  }

SL_LOCKS(_ZN4absl7debian35Mutex4LockEv, 0)
SL_LOCKS(_ZN4absl7debian35Mutex10ReaderLockEv, __tsan_mutex_read_lock)
SL_UNLOCKS(_ZN4absl7debian35Mutex6UnlockEv, 0)
SL_UNLOCKS(_ZN4absl7debian35Mutex12ReaderUnlockEv, __tsan_mutex_read_lock)
SL_TRIES(_ZN4absl7debian35Mutex7TryLockEv)
SL_WAITS(_ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE)
SL_WAITS_UNTIL(_ZN4absl7debian35Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE,
               absl::Duration)
SL_WAITS_UNTIL(_ZN4absl7debian35Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE, absl::Time)

// Condition variables give their mutex up while they wait.
extern "C" {
void __real__ZN4absl7debian37CondVar4WaitEPNS0_5MutexE(absl::CondVar*, absl::Mutex*);
void __wrap__ZN4absl7debian37CondVar4WaitEPNS0_5MutexE(absl::CondVar* v, absl::Mutex* m) {
  const Waiting waiting(m);
  __real__ZN4absl7debian37CondVar4WaitEPNS0_5MutexE(v, m);
}
bool __real__ZN4absl7debian37CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE(absl::CondVar*,
                                                                                 absl::Mutex*,
                                                                                 absl::Duration);
bool __wrap__ZN4absl7debian37CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE(absl::CondVar* v,
                                                                                 absl::Mutex* m,
                                                                                 absl::Duration d) {
  const Waiting waiting(m);
  return __real__ZN4absl7debian37CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE(v, m, d);
}
bool __real__ZN4absl7debian37CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE(absl::CondVar*,
                                                                              absl::Mutex*,
                                                                              absl::Time);
bool __wrap__ZN4absl7debian37CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE(absl::CondVar* v,
                                                                              absl::Mutex* m,
                                                                              absl::Time t) {
  const Waiting waiting(m);
  return __real__ZN4absl7debian37CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE(v, m, t);
}

// A notification is a mutex and a flag; HasBeenNotified reads the flag in our own, instrumented
// code.
void __real__ZN4absl7debian312Notification6NotifyEv(absl::Notification*);
void __wrap__ZN4absl7debian312Notification6NotifyEv(absl::Notification* n) {
  __tsan_release(reinterpret_cast<char*>(n) + sizeof(absl::Mutex));
  __real__ZN4absl7debian312Notification6NotifyEv(n);
}
void __real__ZNK4absl7debian312Notification19WaitForNotificationEv(const absl::Notification*);
void __wrap__ZNK4absl7debian312Notification19WaitForNotificationEv(const absl::Notification* n) {
  __real__ZNK4absl7debian312Notification19WaitForNotificationEv(n);
  __tsan_acquire(static_cast<char*>(Address(n)) + sizeof(absl::Mutex));
}
bool __real__ZNK4absl7debian312Notification30WaitForNotificationWithTimeoutENS0_8DurationE(
    const absl::Notification*, absl::Duration);
bool __wrap__ZNK4absl7debian312Notification30WaitForNotificationWithTimeoutENS0_8DurationE(
    const absl::Notification* n, absl::Duration d) {
  const bool notified =
      __real__ZNK4absl7debian312Notification30WaitForNotificationWithTimeoutENS0_8DurationE(n, d);
  if (notified) __tsan_acquire(static_cast<char*>(Address(n)) + sizeof(absl::Mutex));
  return notified;
}
bool __real__ZNK4absl7debian312Notification31WaitForNotificationWithDeadlineENS0_4TimeE(
    const absl::Notification*, absl::Time);
bool __wrap__ZNK4absl7debian312Notification31WaitForNotificationWithDeadlineENS0_4TimeE(
    const absl::Notification* n, absl::Time t) {
  const bool notified =
      __real__ZNK4absl7debian312Notification31WaitForNotificationWithDeadlineENS0_4TimeE(n, t);
  if (notified) __tsan_acquire(static_cast<char*>(Address(n)) + sizeof(absl::Mutex));
  return notified;
}
}
