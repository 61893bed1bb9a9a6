#include "services/refusing_model.h"

#include <memory>
#include <utility>

#include "services/edge/error_details.h"

namespace sightline::services {
namespace {

class RefusingEncoder : public model::Encoder {
 public:
  RefusingEncoder(std::unique_ptr<model::Encoder> encoder, absl::Status why)
      : encoder_(std::move(encoder)), why_(std::move(why)) {}
  const model::ModelInfo& info() const override { return encoder_->info(); }
  int dimension() const override { return encoder_->dimension(); }
  absl::StatusOr<std::vector<std::vector<float>>> Encode(std::span<const model::EncodeInput>, int,
                                                         const model::CallOptions&) override {
    return why_;
  }
  absl::StatusOr<model::PictureRegions> EncodeRegions(const ImagePtr&, int,
                                                      const model::CallOptions&) override {
    return why_;
  }
  absl::StatusOr<int> CountTokens(absl::string_view text) const override {
    return encoder_->CountTokens(text);
  }

 private:
  const std::unique_ptr<model::Encoder> encoder_;
  const absl::Status why_;
};

class RefusingReranker : public model::Reranker {
 public:
  RefusingReranker(std::unique_ptr<model::Reranker> reranker, absl::Status why)
      : reranker_(std::move(reranker)), why_(std::move(why)) {}
  const model::ModelInfo& info() const override { return reranker_->info(); }
  absl::StatusOr<std::vector<float>> Rerank(absl::string_view, const model::RerankItem&,
                                            std::span<const model::RerankItem>,
                                            const model::CallOptions&) override {
    return why_;
  }

 private:
  const std::unique_ptr<model::Reranker> reranker_;
  const absl::Status why_;
};

class RefusingGenerator : public model::Generator {
 public:
  RefusingGenerator(std::unique_ptr<model::Generator> generator, absl::Status why)
      : generator_(std::move(generator)), why_(std::move(why)) {}
  const model::ModelInfo& info() const override { return generator_->info(); }
  absl::StatusOr<model::GenerateResult> Generate(const model::GenerateInput&,
                                                 const model::CallOptions&,
                                                 const model::OnText&) override {
    return why_;
  }
  absl::StatusOr<int> CountTokens(absl::string_view text) const override {
    return generator_->CountTokens(text);
  }
  absl::Status CheckFormat(const model::TextFormat& format) const override {
    return generator_->CheckFormat(format);
  }
  bool thinks() const override { return generator_->thinks(); }
  bool Repeats(const model::SamplingParams& sampling) const override {
    return generator_->Repeats(sampling);
  }
  int ImageTokens(int width, int height) const override {
    return generator_->ImageTokens(width, height);
  }

 private:
  const std::unique_ptr<model::Generator> generator_;
  const absl::Status why_;
};

}  // namespace

model::LoadedModel RefusingModel(model::LoadedModel model, absl::string_view why) {
  const absl::Status status = edge::WithReason(absl::FailedPreconditionError(why), "model_drift");
  if (model.encoder != nullptr) {
    model.encoder = std::make_unique<RefusingEncoder>(std::move(model.encoder), status);
  }
  if (model.reranker != nullptr) {
    model.reranker = std::make_unique<RefusingReranker>(std::move(model.reranker), status);
  }
  if (model.generator != nullptr) {
    model.generator = std::make_unique<RefusingGenerator>(std::move(model.generator), status);
  }
  return model;
}

}  // namespace sightline::services
