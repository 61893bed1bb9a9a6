#include "tools/train/passes.h"

#include <ATen/Parallel.h>

#include <optional>
#include <utility>

#include "base/status.h"

namespace sightline::train {
namespace {

std::vector<int64_t> LastTokens(const std::vector<model::Prompt>& prompts) {
  std::vector<int64_t> out;
  for (const model::Prompt& prompt : prompts) {
    out.push_back(static_cast<int64_t>(prompt.ids.size()) - 1);
  }
  return out;
}

}  // namespace

absl::StatusOr<PassSamples> MakePass(const ModelFiles& files, const SampleMaker& samples,
                                     const Curriculum& curriculum, Lesson lesson,
                                     const PatchMemory& memory, demo_world::Random& random) {
  PassSamples pass;
  pass.lesson = lesson;
  std::vector<model::Prompt> prompts;
  switch (lesson) {
    case Lesson::kFindPhotos:
    case Lesson::kFindPages: {
      SL_ASSIGN_OR_RETURN(FindingSamples made,
                          samples.Finding(lesson, curriculum.finding_queries, random));
      prompts = std::move(made.prompts);
      pass.found = std::move(made.wanted);
      pass.last_tokens = LastTokens(prompts);
      break;
    }
    case Lesson::kJudge: {
      SL_ASSIGN_OR_RETURN(JudgingSamples made,
                          samples.Judging(curriculum.judging_pairs, curriculum.judged_claims,
                                          curriculum.judged_photos, random));
      prompts = std::move(made.prompts);
      pass.judged = std::move(made.wanted);
      pass.judged_together = std::move(made.queries);
      pass.last_tokens = LastTokens(prompts);
      break;
    }
    default: {
      SL_ASSIGN_OR_RETURN(WritingSamples made,
                          samples.Writing(lesson, curriculum.writing_tokens, random));
      prompts = std::move(made.prompts);
      pass.targets = std::move(made.targets);
    }
  }
  SL_ASSIGN_OR_RETURN(pass.batch, MakeBatch(files, prompts, memory));
  return pass;
}

LossReport PassLoss(const model::Network& network, const ModelFiles& files,
                    const PassSamples& pass) {
  const at::Tensor hidden = RunBatch(network, pass.batch);
  switch (pass.lesson) {
    case Lesson::kFindPhotos:
    case Lesson::kFindPages:
      return ContrastiveLoss(network, pass.batch, hidden, pass.last_tokens, pass.found);
    case Lesson::kJudge:
      return YesNoLoss(network, pass.batch, hidden, pass.last_tokens, pass.judged,
                       pass.judged_together, files.yes(), files.no());
    default: return NextTokenLoss(network, pass.batch, hidden, pass.targets);
  }
}

PassQueue::PassQueue(uint64_t first, int threads, int ahead, Make make)
    : make_(std::move(make)), ahead_(ahead), next_(first) {
  for (int t = 0; t < threads; ++t) threads_.emplace_back([this] { Work(); });
}

PassQueue::~PassQueue() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  taken_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

absl::StatusOr<PassSamples> PassQueue::Take(uint64_t number) {
  std::unique_lock lock(mutex_);
  made_.wait(lock, [&] {
    const auto at = passes_.find(number);
    return at != passes_.end() && at->second.has_value();
  });
  const auto at = passes_.find(number);
  absl::StatusOr<PassSamples> pass = *std::move(at->second);
  passes_.erase(at);
  lock.unlock();
  taken_.notify_all();
  return pass;
}

void PassQueue::Work() {
  at::set_num_threads(1);
  std::unique_lock lock(mutex_);
  while (true) {
    taken_.wait(
        lock, [&] { return stop_ || passes_.empty() || next_ < passes_.begin()->first + ahead_; });
    if (stop_) return;
    const uint64_t number = next_++;
    passes_[number] = std::nullopt;
    lock.unlock();
    absl::StatusOr<PassSamples> pass = make_(number);
    lock.lock();
    passes_[number] = std::move(pass);
    made_.notify_all();
  }
}

}  // namespace sightline::train
