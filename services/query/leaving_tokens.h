#pragma once

#include <deque>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "model/generator.h"
#include "sightline/v1/model.pb.h"

namespace sightline::query {

v1::TokenLogprobs ToProto(const model::TokenLogprobs& token);

// Lets the tokens of an answer go with its text and never before it: what is held back, masked or
// taken out of the text is not to be read from its tokens, nor what comes behind that. Not
// thread-safe.
class LeavingTokens {
 public:
  // A piece of the answer as it was written.
  void Push(const model::TextPiece& piece);
  // The next of the answer has left; at the first byte where that is not what was written the
  // tokens end.
  void Leave(absl::string_view text);
  // The tokens whose text has left by now. `whole`: nothing more leaves, so that one that was cut
  // goes too.
  std::vector<v1::TokenLogprobs> Take(bool whole);

 private:
  std::string written_;  // that has not left yet
  size_t left_ = 0;      // bytes that left as they were written
  bool changed_ = false;
  std::deque<model::TokenLogprobs> waiting_;
};

}  // namespace sightline::query
