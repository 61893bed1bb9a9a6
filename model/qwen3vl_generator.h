#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "model/checkpoint.h"
#include "model/generator.h"
#include "model/text_format.h"

namespace sightline::model {

// The generator of a Qwen3-VL checkpoint.
class Qwen3VlGenerator : public Generator {
 public:
  // `adapter`: of the checkpoint's, for calls that name none; null = none.
  explicit Qwen3VlGenerator(std::shared_ptr<Checkpoint> checkpoint,
                            std::shared_ptr<const Adapter> adapter = nullptr);

  const ModelInfo& info() const override { return info_; }
  absl::StatusOr<GenerateResult> Generate(const GenerateInput& input, const CallOptions& call,
                                          const OnText& on_text) override;
  absl::StatusOr<int> CountTokens(absl::string_view text) const override;
  absl::Status CheckFormat(const TextFormat& format) const override;
  bool thinks() const override;
  bool Repeats(const SamplingParams& sampling) const override;
  int ImageTokens(int width, int height) const override;

  // Generate with a prompt made elsewhere; the messages of `input` are not read. `prepare` is
  // called once, and with n > 1 a second time, when the first text has begun: pictures are then in
  // the vision cache. Both calls must give the same ids.
  using Prepare = std::function<absl::StatusOr<SequenceInput>()>;
  absl::StatusOr<GenerateResult> Continue(const Prepare& prepare, const GenerateInput& input,
                                          const CallOptions& call, const OnText& on_text);

 private:
  // The masks of a format; the kMaxFormats used last are kept with what they have found out. Null
  // for no format. kInvalidArgument as CompileFormat.
  absl::StatusOr<std::shared_ptr<FormatMasks>> MasksOf(const TextFormat& format);

  static constexpr size_t kMaxFormats = 16;
  const std::shared_ptr<Checkpoint> checkpoint_;
  const std::shared_ptr<const Adapter> adapter_;
  const ModelInfo info_;
  absl::Mutex mu_;
  std::shared_ptr<const TokenTrie> trie_ ABSL_GUARDED_BY(mu_);  // made at the first format
  // Used last in front.
  std::list<std::pair<std::string, std::shared_ptr<FormatMasks>>> formats_ ABSL_GUARDED_BY(mu_);
};

}  // namespace sightline::model
