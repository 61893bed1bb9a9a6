#include "ingest/reembedder.h"

#include <algorithm>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "base/log.h"
#include "base/status.h"
#include "ingest/embedder.h"
#include "ingest/job_options.h"
#include "ingest/pipeline.h"
#include "ingest/retry.h"
#include "ingest/shared_stages.h"

namespace sightline::ingest {
namespace {

constexpr int kDocumentsAtOnce = 100;
constexpr absl::Duration kPause = absl::Seconds(10);  // after a failure

// One collection on its way to another model.
class Crossing {
 public:
  Crossing(const IngestOptions& options, index::Collection old, index::Corpus& corpus,
           model::Encoder& encoder, media::MediaClient& media, const model::CancelFlag& cancel)
      : options_(options),
        old_(std::move(old)),
        corpus_(corpus),
        encoder_(encoder),
        media_(media),
        cancel_(cancel) {}

  absl::Status Run() {
    // No more floats than it had, nor than the model gives.
    const int dimension = std::min(old_.dimension, encoder_.dimension());
    SL_ASSIGN_OR_RETURN(next_,
                        corpus_.BeginGeneration(old_.name, encoder_.info().fingerprint, dimension));
    for (;;) {
      SL_ASSIGN_OR_RETURN(const index::CollectionState state, corpus_.State(old_.name));
      SL_RETURN_IF_ERROR(CopyMissing());
      const absl::Status switched = corpus_.SwitchGeneration(old_.name, state);
      if (!absl::IsAborted(switched)) return switched;
    }
  }

 private:
  absl::Status CopyMissing() {
    std::string token;
    do {
      SL_ASSIGN_OR_RETURN(const auto page,
                          corpus_.ListDocuments(old_.name, "", kDocumentsAtOnce, token));
      for (const index::Document& document : page.items) {
        if (cancel_->HasBeenNotified()) return absl::CancelledError("re-embedding was stopped");
        SL_ASSIGN_OR_RETURN(const bool held, corpus_.GenerationHolds(document));
        if (!held) SL_RETURN_IF_ERROR(Copy(document));
      }
      token = page.next_token;
    } while (!token.empty());
    return absl::OkStatus();
  }

  absl::Status Copy(const index::Document& document) {
    auto passages = corpus_.DocumentPassages(old_.name, document.id);
    if (absl::IsNotFound(passages.status())) return absl::OkStatus();  // deleted meanwhile
    SL_RETURN_IF_ERROR(passages.status());
    index::DocumentWrite write;
    write.document = document;
    write.document.pipeline_fingerprint = FingerprintOf(document);
    for (index::Passage& passage : *passages) {
      if (passage.token_count > 0) {
        SL_ASSIGN_OR_RETURN(passage.token_count, encoder_.CountTokens(passage.text));
      }
      write.passages.emplace_back().passage = std::move(passage);
    }
    SL_RETURN_IF_ERROR(Embed(write));
    return corpus_.PutInGeneration(std::move(write));
  }

  absl::Status Embed(index::DocumentWrite& write) {
    Retry retry(options_.max_attempts, options_.first_backoff, cancel_);
    Embedder embedder({encoder_, retry, shared_},
                      {.dimension = next_.dimension,
                       .batch_inputs = options_.batch_inputs,
                       .batch_pixels = options_.batch_pixels,
                       .patches = next_.patches != index::PatchCodes::kNone},
                      cancel_, [&](size_t slot, absl::StatusOr<Embedding> made) {
                        // One that this model refuses is found by its words alone.
                        if (!made.ok()) return;
                        write.passages[slot].vector = std::move(made->vector);
                        write.passages[slot].patches = std::move(made->patches);
                      });
    for (size_t i = 0; i < write.passages.size(); ++i) {
      SL_ASSIGN_OR_RETURN(model::EncodeInput input, InputOf(write.passages[i].passage));
      if (input.texts.empty() && input.images.empty()) continue;
      SL_RETURN_IF_ERROR(embedder.Add(i, std::move(input)));
    }
    pictures_.clear();
    return embedder.Finish();
  }

  // What DocumentBuilder embeds of a passage.
  absl::StatusOr<model::EncodeInput> InputOf(const index::Passage& passage) {
    model::EncodeInput input;
    const bool is_text =
        passage.kind == index::PassageKind::kText || passage.kind == index::PassageKind::kTable;
    if (!is_text && !passage.blob_hash.empty()) {
      SL_ASSIGN_OR_RETURN(const auto image, Picture(passage.blob_hash));
      if (image != nullptr) input.images.push_back(image);
      return input;
    }
    if (passage.text.empty()) return input;
    input.texts.push_back(is_text && !passage.heading.empty()
                              ? absl::StrCat(passage.heading, "\n", passage.text)
                              : passage.text);
    return input;
  }

  // Null: it cannot be decoded any more.
  absl::StatusOr<ImagePtr> Picture(const std::string& hash) {
    if (const auto known = pictures_.find(hash); known != pictures_.end()) return known->second;
    SL_ASSIGN_OR_RETURN(const index::Blob blob, corpus_.GetBlob(hash));
    auto decoded = media_.DecodeImage(blob.bytes, absl::InfiniteFuture(), media::Caller::kIngest);
    if (!decoded.ok() && !absl::IsInvalidArgument(decoded.status())) return decoded.status();
    ImagePtr image = decoded.ok() ? std::move(decoded->image) : nullptr;
    pictures_.clear();  // the one before is not asked for again
    pictures_[hash] = image;
    return image;
  }

  // That of a document which was read as this program reads it, so that the same file is known
  // again; else none, and the next ingest reads it anew.
  std::string FingerprintOf(const index::Document& document) const {
    const auto of = [&](const index::Collection& collection) {
      return PipelineFingerprint(options_, collection, JobOptions(), document.source,
                                 media_.settings(), nullptr);
    };
    return document.pipeline_fingerprint == of(old_) ? of(next_) : "";
  }

  const IngestOptions& options_;
  const index::Collection old_;
  index::Corpus& corpus_;
  model::Encoder& encoder_;
  media::MediaClient& media_;
  const model::CancelFlag cancel_;
  SharedStages shared_{options_, 1};
  index::Collection next_;
  std::map<std::string, ImagePtr> pictures_;
};

}  // namespace

absl::Status Reembed(const IngestOptions& options, const std::string& collection,
                     index::Corpus& corpus, model::Encoder& encoder, media::MediaClient& media,
                     const model::CancelFlag& cancel) {
  SL_ASSIGN_OR_RETURN(index::Collection old, corpus.GetCollection(collection));
  if (old.model_fingerprint == encoder.info().fingerprint) return absl::OkStatus();
  return Crossing(options, std::move(old), corpus, encoder, media, cancel).Run();
}

class Reembedder::Impl {
 public:
  Impl(const IngestOptions& options, index::Corpus& corpus, model::Encoder& encoder,
       media::MediaClient& media)
      : options_(options), corpus_(corpus), encoder_(encoder), media_(media), thread_([this] {
          Work();
        }) {}
  ~Impl() { Stop(); }

  void Stop() {
    if (!thread_.joinable()) return;
    cancel_->Notify();
    thread_.join();
  }

 private:
  void Work() {
    const auto collections = corpus_.ListCollections();
    if (!collections.ok()) return;
    for (const index::Collection& collection : *collections) {
      if (collection.model_fingerprint != encoder_.info().fingerprint) Bring(collection.name);
    }
  }

  // Until it is done, deleted, or stopped.
  void Bring(const std::string& collection) {
    log::Info("embedding a collection again, for another model", {{"collection", collection}});
    while (!cancel_->HasBeenNotified()) {
      const absl::Status status = CatchStatus("re-embedding", [&] {
        return Reembed(options_, collection, corpus_, encoder_, media_, cancel_);
      });
      if (status.ok()) {
        log::Info("the collection is of this server's model now", {{"collection", collection}});
        return;
      }
      if (absl::IsCancelled(status)) return;
      if (absl::IsNotFound(status)) {
        if (!corpus_.GetCollection(collection).ok()) return;
        continue;  // an erasure took the generation away
      }
      log::Warning("embedding a collection again failed; it goes on in a while",
                   {{"collection", collection}, {"error", status.ToString()}});
      cancel_->WaitForNotificationWithTimeout(kPause);
    }
  }

  const IngestOptions options_;
  index::Corpus& corpus_;
  model::Encoder& encoder_;
  media::MediaClient& media_;
  const model::CancelFlag cancel_ = std::make_shared<absl::Notification>();
  std::thread thread_;  // last: it uses the others
};

Reembedder::Reembedder(const IngestOptions& options, index::Corpus& corpus, model::Encoder& encoder,
                       media::MediaClient& media)
    : impl_(std::make_unique<Impl>(options, corpus, encoder, media)) {}
Reembedder::~Reembedder() = default;
void Reembedder::Stop() { impl_->Stop(); }

}  // namespace sightline::ingest
