#include "services/query/leaving_tokens.h"

#include <algorithm>

namespace sightline::query {
namespace {

v1::TokenLogprob ToProto(const model::TokenLogprob& token) {
  v1::TokenLogprob out;
  out.set_id(token.id);
  out.set_bytes(token.bytes);
  out.set_logprob(token.logprob);
  return out;
}

}  // namespace

v1::TokenLogprobs ToProto(const model::TokenLogprobs& token) {
  v1::TokenLogprobs out;
  *out.mutable_chosen() = ToProto(token.chosen);
  for (const model::TokenLogprob& likely : token.top) *out.add_top() = ToProto(likely);
  return out;
}

void LeavingTokens::Push(const model::TextPiece& piece) {
  if (changed_) return;
  written_.append(piece.text.data(), piece.text.size());
  for (const model::TokenLogprobs& token : piece.logprobs) {
    if (token.begin < token.end) waiting_.push_back(token);
  }
}

void LeavingTokens::Leave(absl::string_view text) {
  if (changed_) return;
  const auto differs = std::mismatch(text.begin(), text.end(), written_.begin(), written_.end());
  const auto same = static_cast<size_t>(differs.first - text.begin());
  written_.erase(0, same);
  left_ += same;
  changed_ = same < text.size();
}

std::vector<v1::TokenLogprobs> LeavingTokens::Take(bool whole) {
  std::vector<v1::TokenLogprobs> out;
  // Where the text goes on otherwise than it was written, a cut token tells what stood there.
  const bool cut = whole && !changed_ && written_.empty();
  while (!waiting_.empty() &&
         (waiting_.front().end <= left_ || (cut && waiting_.front().begin < left_))) {
    out.push_back(ToProto(waiting_.front()));
    waiting_.pop_front();
  }
  if (changed_ || whole) waiting_.clear();
  return out;
}

}  // namespace sightline::query
