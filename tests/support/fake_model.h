#pragma once

// Stand-ins for the network's weights: deterministic, exact, no torch.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "base/hash.h"
#include "model/encoder.h"
#include "model/generator.h"
#include "model/reranker.h"

namespace sightline::testing {

inline constexpr int kFakeDimension = 64;

// Hashes each lower-cased word and each picture's pixels into a direction; an input's vector is the
// normalised sum, so inputs that share words or pictures are close.
class FakeEncoder : public model::Encoder {
 public:
  FakeEncoder() {
    info_ = {.name = "fake-encoder",
             .architecture = "Fake",
             .dtype = "float32",
             .device = "cpu",
             .fingerprint = ContentHash("fake-encoder"),
             .parameters = 1,
             .context = 8192,
             .adapters = {}};
  }

  const model::ModelInfo& info() const override { return info_; }
  int dimension() const override { return kFakeDimension; }

  absl::StatusOr<std::vector<std::vector<float>>> Encode(std::span<const model::EncodeInput> inputs,
                                                         int dimension,
                                                         const model::CallOptions& call) override {
    if (dimension < 0 || dimension > kFakeDimension) {
      return absl::InvalidArgumentError("dimension out of range");
    }
    if (call.cancel != nullptr && call.cancel->HasBeenNotified()) {
      return absl::CancelledError("cancelled");
    }
    if (absl::Now() > call.deadline) return absl::DeadlineExceededError("deadline passed");
    std::vector<std::vector<float>> out;
    for (const model::EncodeInput& input : inputs) {
      std::vector<float> sum(dimension == 0 ? kFakeDimension : dimension, 0.0f);
      for (const auto& text : input.texts) {
        for (const absl::string_view word : absl::StrSplit(text, absl::ByAnyChar(" \n\t.,:;?!"))) {
          if (!word.empty()) AddDirection(absl::AsciiStrToLower(word), 1.0f, sum);
        }
      }
      for (const auto& image : input.images) {
        AddDirection(absl::string_view(reinterpret_cast<const char*>(image->pixels.data()),
                                       image->pixels.size()),
                     4.0f, sum);
      }
      float norm = 0;
      for (const float v : sum) norm += v * v;
      if (norm == 0) {
        AddDirection("NULL", 1.0f, sum);
        for (const float v : sum) norm += v * v;
      }
      for (float& v : sum) v /= std::sqrt(norm);
      out.push_back(std::move(sum));
    }
    return out;
  }

  // A cell is 32 x 32 pixels, each is a region, and it means what its pixels alone mean.
  absl::StatusOr<model::PictureRegions> EncodeRegions(const ImagePtr& picture, int dimension,
                                                      const model::CallOptions& call) override {
    model::PictureRegions out;
    out.rows = std::max(1, picture->height / kCell);
    out.columns = std::max(1, picture->width / kCell);
    for (int row = 0; row < out.rows; ++row) {
      for (int column = 0; column < out.columns; ++column) out.regions.push_back({row, column});
    }
    std::vector<model::EncodeInput> inputs(1 + out.regions.size());
    inputs[0].images = {picture};
    for (size_t i = 0; i < out.regions.size(); ++i) {
      inputs[i + 1].images = {CellsOf(*picture, out.regions[i])};
    }
    auto vectors = Encode(inputs, dimension, call);
    if (!vectors.ok()) return vectors.status();
    out.whole = vectors->front();
    out.vectors.assign(vectors->begin() + 1, vectors->end());
    return out;
  }

  absl::StatusOr<int> CountTokens(absl::string_view text) const override {
    return static_cast<int>(text.size() + 3) / 4;
  }

  static constexpr int kCell = 32;  // pixels
  static ImagePtr CellsOf(const Image& picture, const model::CellRect& cells) {
    auto out = std::make_shared<Image>();
    out->width = std::min(picture.width, cells.columns * kCell);
    out->height = std::min(picture.height, cells.rows * kCell);
    out->channels = picture.channels;
    for (int y = 0; y < out->height; ++y) {
      const size_t first =
          (size_t(cells.row * kCell + y) * picture.width + cells.column * kCell) * picture.channels;
      const auto from = picture.pixels.begin() + static_cast<std::ptrdiff_t>(first);
      out->pixels.insert(out->pixels.end(), from, from + out->width * out->channels);
    }
    return out;
  }

 private:
  static void AddDirection(absl::string_view key, float weight, std::vector<float>& sum) {
    for (size_t i = 0; i < sum.size(); ++i) {
      const uint64_t h = Hasher().AddField(key).AddNumber(i).Digest64();
      sum[i] += weight * (static_cast<float>(h >> 40) / (1 << 23) - 1.0f);
    }
  }

  model::ModelInfo info_;
};

// Scores a document by the share of the query's words it holds.
class FakeReranker : public model::Reranker {
 public:
  FakeReranker() {
    info_ = {.name = "fake-reranker",
             .architecture = "Fake",
             .dtype = "float32",
             .device = "cpu",
             .fingerprint = ContentHash("fake-reranker"),
             .parameters = 1,
             .context = 8192,
             .adapters = {}};
  }
  const model::ModelInfo& info() const override { return info_; }
  absl::StatusOr<std::vector<float>> Rerank(absl::string_view, const model::RerankItem& query,
                                            std::span<const model::RerankItem> documents,
                                            const model::CallOptions&) override {
    std::vector<float> scores;
    for (const auto& document : documents) {
      int words = 0;
      int found = 0;
      for (const auto& text : query.texts) {
        for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
          ++words;
          for (const auto& body : document.texts) {
            if (absl::AsciiStrToLower(body).find(absl::AsciiStrToLower(word)) !=
                std::string::npos) {
              ++found;
              break;
            }
          }
        }
      }
      scores.push_back(words == 0 ? 0.5f : static_cast<float>(found) / words);
    }
    return scores;
  }

 private:
  model::ModelInfo info_;
};

// Answers with a fixed text, a word at a time; honours cancel, deadline and on_text. Of several
// texts the n-th call gets the n-th, and those behind the last one the last.
class FakeGenerator : public model::Generator {
 public:
  explicit FakeGenerator(std::string answer)
      : FakeGenerator(std::vector<std::string>{std::move(answer)}) {}
  explicit FakeGenerator(std::vector<std::string> answers) : answers_(std::move(answers)) {
    info_ = {.name = "fake-generator",
             .architecture = "Fake",
             .dtype = "float32",
             .device = "cpu",
             .fingerprint = ContentHash("fake-generator"),
             .parameters = 1,
             .context = 8192,
             .adapters = {}};
  }
  const model::ModelInfo& info() const override { return info_; }

  absl::StatusOr<model::GenerateResult> Generate(const model::GenerateInput& input,
                                                 const model::CallOptions& call,
                                                 const model::OnText& on_text) override {
    std::string answer;
    {
      absl::MutexLock lock(&mu_);
      answer = answers_[std::min(inputs_.size(), answers_.size() - 1)];
      inputs_.push_back(input);
      last_adapter_ = call.adapter;
    }
    model::GenerateResult result;
    model::GenerateChoice& choice = result.choices.emplace_back();
    for (size_t at = 0; at < answer.size();) {
      if (call.cancel != nullptr && call.cancel->HasBeenNotified()) {
        return absl::CancelledError("cancelled");
      }
      if (absl::Now() > call.deadline) return absl::DeadlineExceededError("deadline passed");
      const size_t space = answer.find(' ', at);
      const size_t end = space == std::string::npos ? answer.size() : space + 1;
      const std::string piece = answer.substr(at, end - at);
      choice.text += piece;
      choice.token_ids.push_back(static_cast<int32_t>(choice.token_ids.size()));
      if (on_text != nullptr && !on_text({.text = piece})) {
        return absl::CancelledError("stopped by the caller");
      }
      at = end;
    }
    result.choices.resize(input.n, result.choices.front());
    return result;
  }
  absl::StatusOr<int> CountTokens(absl::string_view text) const override {
    return static_cast<int>(text.size() + 3) / 4;
  }
  int ImageTokens(int width, int height) const override { return (width / 32) * (height / 32); }

  model::GenerateInput last_input() const {
    absl::MutexLock lock(&mu_);
    return inputs_.empty() ? model::GenerateInput() : inputs_.back();
  }
  std::vector<model::GenerateInput> inputs() const {
    absl::MutexLock lock(&mu_);
    return inputs_;
  }
  const std::string& last_adapter() const { return last_adapter_; }

 private:
  const std::vector<std::string> answers_;
  model::ModelInfo info_;
  mutable absl::Mutex mu_;
  std::vector<model::GenerateInput> inputs_;
  std::string last_adapter_;
};

// Writes words until it is told to stop, and keeps count.
class EndlessGenerator : public FakeGenerator {
 public:
  EndlessGenerator() : FakeGenerator("") {}
  absl::StatusOr<model::GenerateResult> Generate(const model::GenerateInput&,
                                                 const model::CallOptions& call,
                                                 const model::OnText& on_text) override {
    running = true;
    const auto stop = [&] { return call.cancel->HasBeenNotified() || absl::Now() > call.deadline; };
    while (!stop() && on_text({.text = "word "})) absl::SleepFor(absl::Milliseconds(1));
    running = false;
    return absl::CancelledError("stopped");
  }
  std::atomic<bool> running{false};
};

}  // namespace sightline::testing
