#include "index/background_thread.h"

#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#include <thread>

namespace sightline::index {
namespace {

// Linux weighs a thread of nice 10 at 110 where one of nice 0 has 1024.
constexpr int kNice = 10;

}  // namespace

void RunInBackground(const std::function<void()>& body) {
  // A new thread each time: nobody but root may raise a priority again.
  std::thread thread([&] {
    // Longer turns, and no turn taken from a thread that runs. A refusal costs queries time.
    const sched_param parameters{};
    (void)pthread_setschedparam(pthread_self(), SCHED_BATCH, &parameters);
    // On Linux this is of the calling thread, and of those it starts.
    (void)setpriority(PRIO_PROCESS, 0, kNice);
    body();
  });
  thread.join();
}

int ThreadsOrAll(int threads) { return threads > 0 ? threads : omp_get_num_procs(); }

}  // namespace sightline::index
