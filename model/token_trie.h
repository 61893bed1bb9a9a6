#pragma once

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "model/tokenizer.h"

namespace sightline::model {

// The bytes of a vocabulary's tokens as a tree, laid out so that a walk goes through memory from
// front to back. Added tokens are left out: they are marks, not text. Immutable; any thread.
class TokenTrie {
 public:
  struct Node {
    int32_t skip = 0;    // index of the first node behind this one's subtree
    int32_t token = -1;  // whose bytes end here; -1 = none
    uint16_t depth = 0;  // 1 at the outermost level
    uint8_t byte = 0;
  };

  // `tokenizer` is borrowed and outlives this; of its tokens those below `vocab_size` take part.
  TokenTrie(const Tokenizer& tokenizer, int32_t vocab_size);

  // Depth first, parents in front of their children.
  const std::vector<Node>& nodes() const { return nodes_; }
  int depth() const { return depth_; }  // of the deepest node
  int32_t vocab_size() const { return vocab_size_; }
  // Empty for tokens that are not in the tree.
  absl::string_view Bytes(int32_t token) const;

 private:
  const Tokenizer& tokenizer_;
  const int32_t vocab_size_;
  std::vector<Node> nodes_;
  int depth_ = 0;
};

}  // namespace sightline::model
