#pragma once

#include <google/protobuf/struct.pb.h>

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "index/corpus.h"
#include "ingest/ingestor.h"
#include "sightline/v1/collection.pb.h"
#include "sightline/v1/ingest.pb.h"
#include "sightline/v1/maintenance.pb.h"
#include "sightline/v1/types.pb.h"

// The types of index and ingest as wire messages, and back. Pure functions; any thread.
namespace sightline::services {

v1::Collection ToProto(const index::Collection& collection);
v1::CollectionStats ToProto(const index::CollectionStats& stats);
v1::PageFailure ToProto(const index::PageFailure& failure);
// Metadata that is no JSON object is left out.
v1::Document ToProto(const index::Document& document);
v1::Job ToProto(const index::Job& job);
v1::IngestOutcome ToProto(ingest::Outcome outcome);
v1::Backup ToProto(const index::BackupInfo& backup);

// A JSON object as a Struct. kDataLoss: not a JSON object.
absl::StatusOr<google::protobuf::Struct> StructFromJson(const std::string& json);

// kInvalidArgument: a value without a kind, or a number that JSON does not have.
absl::StatusOr<std::string> JsonFromStruct(const google::protobuf::Struct& fields);

// Unspecified gives nullopt. kInvalidArgument: a number that is no state.
absl::StatusOr<index::PatchCodes> PatchCodesFromProto(v1::PatchVectors vectors);
absl::StatusOr<index::VectorCodes> VectorCodesFromProto(v1::VectorCodes codes);
absl::StatusOr<std::optional<index::JobState>> JobStateFromProto(v1::JobState state);

}  // namespace sightline::services
