#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/image.h"
#include "base/text_line.h"
#include "index/types.h"
#include "ingest/media/media_client.h"

namespace sightline::ingest {

struct ChunkOptions {
  int passage_tokens = 256;  // a passage holds at most, >= 16
  int overlap_tokens = 32;   // whole sentences of the passage before, at most; < passage_tokens
};

// Tokens of a text.
using TokenCounter = std::function<absl::StatusOr<int>(absl::string_view)>;

// The headings that text stands under, outermost first.
class HeadingPath {
 public:
  // A heading of `level` (1 is outermost) ends those of its level and below.
  void Enter(int level, std::string text);
  // Joined by " > "; outer ones are left out where the whole would pass 300 bytes.
  std::string Joined() const;
  // The same without the innermost.
  std::string Parents() const;

 private:
  std::string Join(size_t count) const;

  std::vector<std::pair<int, std::string>> headings_;
};

struct TextPassage {
  index::PassageKind kind = index::PassageKind::kText;  // or kTable
  std::string text;
  std::string heading;                  // of HeadingPath
  std::optional<Box> box;               // around the blocks it is taken from
  std::optional<media::TimeSpan> time;  // likewise
  std::optional<float> confidence;      // their mean, of those that were read from a picture
  std::vector<TextLine> lines;          // of the page, where they begin in `text`
  int token_count =
      0;  // of `text`; at most passage_tokens, except for a single code point above it
};

// Cuts the blocks of one page into passages, in reading order. Sentences stay whole unless one
// alone is too long (then it is cut between words, else between characters); so do tables and code,
// which are cut between lines. Each table stands alone, with the short blocks right before it in
// its heading, which those right behind it have too, and one that is cut repeats its head. A
// heading without text under it is a passage itself. Of blocks that have a time a passage ends
// where nothing is said for five seconds, after a minute, and where a time goes back. `headings`
// goes on from page to page of a document. Errors are those of `count` and of ingest/segments.h.
absl::StatusOr<std::vector<TextPassage>> ChunkBlocks(std::span<const media::TextBlock> blocks,
                                                     const ChunkOptions& options,
                                                     const TokenCounter& count,
                                                     HeadingPath& headings);

}  // namespace sightline::ingest
