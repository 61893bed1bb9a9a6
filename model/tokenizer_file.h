#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline::model {

// What the files of a byte-level BPE tokenizer say, checked for kind and size but not yet for
// agreement.
struct TokenizerFile {
  struct AddedToken {
    int32_t id = 0;
    std::string content;
    bool special = false;
  };

  std::vector<std::pair<std::string, int32_t>> vocab;       // printable spelling, id
  std::vector<std::pair<std::string, std::string>> merges;  // printable spellings, by rank
  std::vector<AddedToken> added;
  std::string pattern;              // of the pre-tokenizer
  bool nfc = true;                  // normalise first
  std::vector<std::string> prefix;  // added tokens a TemplateProcessing step puts before every text
  std::vector<std::string> suffix;  // and after
};

// The largest id plus one, and the most merges, that are read.
inline constexpr int32_t kMaxTokenIds = 1 << 20;
inline constexpr size_t kMaxMerges = 1 << 20;

// kFailedPrecondition names the part that is malformed, too large, or of a kind not supported.
absl::StatusOr<TokenizerFile> ReadTokenizerJson(absl::string_view tokenizer_json);
// `config_json` may be empty. The pattern is Qwen's, which these files do not hold.
absl::StatusOr<TokenizerFile> ReadVocabAndMerges(absl::string_view vocab_json,
                                                 absl::string_view merges_txt,
                                                 absl::string_view config_json);

}  // namespace sightline::model
