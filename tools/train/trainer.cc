#include "tools/train/trainer.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status.h"
#include "model/safetensors.h"
#include "model/write_adapter.h"

namespace sightline::train {
namespace {

constexpr double kAverageDecay = 0.99;  // a step
constexpr int kPassesAhead = 3;         // of each maker
constexpr uint64_t kFirstFactors = 1;   // seed of an adapter's first numbers
constexpr char kTrainingFile[] = "training.safetensors";
constexpr char kStepFile[] = "state.json";  // beside exported weights: the step they are of
constexpr char kWeightsFile[] = "model.safetensors";
constexpr char kConfigFile[] = "config.json";
// What stands beside the weights and goes with them.
constexpr const char* kCopiedFiles[] = {"generation_config.json", "preprocessor_config.json",
                                        "tokenizer.json", "tokenizer_config.json",
                                        "video_preprocessor_config.json"};

// A tensor as it is to stand in a file; it keeps the bytes.
struct Stored {
  std::string name;
  at::Tensor tensor;  // contiguous, on the CPU

  model::TensorView View() const {
    model::TensorView view;
    view.name = name;
    view.dtype = tensor.scalar_type() == at::kBFloat16 ? model::DType::kBF16 : model::DType::kF32;
    view.shape = tensor.sizes().vec();
    view.bytes = absl::string_view(static_cast<const char*>(tensor.data_ptr()), tensor.nbytes());
    return view;
  }
};

absl::Status WriteTensors(const std::string& path, const std::vector<Stored>& tensors,
                          const std::map<std::string, std::string>& metadata = {}) {
  std::vector<model::TensorView> views;
  for (const Stored& tensor : tensors) views.push_back(tensor.View());
  return model::WriteSafetensors(path, views, metadata);
}

// What a parameter is stored as, and under which ending of its name.
constexpr std::pair<const char*, at::Tensor Parameter::*> kStoredParts[] = {
    {"", &Parameter::value},
    {".first", &Parameter::first},
    {".second", &Parameter::second},
    {".average", &Parameter::average}};

// Where pass `index` of a run stands in its lessons: evenly spread, so that each lesson gets its
// share of every few steps (multiples of the golden ratio).
Lesson LessonOf(const Phase& phase, uint64_t index) {
  double total = 0;
  for (const double share : phase.shares) total += share;
  const double turns = static_cast<double>(index) * 0.6180339887498949;
  double at = (turns - std::floor(turns)) * total;
  int last = 0;
  for (int lesson = 0; lesson < kLessons; ++lesson) {
    if (phase.shares[lesson] <= 0) continue;
    last = lesson;
    at -= phase.shares[lesson];
    if (at < 0) break;
  }
  return static_cast<Lesson>(last);
}

void StartMoments(Parameter& parameter) {
  parameter.first = at::zeros_like(parameter.value);
  parameter.average = parameter.value.clone();
  if (!UsesMuon(parameter.name, parameter.value)) {
    parameter.second = at::zeros_like(parameter.value);
  }
}

// Whether an adapter changes this weight: a matrix of one of the text model's layers.
bool IsAdapted(const model::NamedTensor& weight) {
  return weight.tensor.dim() == 2 && absl::StrContains(weight.name, "language_model.layers.");
}

}  // namespace

void LessonSums::Add(const LossReport& report) {
  loss += report.loss.item<double>();
  right += report.right;
  counted += report.counted;
  whole += static_cast<double>(std::count(report.each.begin(), report.each.end(), true));
  samples += static_cast<double>(report.each.size());
  ++passes;
}

void LessonSums::Add(const LessonSums& other) {
  loss += other.loss;
  right += other.right;
  counted += other.counted;
  whole += other.whole;
  samples += other.samples;
  passes += other.passes;
}

absl::StatusOr<std::unique_ptr<Trainer>> Trainer::Open(const TrainerOptions& options) {
  std::unique_ptr<Trainer> trainer(new Trainer());
  trainer->options_ = options;
  SL_ASSIGN_OR_RETURN(trainer->files_, ModelFiles::Open(options.folder));
  SL_ASSIGN_OR_RETURN(std::shared_ptr<const model::CheckpointWeights> weights,
                      model::CheckpointWeights::Open(options.folder));
  const model::ModelConfig& config = trainer->files_->config().model;
  if (config.quantization.method != model::QuantizationConfig().method || config.text.num_experts) {
    return absl::FailedPreconditionError("only dense checkpoints of plain floats can be trained");
  }
  SL_ASSIGN_OR_RETURN(model::NetworkTypes types,
                      model::ResolveTypes(options.device, options.dtype, options.dtype, 0));
  types.compute = types.weights;
  types.trainable = true;
  trainer->memory_ = {.type = types.weights, .pinned = types.device.is_cuda()};
  at::set_num_threads(1);  // the workers are the threads
  for (int w = 0; w < options.workers; ++w) {
    Worker& worker = trainer->workers_.emplace_back();
    SL_ASSIGN_OR_RETURN(worker.network, model::Network::Load(config, weights, types));
    worker.sums.resize(kLessons);
    for (const model::NamedTensor& tensor : worker.network->trainable) {
      worker.gradients.push_back(at::zeros(
          tensor.tensor.sizes(), tensor.tensor.options().dtype(at::kFloat).requires_grad(false)));
    }
  }
  SL_RETURN_IF_ERROR(trainer->TakeWeights(weights));
  if (options.adapter_rank > 0 && trainer->adapted_.empty()) {
    return absl::FailedPreconditionError("no matrix that an adapter could change");
  }
  SL_RETURN_IF_ERROR(trainer->RestoreState());
  return trainer;
}

absl::Status Trainer::TakeWeights(const std::shared_ptr<const model::CheckpointWeights>& weights) {
  const std::vector<model::NamedTensor>& trainable = workers_.front().network->trainable;
  for (size_t place = 0; place < trainable.size(); ++place) {
    const model::NamedTensor& tensor = trainable[place];
    Parameter parameter;
    parameter.name = tensor.name;
    SL_ASSIGN_OR_RETURN(const at::Tensor view,
                        model::ViewStored(*weights->Find(tensor.name), weights));
    parameter.value =
        view.to(tensor.tensor.device(), at::kFloat, /*non_blocking=*/false, /*copy=*/true);
    if (options_.adapter_rank == 0) {
      StartMoments(parameter);
      parameters_.push_back(std::move(parameter));
    } else if (IsAdapted(tensor)) {
      AddFactors(place, parameter);
    } else {
      for (Worker& worker : workers_) {
        at::Tensor still = worker.network->trainable[place].tensor;
        still.set_requires_grad(false);
      }
    }
  }
  return absl::OkStatus();
}

void Trainer::AddFactors(size_t place, const Parameter& matrix) {
  const int64_t out = matrix.value.size(0), in = matrix.value.size(1);
  const std::string root =
      absl::StrCat("base_model.model.", absl::StripSuffix(matrix.name, ".weight"));
  Parameter a, b;
  a.name = root + ".lora_A.weight";
  b.name = root + ".lora_B.weight";
  // As PEFT begins: A uniform between -1 / sqrt(in) and 1 / sqrt(in), B zero, so that nothing is
  // changed yet.
  at::Generator random = at::detail::createCPUGenerator(kFirstFactors + place);
  a.value = at::empty({options_.adapter_rank, in}, at::kFloat)
                .uniform_(-1, 1, random)
                .div_(std::sqrt(static_cast<double>(in)))
                .to(matrix.value.device());
  b.value = at::zeros({out, options_.adapter_rank}, matrix.value.options());
  StartMoments(a);
  StartMoments(b);
  parameters_.push_back(std::move(a));
  parameters_.push_back(std::move(b));
  adapted_.push_back({place, matrix.value});
}

absl::Status Trainer::RestoreState() {
  const auto opened =
      model::SafetensorsFile::Open(absl::StrCat(options_.folder, "/", kTrainingFile));
  if (absl::IsNotFound(opened.status())) {
    // A run that begins, or goes on from exported weights.
    const absl::StatusOr<std::string> text =
        ReadFile(absl::StrCat(options_.folder, "/", kStepFile));
    if (absl::IsNotFound(text.status())) return absl::OkStatus();
    SL_RETURN_IF_ERROR(text.status());
    SL_ASSIGN_OR_RETURN(step_, CatchStatus(kStepFile, [&]() -> absl::StatusOr<int64_t> {
                          return nlohmann::json::parse(*text).at("step").get<int64_t>();
                        }));
    return absl::OkStatus();
  }
  SL_RETURN_IF_ERROR(opened.status());
  const model::SafetensorsFile& file = **opened;
  const auto step = file.metadata().find("step");
  if (step == file.metadata().end() || !absl::SimpleAtoi(step->second, &step_)) {
    return absl::FailedPreconditionError(absl::StrCat(kTrainingFile, ": no step"));
  }
  for (Parameter& parameter : parameters_) {
    for (const auto& [ending, part] : kStoredParts) {
      at::Tensor& tensor = parameter.*part;
      if (!tensor.defined()) continue;
      const model::TensorView* const stored = file.Find(absl::StrCat(parameter.name, ending));
      if (stored == nullptr || stored->shape != tensor.sizes().vec()) {
        return absl::FailedPreconditionError(
            absl::StrCat(kTrainingFile, ": no ", parameter.name, ending, " of the right shape"));
      }
      SL_ASSIGN_OR_RETURN(const at::Tensor view, model::ViewStored(*stored, nullptr));
      tensor.copy_(view);
    }
  }
  return absl::OkStatus();
}

absl::Status Trainer::OnWorkers(const std::function<absl::Status(int number)>& run) {
  std::vector<absl::Status> statuses(workers_.size());
  std::vector<std::thread> threads;
  for (size_t w = 1; w < workers_.size(); ++w) {
    threads.emplace_back([&, w] { statuses[w] = run(static_cast<int>(w)); });
  }
  statuses[0] = run(0);
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& status : statuses) SL_RETURN_IF_ERROR(status);
  return absl::OkStatus();
}

void Trainer::GiveWeights(at::Tensor Parameter::* which) {
  const c10::NoGradGuard no_grad;
  for (size_t i = 0; i < adapted_.size(); ++i) {
    const at::Tensor weight =
        at::addmm(adapted_[i].base, parameters_[2 * i + 1].*which, parameters_[2 * i].*which);
    for (Worker& worker : workers_) {
      worker.network->trainable[adapted_[i].place].tensor.copy_(weight);
    }
  }
  if (options_.adapter_rank > 0) return;
  for (Worker& worker : workers_) {
    for (size_t i = 0; i < parameters_.size(); ++i) {
      worker.network->trainable[i].tensor.copy_(parameters_[i].*which);
    }
  }
}

uint64_t Trainer::PassNumber(const Curriculum& curriculum, int round, int worker) const {
  return (static_cast<uint64_t>(step_) * curriculum.rounds + round) *
             static_cast<uint64_t>(options_.workers) +
         static_cast<uint64_t>(worker);
}

absl::StatusOr<PassSamples> Trainer::Make(const Curriculum& curriculum, uint64_t number) const {
  const auto step =
      static_cast<int64_t>(number / (static_cast<uint64_t>(curriculum.rounds) * options_.workers));
  demo_world::Random random = demo_world::Random(curriculum.seed).Fork(number + 1);
  const SampleMaker samples(*files_, /*evaluation=*/false);
  return CatchStatus("samples", [&] {
    return MakePass(*files_, samples, curriculum, LessonOf(curriculum.At(step), number), memory_,
                    random);
  });
}

absl::Status Trainer::WorkerStep(const Curriculum& curriculum, int number) {
  at::set_num_threads(1);
  Worker& worker = workers_[number];
  for (at::Tensor& gradient : worker.gradients) gradient.zero_();
  for (int round = 0; round < curriculum.rounds; ++round) {
    const uint64_t pass_number = PassNumber(curriculum, round, number);
    SL_ASSIGN_OR_RETURN(const PassSamples pass, queue_ == nullptr ? Make(curriculum, pass_number)
                                                                  : queue_->Take(pass_number));
    SL_RETURN_IF_ERROR(CatchStatus("training", [&]() -> absl::Status {
      const LossReport report = PassLoss(*worker.network, *files_, pass);
      Balanced(report.loss, curriculum.balance).backward();
      const c10::NoGradGuard no_grad;
      for (size_t i = 0; i < worker.gradients.size(); ++i) {
        at::Tensor& gradient = worker.network->trainable[i].tensor.mutable_grad();
        if (!gradient.defined()) continue;  // a lesson without pictures
        worker.gradients[i].add_(gradient);
        gradient.reset();
      }
      worker.sums[static_cast<int>(pass.lesson)].Add(report);
      return absl::OkStatus();
    }));
  }
  return absl::OkStatus();
}

at::Tensor Trainer::GradientAt(size_t place, double passes) const {
  at::Tensor sum = workers_.front().gradients[place];
  for (size_t w = 1; w < workers_.size(); ++w) sum = sum.add(workers_[w].gradients[place]);
  return sum.div(passes);
}

absl::Status Trainer::Advance(const Curriculum& curriculum) {
  if (options_.makers > 0 && queue_ == nullptr) {
    queue_ = std::make_unique<PassQueue>(
        PassNumber(curriculum, 0, 0), options_.makers, kPassesAhead * options_.makers,
        [this, curriculum](uint64_t number) { return Make(curriculum, number); });
  }
  GiveWeights(&Parameter::value);
  SL_RETURN_IF_ERROR(OnWorkers([&](int number) { return WorkerStep(curriculum, number); }));

  return CatchStatus("optimizer", [&]() -> absl::Status {
    const c10::NoGradGuard no_grad;
    const double passes = static_cast<double>(options_.workers) * curriculum.rounds;
    if (options_.adapter_rank == 0) {
      for (size_t i = 0; i < parameters_.size(); ++i) {
        parameters_[i].gradient = GradientAt(i, passes);
      }
    }
    for (size_t i = 0; i < adapted_.size(); ++i) {
      Parameter &a = parameters_[2 * i], &b = parameters_[2 * i + 1];
      const at::Tensor gradient = GradientAt(adapted_[i].place, passes);
      a.gradient = at::mm(b.value.t(), gradient);
      b.gradient = at::mm(gradient, a.value.t());
    }
    OptimizerOptions options;
    options.rate = curriculum.RateAt(step_);
    options.weight_decay = curriculum.weight_decay;
    gradient_ = Step(parameters_, options, step_ + 1, options_.workers);
    if (!std::isfinite(gradient_)) {
      return absl::InternalError(
          absl::StrCat("step ", step_, ": a gradient is not finite; nothing was changed"));
    }
    // Younger runs forget faster: their first weights are worth nothing.
    const double forget = std::max(1 - kAverageDecay, 10.0 / (static_cast<double>(step_) + 10.0));
    for (Parameter& parameter : parameters_) parameter.average.lerp_(parameter.value, forget);
    ++step_;
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<LessonSums>> Trainer::Validate(const Curriculum& curriculum,
                                                          int passes) {
  GiveWeights(&Parameter::average);
  const SampleMaker samples(*files_, /*evaluation=*/true);
  std::vector<std::vector<LessonSums>> sums(options_.workers, std::vector<LessonSums>(kLessons));
  SL_RETURN_IF_ERROR(OnWorkers([&](int number) -> absl::Status {
    at::set_num_threads(1);
    const c10::NoGradGuard no_grad;
    for (int i = number; i < kLessons * passes; i += options_.workers) {
      demo_world::Random random = demo_world::Random(curriculum.seed).Fork(i + 1);
      const int lesson = i % kLessons;
      SL_RETURN_IF_ERROR(CatchStatus("validating", [&]() -> absl::Status {
        SL_ASSIGN_OR_RETURN(
            const PassSamples pass,
            MakePass(*files_, samples, curriculum, static_cast<Lesson>(lesson), memory_, random));
        sums[number][lesson].Add(PassLoss(*workers_[number].network, *files_, pass));
        return absl::OkStatus();
      }));
    }
    return absl::OkStatus();
  }));
  std::vector<LessonSums> out(kLessons);
  for (const std::vector<LessonSums>& own : sums) {
    for (int lesson = 0; lesson < kLessons; ++lesson) out[lesson].Add(own[lesson]);
  }
  return out;
}

std::vector<LessonSums> Trainer::TakeSums() {
  std::vector<LessonSums> out(kLessons);
  for (Worker& worker : workers_) {
    for (int lesson = 0; lesson < kLessons; ++lesson) out[lesson].Add(worker.sums[lesson]);
    worker.sums.assign(kLessons, {});
  }
  return out;
}

absl::Status Trainer::Save() const {
  std::vector<Stored> tensors;
  for (const Parameter& parameter : parameters_) {
    for (const auto& [ending, part] : kStoredParts) {
      const at::Tensor& tensor = parameter.*part;
      if (tensor.defined()) tensors.push_back({parameter.name + ending, tensor.to(at::kCPU)});
    }
  }
  return WriteTensors(absl::StrCat(options_.folder, "/", kTrainingFile), tensors,
                      {{"step", absl::StrCat(step_)}});
}

absl::Status Trainer::ExportAdapter(const std::string& folder) const {
  if (!parameters_[1].average.any().item<bool>()) {  // B begins with zeros
    return absl::FailedPreconditionError(
        absl::StrCat(options_.folder, ": the adapter was not trained yet"));
  }
  std::vector<model::AdapterLayer> layers;
  for (size_t i = 0; i < adapted_.size(); ++i) {
    const std::string& weight = workers_.front().network->trainable[adapted_[i].place].name;
    layers.push_back({std::string(absl::StripSuffix(weight, ".weight")), parameters_[2 * i].average,
                      parameters_[2 * i + 1].average});
  }
  return CatchStatus("export", [&] {
    return model::WriteAdapter(folder, options_.folder, layers, /*bfloat16=*/true);
  });
}

absl::Status Trainer::Export(const std::string& folder) const {
  if (options_.adapter_rank > 0) return ExportAdapter(folder);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return absl::UnavailableError(absl::StrCat(folder, ": ", error.message()));
  for (const char* name : kCopiedFiles) {
    SL_ASSIGN_OR_RETURN(const std::string content,
                        ReadFile(absl::StrCat(options_.folder, "/", name)));
    SL_RETURN_IF_ERROR(WriteFileAtomic(absl::StrCat(folder, "/", name), content));
  }
  SL_ASSIGN_OR_RETURN(std::string config,
                      ReadFile(absl::StrCat(options_.folder, "/", kConfigFile)));
  absl::StrReplaceAll({{"\"float32\"", "\"bfloat16\""}}, &config);
  SL_RETURN_IF_ERROR(WriteFileAtomic(absl::StrCat(folder, "/", kConfigFile), config));
  std::vector<Stored> tensors;
  for (const Parameter& parameter : parameters_) {
    tensors.push_back({parameter.name, parameter.average.to(at::kCPU, at::kBFloat16).contiguous()});
  }
  SL_RETURN_IF_ERROR(WriteTensors(absl::StrCat(folder, "/", kWeightsFile), tensors));
  return WriteFileAtomic(absl::StrCat(folder, "/", kStepFile),
                         absl::StrCat("{\"step\": ", step_, "}\n"));
}

}  // namespace sightline::train
