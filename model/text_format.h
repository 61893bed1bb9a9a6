#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "model/byte_grammar.h"
#include "model/generator.h"
#include "model/token_trie.h"

namespace sightline::model {

// The grammar of a format; null for none. What is understood is said in json_schema.h and regex.h.
// kInvalidArgument names the fault and its place.
absl::StatusOr<std::shared_ptr<const ByteGrammar>> CompileFormat(const TextFormat& format);

// Which tokens may follow in texts of one grammar, over one vocabulary. Made once for a format and
// shared by all texts of it: what one text has found out serves the others. Memory is bounded; what
// goes beyond is forgotten and found again. Any thread.
class FormatMasks {
 public:
  FormatMasks(std::shared_ptr<const ByteGrammar> grammar, std::shared_ptr<const TokenTrie> trie);
  ~FormatMasks();
  FormatMasks(const FormatMasks&) = delete;
  FormatMasks& operator=(const FormatMasks&) = delete;

  // Tokens the shortest text takes when each has one byte.
  int64_t MinTokens() const;

  // The constraint of one text. `end_tokens` are allowed exactly where the text is whole. Tokens
  // are only allowed while the tokens left after them suffice for the shortest completion in tokens
  // of one byte, so the text is whole at the latest when none is left. Holds `masks`.
  static std::unique_ptr<TokenConstraint> NewConstraint(std::shared_ptr<FormatMasks> masks,
                                                        std::vector<int32_t> end_tokens);

 private:
  class Impl;
  class Constraint;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace sightline::model
