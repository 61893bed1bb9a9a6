#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline::model {

// The pattern that cuts text into the words BPE merges within. Immutable; any thread.
class Pretokenizer {
 public:
  // The pattern of every Qwen2 and Qwen3 tokenizer.
  static const char kQwenPattern[];

  // `pattern` is a PCRE-like expression in which \s means the Unicode White_Space property.
  // kFailedPrecondition: longer than 4096 bytes, does not compile, or takes more
  // than a fixed number of steps a character on probe texts, so that some text would hang.
  static absl::StatusOr<std::unique_ptr<Pretokenizer>> Create(absl::string_view pattern);
  ~Pretokenizer();
  Pretokenizer(const Pretokenizer&) = delete;
  Pretokenizer& operator=(const Pretokenizer&) = delete;

  // Calls `word` with each piece of `text`, in order; joined they are `text`. What the pattern does
  // not match is a piece of its own. `text` must be UTF-8. kInvalidArgument: the pattern ran over
  // its step limit on this text.
  absl::Status Split(absl::string_view text,
                     const std::function<void(absl::string_view word)>& word) const;

  // Steps of the pattern on `text`, for checking that they grow with its length; gives up at
  // `limit`.
  int64_t CountSteps(absl::string_view text, int64_t limit) const;

 private:
  struct Code;
  explicit Pretokenizer(std::unique_ptr<Code> code);
  const std::unique_ptr<Code> code_;
};

}  // namespace sightline::model
