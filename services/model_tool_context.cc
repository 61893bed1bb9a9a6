#include <unistd.h>

#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "model/bundle.h"
#include "model/checkpoint.h"
#include "nlohmann/json.hpp"
#include "services/model_tool_commands.h"

namespace sightline::services {
namespace {

using model::Checkpoint;

// A line of /proc/self/status, such as VmRSS or VmHWM, in bytes; 0 where there is none.
int64_t MemoryOf(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    const std::vector<std::string> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    int64_t kib = 0;
    if (words.size() >= 2 && words[0] == name + ":" && absl::SimpleAtoi(words[1], &kib)) {
      return kib * 1024;
    }
  }
  return 0;
}

// Makes VmHWM start anew from what is resident now.
void ForgetPeak() { std::ofstream("/proc/self/clear_refs") << "5"; }

// Grey frames of which each is a little lighter.
VideoFrames SyntheticVideo(int frames, int width, int height) {
  VideoFrames video;
  for (int i = 0; i < frames; ++i) {
    video.frames.push_back(std::make_shared<Image>(Image{
        width, height, 3, std::vector<uint8_t>(static_cast<size_t>(width) * height * 3, i % 256)}));
  }
  return video;
}

// Lengthens a text to `tokens` with words that mean nothing.
void Lengthen(model::SequenceInput& input, int64_t tokens, int64_t ordinary_tokens) {
  std::mt19937 random(1);
  const auto size = static_cast<int64_t>(input.ids.size());
  std::vector<int32_t> positions;
  for (int axis = 0; axis < 3; ++axis) {
    const auto first = input.positions.begin() + axis * size;
    positions.insert(positions.end(), first, first + size);
    for (int64_t i = size; i < tokens; ++i) {
      positions.push_back(static_cast<int32_t>(i) + input.rope_delta);
    }
  }
  input.positions = std::move(positions);
  while (static_cast<int64_t>(input.ids.size()) < tokens) {
    input.ids.push_back(static_cast<int32_t>(random() % ordinary_tokens));
  }
}

struct Run {
  double prompt_seconds = 0;
  double generate_seconds = 0;
  int generated = 0;
};

// Runs the prompt and generates, whatever comes out.
absl::StatusOr<Run> Generate(Checkpoint& checkpoint, model::SequenceInput input, int tokens) {
  Run run;
  absl::Notification done;
  absl::Status status;
  model::EngineRequest request;
  request.part = model::Part::kGenerator;
  request.input = std::move(input);
  request.max_new_tokens = tokens;
  const absl::Time start = absl::Now();
  request.on_logits = [&](std::span<float>) -> absl::StatusOr<std::optional<int32_t>> {
    const double passed = absl::ToDoubleSeconds(absl::Now() - start);
    if (run.generated++ == 0) run.prompt_seconds = passed;
    run.generate_seconds = passed - run.prompt_seconds;
    if (run.generated > tokens) return std::optional<int32_t>();
    return std::optional<int32_t>(run.generated % 64);
  };
  request.on_end = [&](absl::Status ended) {
    status = std::move(ended);
    done.Notify();
  };
  std::vector<model::EngineRequest> requests;
  requests.push_back(std::move(request));
  SL_RETURN_IF_ERROR(checkpoint.engine().Submit(std::move(requests)));
  done.WaitForNotification();
  SL_RETURN_IF_ERROR(status);
  return run;
}

}  // namespace

absl::Status ToolContextBench(const ToolOptions& options) {
  SL_ASSIGN_OR_RETURN(const model::BundleLayout layout, model::ReadBundle(options.model));
  const std::optional<model::PartLayout> part =
      layout.generator.has_value() ? layout.generator : layout.encoder;
  model::CheckpointOptions checkpoint_options;
  checkpoint_options.untrained = layout.untrained;
  checkpoint_options.max_image_pixels = layout.max_image_pixels;
  SL_ASSIGN_OR_RETURN(const std::shared_ptr<Checkpoint> checkpoint,
                      Checkpoint::Open(part.has_value() ? part->folder : options.model,
                                       options.load, checkpoint_options));

  model::Message message{"user", {std::string("What is this about?")}};
  if (options.frames > 0) {
    message.parts.insert(message.parts.begin(),
                         SyntheticVideo(options.frames, options.width, options.height));
  }
  const int64_t before = MemoryOf("VmRSS");
  ForgetPeak();
  const absl::Time start = absl::Now();
  SL_ASSIGN_OR_RETURN(
      const model::Prompt prompt,
      checkpoint->prompts().Chat({&message, 1}, model::ChatOptions(), checkpoint->context()));
  SL_ASSIGN_OR_RETURN(model::SequenceInput input, checkpoint->Prepare(prompt));
  const double prepare_seconds = absl::ToDoubleSeconds(absl::Now() - start);
  const auto picture_tokens = static_cast<int64_t>(input.visual_rows.size());
  if (options.context + options.tokens > checkpoint->context()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--context ", options.context, " and ", options.tokens,
                     " to generate are more than the model's ", checkpoint->context()));
  }
  Lengthen(input, options.context, 256);
  const auto tokens = static_cast<int64_t>(input.ids.size());
  SL_ASSIGN_OR_RETURN(const Run run, Generate(*checkpoint, std::move(input), options.tokens));

  const nlohmann::json out = {
      {"model", options.model},
      {"prompt_tokens", tokens},
      {"picture_tokens", picture_tokens},
      {"prepare_seconds", prepare_seconds},
      {"prompt_seconds", run.prompt_seconds},
      {"generated_tokens", options.tokens},
      {"generate_seconds", run.generate_seconds},
      {"kv_bytes", checkpoint->engine().CacheBytes(tokens + options.tokens)},
      {"rss_before_bytes", before},
      {"peak_rss_growth_bytes", MemoryOf("VmHWM") - before}};
  std::puts(out.dump().c_str());
  return absl::OkStatus();
}

}  // namespace sightline::services
