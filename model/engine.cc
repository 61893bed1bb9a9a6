#include "model/engine.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <deque>
#include <list>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "base/status.h"
#include "model/engine_sequence.h"
#include "model/network.h"

namespace sightline::model {
namespace {

constexpr int kParts = 3;

// What one step will run.
struct StepPlan {
  std::vector<SequenceState*> visuals;  // whose next pictures go through the tower
  std::vector<SequenceSlice> slices;    // what goes through the decoder
  int64_t generated = 0;                // of those, tokens that were generated before
};

// The threads of a network whose owner leaves the choice to us. Below this size a product is over
// before a team of threads is awake, and teams that spin while they wait take the cores from the
// rest of the server.
constexpr int64_t kLeastParametersForThreads = 50'000'000;

void SetThreads(int threads, int64_t parameters) {
  if (threads <= 0 && parameters >= kLeastParametersForThreads) return;
  if (threads <= 0) threads = 1;
  at::set_num_threads(threads);
  // OpenBLAS has a count of its own, where that is the BLAS in use. Looked up by name, as no
  // library that is linked here needs to be it: a weak symbol would be settled as absent.
  using SetBlasThreads = void (*)(int);
  const auto set_blas_threads =
      reinterpret_cast<SetBlasThreads>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"));
  if (set_blas_threads != nullptr) set_blas_threads(threads);
}

}  // namespace

class Engine::Impl {
 public:
  Impl(std::unique_ptr<const Network> network, VisionCache& cache, const EngineOptions& options)
      : network_(std::move(network)),
        runner_(*network_, cache, options.kv_type),
        options_(options),
        places_(std::make_shared<Places>()),
        thread_([this] { Run(); }) {}

  ~Impl() {
    {
      absl::MutexLock lock(&mu_);
      closing_ = true;
    }
    thread_.join();
  }

  const Network& network() const { return *network_; }
  int64_t CacheBytes(int64_t tokens) const {
    return KvCache::PagesOf(tokens) * runner_.cache_page_bytes();
  }
  absl::StatusOr<Place> TakePlace(Part part);
  absl::Status Submit(std::vector<EngineRequest> requests);
  EngineLoad load() const;

 private:
  // Outlives the engine when a caller still holds a place.
  struct Places {
    absl::Mutex mu;
    std::array<int, kParts> taken ABSL_GUARDED_BY(mu) = {};
  };
  using Sequences = std::list<std::unique_ptr<SequenceState>>;

  void Run();
  // False when the engine is closing.
  bool TakeArrivals();
  void EndUnwanted();
  StepPlan Plan();
  void PlanPrompts(Priority priority, int64_t budget, StepPlan& plan);
  bool PlanOne(SequenceState& sequence, int64_t budget, int64_t& tokens, int64_t& patches,
               StepPlan& plan);
  bool MayStart(const SequenceState& sequence) const;
  void Step(const StepPlan& plan);
  void FailAll(const StepPlan& plan, const absl::Status& status);
  void DropEnded();
  EngineLoad LoadNow() const;

  const std::unique_ptr<const Network> network_;
  const SequenceRunner runner_;
  const EngineOptions options_;
  const std::shared_ptr<Places> places_;

  mutable absl::Mutex mu_;
  EngineLoad load_ ABSL_GUARDED_BY(mu_);  // without arrivals_
  std::vector<EngineRequest> arrivals_ ABSL_GUARDED_BY(mu_);
  int64_t waiting_bytes_ ABSL_GUARDED_BY(mu_) = 0;  // of pixels of all sequences not yet ended
  bool closing_ ABSL_GUARDED_BY(mu_) = false;

  // Of the engine's thread. In order of arrival; those under way keep their place.
  Sequences sequences_;
  int64_t decoded_tokens_ = 0;

  std::thread thread_;  // last: it uses the members above
};

absl::StatusOr<Place> Engine::Impl::TakePlace(Part part) {
  const auto index = static_cast<size_t>(part);
  absl::MutexLock lock(&places_->mu);
  if (places_->taken[index] >= options_.queue_capacity) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "the model's queue is full: ", options_.queue_capacity, " calls wait; try again later"));
  }
  ++places_->taken[index];
  return Place(nullptr, [places = places_, index](void*) {
    absl::MutexLock lock(&places->mu);
    --places->taken[index];
  });
}

absl::Status Engine::Impl::Submit(std::vector<EngineRequest> requests) {
  int64_t bytes = 0;
  for (const EngineRequest& request : requests) bytes += request.input.pixel_bytes();
  absl::MutexLock lock(&mu_);
  if (closing_) return absl::UnavailableError("the model is shutting down");
  if (waiting_bytes_ > 0 && waiting_bytes_ + bytes > options_.waiting_bytes) {
    return absl::ResourceExhaustedError("too many pictures wait for the model; try again later");
  }
  waiting_bytes_ += bytes;
  for (EngineRequest& request : requests) arrivals_.push_back(std::move(request));
  return absl::OkStatus();
}

void Engine::Impl::Run() {
  const c10::InferenceMode inference;
  SetThreads(options_.threads, network_->parameters);
  while (TakeArrivals()) {
    EndUnwanted();
    const StepPlan plan = Plan();
    const absl::Status status = CatchStatus("network", [&] {
      Step(plan);
      return absl::OkStatus();
    });
    if (!status.ok()) FailAll(plan, status);
    DropEnded();
  }
  for (const auto& sequence : sequences_) {
    sequence->End(absl::UnavailableError("the model is shutting down"));
  }
  DropEnded();
}

bool Engine::Impl::TakeArrivals() {
  absl::MutexLock lock(&mu_);
  const auto awake = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return closing_ || !arrivals_.empty() || !sequences_.empty();
  };
  mu_.Await(absl::Condition(&awake));
  for (EngineRequest& request : arrivals_) {
    sequences_.push_back(std::make_unique<SequenceState>(
        std::move(request), network_->config.vision.spatial_merge_size));
  }
  arrivals_.clear();
  return !closing_;
}

void Engine::Impl::EndUnwanted() {
  const absl::Time now = absl::Now();
  for (const auto& sequence : sequences_) {
    const CallOptions& call = sequence->request().call;
    if (call.cancel != nullptr && call.cancel->HasBeenNotified()) {
      sequence->End(absl::CancelledError("cancelled by the caller"));
    } else if (now > call.deadline) {
      sequence->End(absl::DeadlineExceededError("the deadline passed before the model was done"));
    }
  }
  DropEnded();
}

StepPlan Engine::Impl::Plan() {
  StepPlan plan;
  for (const auto& sequence : sequences_) {
    if (sequence->generating()) plan.slices.push_back(sequence->NextToken());
  }
  const bool somebody_reads = !plan.slices.empty();
  const size_t decoding = plan.slices.size();
  plan.generated = static_cast<int64_t>(decoding);
  PlanPrompts(Priority::kInteractive, options_.step_tokens, plan);
  if (plan.slices.size() == decoding && plan.visuals.empty()) {
    PlanPrompts(Priority::kBulk, somebody_reads ? options_.bulk_step_tokens : options_.step_tokens,
                plan);
  }
  // Neighbours of equal length share one attention call.
  std::stable_sort(
      plan.slices.begin(), plan.slices.end(),
      [](const SequenceSlice& a, const SequenceSlice& b) { return a.count < b.count; });
  return plan;
}

void Engine::Impl::PlanPrompts(Priority priority, int64_t budget, StepPlan& plan) {
  int64_t tokens = 0;
  int64_t patches = 0;
  for (const auto& sequence : sequences_) {
    if (sequence->generating() || sequence->request().call.priority != priority) continue;
    if (!sequence->started() && !MayStart(*sequence)) continue;
    if (!PlanOne(*sequence, budget, tokens, patches, plan)) return;
  }
}

// Adds what fits of one sequence's pictures and prompt. False when the step is full.
bool Engine::Impl::PlanOne(SequenceState& sequence, int64_t budget, int64_t& tokens,
                           int64_t& patches, StepPlan& plan) {
  if (tokens >= budget) return false;
  const int64_t left = sequence.prompt_left();
  // Only a prompt that is longer than a whole step is cut: the others then need no cache.
  if (tokens > 0 && left > budget - tokens) return false;
  if (sequence.needs_vision()) {
    if (patches > 0 && patches + sequence.next_visual_patches() > options_.step_patches)
      return false;
    patches += runner_.ClaimVisuals(sequence, options_.step_patches - patches, patches == 0);
    plan.visuals.push_back(&sequence);
  }
  sequence.Start();
  // The rest of its pictures come in later steps. A prompt that is cut goes on as far as they are
  // known, so that few features wait; one that is not must wait for them all.
  const bool unfinished = sequence.needs_vision();
  if (unfinished && left <= budget) return false;
  const int64_t count = std::min({left, budget - tokens, sequence.ready_tokens()});
  if (count > 0) {
    tokens += count;
    plan.slices.push_back(sequence.NextPrompt(count));
  }
  return !unfinished;
}

bool Engine::Impl::MayStart(const SequenceState& sequence) const {
  if (sequence.request().on_logits == nullptr) return true;
  int generating = 0;
  int64_t pages = sequence.cache_pages();
  for (const auto& other : sequences_) {
    if (!other->started()) continue;
    if (other->request().on_logits != nullptr) ++generating;
    pages += other->cache_pages();
  }
  if (pages == sequence.cache_pages()) return true;
  return generating < options_.max_generating &&
         pages * runner_.cache_page_bytes() <= options_.kv_bytes;
}

void Engine::Impl::Step(const StepPlan& plan) {
  if (!plan.visuals.empty()) runner_.RunVision(plan.visuals);
  if (!plan.slices.empty()) runner_.RunDecoder(plan.slices);
  decoded_tokens_ += plan.generated;
}

// A sequence that had its end from this step already is left as it is.
void Engine::Impl::FailAll(const StepPlan& plan, const absl::Status& status) {
  for (SequenceState* sequence : plan.visuals) sequence->End(status);
  for (const SequenceSlice& slice : plan.slices) slice.sequence->End(status);
}

// Gives back what the ended ones held before their callers are told: one that then sends the next
// finds room.
void Engine::Impl::DropEnded() {
  Sequences ended;
  int64_t bytes = 0;
  for (auto it = sequences_.begin(); it != sequences_.end();) {
    const auto next = std::next(it);
    if ((*it)->ended()) {
      bytes += (*it)->pixel_bytes();
      ended.splice(ended.end(), sequences_, it);
    }
    it = next;
  }
  const EngineLoad now = LoadNow();
  {
    absl::MutexLock lock(&mu_);
    waiting_bytes_ -= bytes;
    load_ = now;
  }
  for (const auto& sequence : ended) sequence->TellEnd();
}

EngineLoad Engine::Impl::LoadNow() const {
  EngineLoad load;
  int64_t pages = 0;
  for (const auto& sequence : sequences_) {
    ++(sequence->started() ? load.running : load.waiting);
    if (sequence->started()) pages += sequence->cache_pages();
  }
  load.cache_share = static_cast<double>(pages * runner_.cache_page_bytes()) /
                     static_cast<double>(options_.kv_bytes);
  load.decoded_tokens = decoded_tokens_;
  return load;
}

EngineLoad Engine::Impl::load() const {
  absl::MutexLock lock(&mu_);
  EngineLoad load = load_;
  load.waiting += static_cast<int64_t>(arrivals_.size());
  return load;
}

Engine::Engine(std::unique_ptr<const Network> network, VisionCache& cache,
               const EngineOptions& options)
    : impl_(std::make_unique<Impl>(std::move(network), cache, options)) {}

Engine::~Engine() = default;

const Network& Engine::network() const { return impl_->network(); }

int64_t Engine::CacheBytes(int64_t tokens) const { return impl_->CacheBytes(tokens); }

absl::StatusOr<Place> Engine::TakePlace(Part part) { return impl_->TakePlace(part); }

EngineLoad Engine::load() const { return impl_->load(); }

absl::Status Engine::Submit(std::vector<EngineRequest> requests) {
  return impl_->Submit(std::move(requests));
}

}  // namespace sightline::model
