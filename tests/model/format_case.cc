#include "tests/model/format_case.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "tests/support/golden.h"

namespace sightline::testing {
namespace {

using model::TokenConstraint;

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

std::unique_ptr<Vocabulary> Open(const std::string& folder, int32_t logits) {
  auto vocabulary = std::make_unique<Vocabulary>();
  auto tokenizer = model::Tokenizer::Open(folder);
  if (!tokenizer.ok()) {
    std::fprintf(stderr, "%s\n", tokenizer.status().ToString().c_str());
    std::abort();
  }
  vocabulary->tokenizer = *std::move(tokenizer);
  vocabulary->logits = std::max(logits, vocabulary->tokenizer->size());
  vocabulary->trie = std::make_shared<model::TokenTrie>(*vocabulary->tokenizer, vocabulary->logits);
  vocabulary->end = *vocabulary->tokenizer->Find("<|im_end|>");
  return vocabulary;
}

}  // namespace

const Vocabulary& TinyVocabulary() {
  static const auto* const vocabulary = Open(GoldenPath("tiny-dense"), 0).release();
  return *vocabulary;
}

const Vocabulary* FullVocabulary() {
  static const auto* const vocabulary = [] {
    const std::optional<std::string> dir = FullGoldenDir();
    return dir ? Open(*dir + "/qwen2-vocab", 151'936).release() : nullptr;
  }();
  return vocabulary;
}

absl::StatusOr<std::shared_ptr<model::FormatMasks>> MasksFor(const model::TextFormat& format,
                                                             const Vocabulary& vocabulary) {
  SL_ASSIGN_OR_RETURN(auto grammar, model::CompileFormat(format));
  return std::make_shared<model::FormatMasks>(std::move(grammar), vocabulary.trie);
}

Written WriteAtRandom(const std::shared_ptr<model::FormatMasks>& masks,
                      const Vocabulary& vocabulary, int64_t budget, std::mt19937_64& random,
                      bool masked) {
  const auto constraint = model::FormatMasks::NewConstraint(masks, {vocabulary.end});
  std::uniform_real_distribution<float> noise(0, 1);
  Written out;
  std::vector<int32_t> ids;
  std::vector<float> drawn(static_cast<size_t>(vocabulary.logits));
  for (float& logit : drawn) logit = noise(random);
  std::vector<float> logits(drawn.size());
  while (static_cast<int64_t>(ids.size()) < budget) {
    // Turned, not drawn anew: a large vocabulary would spend its time on that.
    const auto first = drawn.begin() + static_cast<int64_t>(random() % drawn.size());
    std::rotate_copy(drawn.begin(), first, drawn.end(), logits.begin());
    // An end that is allowed is taken now and then, whatever the size of the vocabulary.
    if (random() % 8 == 0) logits[vocabulary.end] = 2;
    if (masked) constraint->Apply(ids, budget - static_cast<int64_t>(ids.size()), logits);
    const auto best = std::max_element(logits.begin(), logits.end());
    if (*best == kForbidden) {
      out.fault = "no token may follow";
      break;
    }
    const auto token = static_cast<int32_t>(best - logits.begin());
    if (token == vocabulary.end) break;
    ids.push_back(token);
    absl::StrAppend(&out.text, vocabulary.tokenizer->Bytes(token));
    if (masked && constraint->Complete(ids)) break;
  }
  out.tokens = static_cast<int64_t>(ids.size());
  return out;
}

bool LetsThrough(const std::shared_ptr<model::FormatMasks>& masks, const Vocabulary& vocabulary,
                 const std::string& text) {
  const auto constraint = model::FormatMasks::NewConstraint(masks, {vocabulary.end});
  const std::vector<int32_t> ids = *vocabulary.tokenizer->EncodePlain(text);
  for (size_t i = 0; i <= ids.size(); ++i) {
    const std::span<const int32_t> before = std::span(ids).first(i);
    if (i == ids.size() && i > 0 && constraint->Complete(before)) return true;
    std::vector<float> logits(static_cast<size_t>(vocabulary.logits));
    constraint->Apply(before, 100'000, logits);
    const int32_t next = i == ids.size() ? vocabulary.end : ids[i];
    if (logits[next] == kForbidden) return false;
  }
  return true;
}

}  // namespace sightline::testing
