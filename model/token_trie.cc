#include "model/token_trie.h"

#include <algorithm>
#include <utility>

namespace sightline::model {
namespace {

// A token longer than this would not be found in any text one writes.
constexpr size_t kMaxBytes = 4096;

}  // namespace

TokenTrie::TokenTrie(const Tokenizer& tokenizer, int32_t vocab_size)
    : tokenizer_(tokenizer), vocab_size_(std::min(vocab_size, tokenizer.size())) {
  std::vector<std::pair<absl::string_view, int32_t>> tokens;
  for (int32_t id = 0; id < vocab_size_; ++id) {
    const absl::string_view bytes = Bytes(id);
    if (!bytes.empty() && bytes.size() <= kMaxBytes) tokens.emplace_back(bytes, id);
  }
  std::sort(tokens.begin(), tokens.end());
  std::vector<int32_t> path;  // nodes of the token before
  absl::string_view before;
  const auto close = [&](size_t depth) {
    for (; path.size() > depth; path.pop_back()) {
      nodes_[path.back()].skip = static_cast<int32_t>(nodes_.size());
    }
  };
  for (const auto& [bytes, id] : tokens) {
    const auto [end, unused] =
        std::mismatch(bytes.begin(), bytes.end(), before.begin(), before.end());
    const auto common = static_cast<size_t>(end - bytes.begin());
    close(common);
    for (size_t i = common; i < bytes.size(); ++i) {
      path.push_back(static_cast<int32_t>(nodes_.size()));
      Node node;
      node.depth = static_cast<uint16_t>(i + 1);
      node.byte = static_cast<uint8_t>(bytes[i]);
      nodes_.push_back(node);
    }
    nodes_[path.back()].token = id;
    depth_ = std::max(depth_, static_cast<int>(bytes.size()));
    before = bytes;
  }
  close(0);
}

absl::string_view TokenTrie::Bytes(int32_t token) const {
  if (token < 0 || token >= vocab_size_) return {};
  if (tokenizer_.IsAdded(token) || tokenizer_.IsSpecial(token)) return {};
  return tokenizer_.Bytes(token);
}

}  // namespace sightline::model
