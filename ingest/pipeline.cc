#include "ingest/pipeline.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/hash.h"
#include "ingest/failure.h"
#include "ingest/file_name.h"

namespace sightline::ingest {
namespace {

// Raised whenever the same file would give other passages than before: a change of the decoders, of
// the cutting, of what is embedded, or of what is kept of pictures and places.
constexpr uint64_t kPipelineVersion = 7;

}  // namespace

std::string PipelineFingerprint(const IngestOptions& options, const index::Collection& collection,
                                const JobOptions& job, const std::string& source,
                                const std::string& media_settings,
                                const model::Generator* generator) {
  Hasher hasher;
  hasher.AddNumber(kPipelineVersion)
      .AddField(collection.model_fingerprint)
      .AddNumber(static_cast<uint64_t>(collection.dimension))
      .AddNumber(static_cast<uint64_t>(options.passage_tokens))
      .AddNumber(static_cast<uint64_t>(options.overlap_tokens))
      .AddNumber(options.embed_page_pictures ? 1 : 0)
      .AddNumber(static_cast<uint64_t>(options.max_picture_bytes))
      // Among plain-text types these two decide how a file is read.
      .AddField(job.media_type)
      .AddField(Extension(source))
      .AddField(media_settings);
  if (!job.enrichment.empty()) {
    hasher.AddField(job.enrichment.extract_schema)
        .AddNumber(job.enrichment.summarize ? 1 : 0)
        .AddNumber(job.enrichment.tag ? 1 : 0)
        .AddField(generator == nullptr ? "" : generator->info().fingerprint);
  }
  return hasher.HexDigest();
}

std::string ReadingFingerprint(const IngestOptions& options, const media::MediaClient& media) {
  const media::MediaLimits& limits = media.limits();
  return Hasher()
      .AddNumber(kPipelineVersion)
      .AddNumber(static_cast<uint64_t>(options.passage_tokens))
      .AddNumber(static_cast<uint64_t>(options.overlap_tokens))
      .AddNumber(options.embed_page_pictures ? 1 : 0)
      .AddNumber(static_cast<uint64_t>(options.max_picture_bytes))
      .AddField(media.settings())
      .AddField(absl::StrJoin(
          {limits.max_bytes, limits.max_pixels, int64_t{limits.max_side}, int64_t{limits.max_pages},
           limits.max_text_bytes, int64_t{limits.max_members}, limits.max_unpacked_bytes},
          " "))
      .AddField(absl::StrCat(limits.max_aspect))
      .HexDigest();
}

std::string GeneratorFingerprint(const model::Generator* generator) {
  return generator == nullptr || generator->info().untrained ? "" : generator->info().fingerprint;
}

bool IsUnchanged(const index::Document& stored, const index::Job& job, const JobOptions& options,
                 const std::string& fingerprint) {
  if (options.force || stored.state == index::DocumentState::kFailed ||
      stored.state == index::DocumentState::kQueued) {
    return false;
  }
  const bool mendable = std::any_of(
      stored.failures.begin(), stored.failures.end(),
      [](const index::PageFailure& failure) { return IsTransientReason(failure.reason); });
  return !mendable && stored.content_hash == options.content_hash &&
         stored.pipeline_fingerprint == fingerprint && stored.source == job.source &&
         SameMetadata(stored.metadata_json, options.metadata_json,
                      {.properties = HasProperties(stored.media_type),
                       .enrichment = !options.enrichment.empty()});
}

absl::Status CheckModel(const index::Collection& collection, const model::Encoder& encoder) {
  const model::ModelInfo& info = encoder.info();
  if (collection.model_fingerprint == info.fingerprint) return absl::OkStatus();
  return WithReason(absl::FailedPreconditionError(absl::StrCat(
                        "collection ", collection.name, " holds vectors of the model ",
                        collection.model_fingerprint.substr(0, 12), ", this server runs ",
                        info.name, " (", info.fingerprint.substr(0, 12), ")")),
                    "model_mismatch");
}

}  // namespace sightline::ingest
