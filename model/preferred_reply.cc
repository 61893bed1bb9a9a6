#include "model/preferred_reply.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace sightline::model {
namespace {

// What softmax makes of the logit of `token`.
double ShareOf(int32_t token, std::span<const float> logits) {
  const float highest = *std::max_element(logits.begin(), logits.end());
  double total = 0;
  for (const float logit : logits) total += std::exp(static_cast<double>(logit - highest));
  return std::exp(static_cast<double>(logits[token] - highest)) / total;
}

class PreferredReply final : public TokenConstraint {
 public:
  PreferredReply(std::unique_ptr<TokenConstraint> inner, std::vector<int32_t> reply, double above)
      : inner_(std::move(inner)), reply_(std::move(reply)), above_(above) {}

  int64_t MinTokens() const override { return inner_->MinTokens(); }

  void Apply(std::span<const int32_t> generated, int64_t left, std::span<float> logits) override {
    inner_->Apply(generated, left, logits);
    const size_t at = generated.size();
    if (at >= reply_.size() || static_cast<size_t>(left) < reply_.size() - at ||
        !std::equal(generated.begin(), generated.end(), reply_.begin()) ||
        static_cast<size_t>(reply_[at]) >= logits.size()) {
      return;
    }
    share_ *= ShareOf(reply_[at], logits);
    if (share_ < above_) return;
    const float kept = logits[reply_[at]];
    std::fill(logits.begin(), logits.end(), -std::numeric_limits<float>::infinity());
    logits[reply_[at]] = kept;
  }

  bool Complete(std::span<const int32_t> generated) override {
    return std::equal(generated.begin(), generated.end(), reply_.begin(), reply_.end()) ||
           inner_->Complete(generated);
  }

 private:
  const std::unique_ptr<TokenConstraint> inner_;
  const std::vector<int32_t> reply_;
  const double above_;
  double share_ = 1;  // of the reply's tokens so far
};

}  // namespace

std::unique_ptr<TokenConstraint> PreferReply(std::unique_ptr<TokenConstraint> inner,
                                             std::vector<int32_t> reply, double above) {
  return std::make_unique<PreferredReply>(std::move(inner), std::move(reply), above);
}

}  // namespace sightline::model
