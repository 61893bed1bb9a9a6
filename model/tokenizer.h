#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline::model {

// The byte-level BPE tokenizer of a checkpoint. Immutable; any thread.
//
// Text goes in as: added tokens cut out (Encode only), the rest normalised to NFC, split by the
// checkpoint's pattern, and each word's bytes merged by rank. Time is O(n log n) in the text's
// bytes whatever the text.
class Tokenizer {
 public:
  // Reads tokenizer.json, or vocab.json, merges.txt and tokenizer_config.json, from a checkpoint
  // folder. kNotFound: none of them; kFailedPrecondition, naming the fault: malformed, of a kind
  // not supported, or hostile (over a million merges, a pattern that backtracks without bound, a
  // missing byte).
  static absl::StatusOr<std::unique_ptr<Tokenizer>> Open(const std::string& folder);
  // The same from the text of a tokenizer.json.
  static absl::StatusOr<std::unique_ptr<Tokenizer>> FromJson(absl::string_view tokenizer_json);
  // The same from the texts of the three older files; `config_json` may be empty.
  static absl::StatusOr<std::unique_ptr<Tokenizer>> FromVocabAndMerges(
      absl::string_view vocab_json, absl::string_view merges_txt, absl::string_view config_json);

  ~Tokenizer();
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  // Ids of `text`; the added tokens' spellings become their ids. Only for text of our own making.
  // kInvalidArgument: not UTF-8.
  absl::StatusOr<std::vector<int32_t>> Encode(absl::string_view text) const;

  // Ids of `text` where every byte is data: never an added token's id, even where one is spelt out.
  absl::StatusOr<std::vector<int32_t>> EncodePlain(absl::string_view text) const;

  // Ill-formed bytes become U+FFFD; ids that name no token give nothing. `skip_special` leaves out
  // the tokens flagged special, and no others.
  std::string Decode(std::span<const int32_t> ids, bool skip_special) const;

  // The id of the added token, else of the base token, whose text is exactly `token`.
  std::optional<int32_t> Find(absl::string_view token) const;

  // The bytes `id` stands for; empty when it names no token. May be a part of a UTF-8 character.
  absl::string_view Bytes(int32_t id) const;
  bool IsAdded(int32_t id) const;
  bool IsSpecial(int32_t id) const;
  // One more than the largest id.
  int32_t size() const;

  // What a TemplateProcessing post-processor puts around every text; usually empty. Not done by
  // Encode.
  const std::vector<int32_t>& prefix() const;
  const std::vector<int32_t>& suffix() const;

 private:
  class Impl;
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  const std::unique_ptr<const Impl> impl_;
};

// Turns ids into text one at a time, giving out whole UTF-8 characters only. One thread.
class StreamDecoder {
 public:
  // `tokenizer` is borrowed and outlives this.
  StreamDecoder(const Tokenizer& tokenizer, bool skip_special)
      : tokenizer_(tokenizer), skip_special_(skip_special) {}

  // The text that became complete with `id`, often empty. All pieces joined, with Finish last,
  // equal Tokenizer::Decode of all ids.
  std::string Push(int32_t id);
  // What was kept back; an unfinished character becomes U+FFFD.
  std::string Finish();

 private:
  const Tokenizer& tokenizer_;
  const bool skip_special_;
  std::string pending_;
};

}  // namespace sightline::model
