#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/network.h"
#include "tools/train/curriculum.h"
#include "tools/train/losses.h"
#include "tools/train/model_files.h"
#include "tools/train/optimizer.h"
#include "tools/train/passes.h"
#include "tools/train/samples.h"

namespace sightline::train {

struct TrainerOptions {
  std::string folder;             // the run's: holds checkpoint, optimizer state, learning curve
  std::string device = "cpu";     // or cuda:N
  std::string dtype = "float32";  // of the network's own numbers: float32 or bfloat16
  int workers = 1;  // networks that share a step's work, one thread each; part of what
                    // a seed stands for
  int makers = 0;   // threads that make samples ahead; 0: each worker makes its own
  // Above 0 the weights stay, and an adapter of this rank is trained beside the matrices of the
  // text model's layers (Hu and others, "LoRA: Low-Rank Adaptation of Large Language Models",
  // 2021).
  int adapter_rank = 0;
};

// Of the passes of one lesson.
struct LessonSums {
  double loss = 0;  // sum over passes
  double right = 0, counted = 0;
  double whole = 0, samples = 0;
  int passes = 0;

  void Add(const LossReport& report);
  void Add(const LessonSums& other);
};

// Trains a checkpoint through the network of model/. The weights are kept in float32; each worker
// runs a copy of them. The same seed, curriculum and workers give the same weights on the CPU,
// interrupted or not; on a GPU the same samples, but its sums do not come in the same order each
// time. One thread.
class Trainer {
 public:
  // Takes up the run in options.folder where it was left: a folder with a checkpoint and, after the
  // first Save, training.safetensors; or a copy of what Export wrote. Errors of
  // the files' readers; kFailedPrecondition: a checkpoint that cannot be trained.
  static absl::StatusOr<std::unique_ptr<Trainer>> Open(const TrainerOptions& options);

  int64_t step() const { return step_; }

  // One step of the curriculum, the same at every call.
  absl::Status Advance(const Curriculum& curriculum);

  // Passes of each lesson over worlds that are never trained on, with the mean of the weights over
  // the last steps; changes nothing.
  absl::StatusOr<std::vector<LessonSums>> Validate(const Curriculum& curriculum, int passes);

  std::vector<LessonSums> TakeSums();
  double gradient() const { return gradient_; }  // length in the last step, before clipping

  // Weights, their means, the optimizer's state and the step, in one file atomically: a run that is
  // killed goes on from the last one. The checkpoint it began with stays as it is.
  absl::Status Save() const;

  // The mean of the weights over the last steps, in bfloat16, with the checkpoint's other files.
  // `folder` is made where it is missing. A copy of it is a run that can be gone on with; its
  // momentum begins anew. With adapter_rank the adapter alone, which is no run; kFailedPrecondition
  // where it was not trained yet.
  absl::Status Export(const std::string& folder) const;

 private:
  struct Worker {
    std::unique_ptr<model::Network> network;
    std::vector<at::Tensor> gradients;  // float32, sums of a step's passes
    std::vector<LessonSums> sums;       // by lesson
  };

  // A matrix W that stays, and stands in the networks as W + B A. A and B are the parameters 2 i
  // and 2 i + 1 of matrix i.
  struct Adapted {
    size_t place = 0;  // in Network::trainable
    at::Tensor base;   // float32, [out, in]
  };

  Trainer() = default;
  // The parameters of a run that trains the weights, or an adapter.
  absl::Status TakeWeights(const std::shared_ptr<const model::CheckpointWeights>& weights);
  void AddFactors(size_t place, const Parameter& matrix);
  // The mean gradient of the weight at `place` over a step's passes.
  at::Tensor GradientAt(size_t place, double passes) const;
  absl::Status ExportAdapter(const std::string& folder) const;
  // The weights, or their means, to every worker's network.
  void GiveWeights(at::Tensor Parameter::* which);
  // Passes are numbered through a run: by step, round and worker.
  uint64_t PassNumber(const Curriculum& curriculum, int round, int worker) const;
  absl::StatusOr<PassSamples> Make(const Curriculum& curriculum, uint64_t number) const;
  absl::Status WorkerStep(const Curriculum& curriculum, int number);
  // Calls run(number) for every worker, each on a thread of its own, and returns the first fault.
  absl::Status OnWorkers(const std::function<absl::Status(int number)>& run);
  absl::Status RestoreState();

  TrainerOptions options_;
  std::unique_ptr<ModelFiles> files_;
  std::vector<Parameter> parameters_;
  std::vector<Adapted> adapted_;  // empty: the parameters are the weights, in their order
  std::vector<Worker> workers_;
  PatchMemory memory_;
  int64_t step_ = 0;
  double gradient_ = 0;
  std::unique_ptr<PassQueue> queue_;  // null without makers
};

}  // namespace sightline::train
