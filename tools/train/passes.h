#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/train/batch.h"
#include "tools/train/curriculum.h"
#include "tools/train/losses.h"
#include "tools/train/model_files.h"
#include "tools/train/samples.h"

namespace sightline::train {

// What one run of the network forth and back takes: the samples of one lesson.
struct PassSamples {
  Lesson lesson = Lesson::kDescribe;
  Batch batch;
  std::vector<std::vector<int32_t>> targets;  // of what is written (WritingSamples)
  std::vector<int64_t> last_tokens;           // each prompt's, of what is found or judged
  std::vector<std::vector<int>> found;        // FindingSamples::wanted
  std::vector<float> judged;                  // JudgingSamples::wanted
  std::vector<int> judged_together;           // JudgingSamples::queries
};

// Draws the samples of a pass. Errors of the prompts and of the image processor. Any thread.
absl::StatusOr<PassSamples> MakePass(const ModelFiles& files, const SampleMaker& samples,
                                     const Curriculum& curriculum, Lesson lesson,
                                     const PatchMemory& memory, demo_world::Random& random);

// The loss of a pass. Throws what the tensor library throws.
LossReport PassLoss(const model::Network& network, const ModelFiles& files,
                    const PassSamples& pass);

// Passes made ahead on threads of its own, so that whoever trains need not wait for them. Which
// thread makes a pass does not change it. Any thread may take; each number is taken once.
class PassQueue {
 public:
  using Make = std::function<absl::StatusOr<PassSamples>(uint64_t number)>;

  // Makes passes from `first` on, at most `ahead` beyond the lowest that was not taken.
  PassQueue(uint64_t first, int threads, int ahead, Make make);
  ~PassQueue();  // waits for the passes that are being made
  PassQueue(const PassQueue&) = delete;
  PassQueue& operator=(const PassQueue&) = delete;

  // Waits for pass `number`, which must be within reach of the lowest that was not taken.
  absl::StatusOr<PassSamples> Take(uint64_t number);

 private:
  void Work();

  const Make make_;
  const uint64_t ahead_;
  std::mutex mutex_;
  std::condition_variable made_, taken_;
  // Those being made have no value yet.
  std::map<uint64_t, std::optional<absl::StatusOr<PassSamples>>> passes_;
  uint64_t next_;  // to be made
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sightline::train
