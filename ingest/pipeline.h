#pragma once

#include <string>

#include "absl/status/status.h"
#include "index/types.h"
#include "ingest/ingestor.h"
#include "ingest/job_options.h"
#include "ingest/media/media_client.h"
#include "model/encoder.h"
#include "model/generator.h"

// What makes passages of a file, by name. Pure functions; any thread.
namespace sightline::ingest {

// Of one job. Equal fingerprint and equal bytes give equal passages.
std::string PipelineFingerprint(const IngestOptions& options, const index::Collection& collection,
                                const JobOptions& job, const std::string& source,
                                const std::string& media_settings,
                                const model::Generator* generator);

// Of a process, without its model: two of equal fingerprint read the same file alike, down to the
// limits that refuse it.
std::string ReadingFingerprint(const IngestOptions& options, const media::MediaClient& media);

// Of the generator that can enrich; empty where there is none, or its weights are untrained.
std::string GeneratorFingerprint(const model::Generator* generator);

// True when ingesting the job would store again what `stored` holds already.
bool IsUnchanged(const index::Document& stored, const index::Job& job, const JobOptions& options,
                 const std::string& fingerprint);

// kFailedPrecondition: the collection's vectors are not of this encoder.
absl::Status CheckModel(const index::Collection& collection, const model::Encoder& encoder);

}  // namespace sightline::ingest
