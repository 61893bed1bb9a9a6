#pragma once

// What the tests of formats share: texts written at random under a format's masks.

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/text_format.h"
#include "model/token_trie.h"
#include "model/tokenizer.h"

namespace sightline::testing {

// A vocabulary with its tree and its end tokens.
struct Vocabulary {
  std::unique_ptr<model::Tokenizer> tokenizer;
  std::shared_ptr<const model::TokenTrie> trie;
  int32_t logits = 0;  // how many a network would give
  int32_t end = 0;
};

// That of tiny-dense.
const Vocabulary& TinyVocabulary();
// The published one of 151,643 tokens, where the whole reference set is; else null.
const Vocabulary* FullVocabulary();

// A format made ready for a vocabulary.
absl::StatusOr<std::shared_ptr<model::FormatMasks>> MasksFor(const model::TextFormat& format,
                                                             const Vocabulary& vocabulary);

struct Written {
  std::string text;
  int64_t tokens = 0;
  std::string fault;  // empty = none: a step without a token, or an end where the text is not whole
};

// Writes a text of at most `budget` tokens, each the one with the largest of random logits.
// `masked` off leaves the constraint out, to see a check fail.
Written WriteAtRandom(const std::shared_ptr<model::FormatMasks>& masks,
                      const Vocabulary& vocabulary, int64_t budget, std::mt19937_64& random,
                      bool masked = true);

// True when the masks let `text` through token by token, cut as the tokenizer cuts it, and let it
// end.
bool LetsThrough(const std::shared_ptr<model::FormatMasks>& masks, const Vocabulary& vocabulary,
                 const std::string& text);

}  // namespace sightline::testing
