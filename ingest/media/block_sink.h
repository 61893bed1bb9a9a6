#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ingest/media/media_client.h"

namespace sightline::media {

// Collects the blocks of one page within bounds: text is made valid UTF-8 without control
// characters, blank blocks are dropped, and beyond a number of blocks the last one grows instead.
// Beyond a number of lines it is not known where they stand.
class BlockSink {
 public:
  explicit BlockSink(int64_t max_text_bytes) : max_text_bytes_(max_text_bytes) {}

  void Add(BlockKind kind, absl::string_view text, int heading_level = 0);
  void Add(TextBlock block);

  // More text came than may; what is beyond was dropped.
  bool overflowed() const { return overflowed_; }
  std::vector<TextBlock> Take() { return std::move(blocks_); }
  const std::vector<TextBlock>& blocks() const { return blocks_; }

 private:
  const int64_t max_text_bytes_;
  int64_t text_bytes_ = 0;
  size_t lines_ = 0;
  bool overflowed_ = false;
  std::vector<TextBlock> blocks_;
};

}  // namespace sightline::media
