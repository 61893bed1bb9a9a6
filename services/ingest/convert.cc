#include "services/ingest/convert.h"

#include <google/protobuf/util/json_util.h>

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/status.h"

namespace sightline::services {
namespace {

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  google::protobuf::Timestamp out;
  const int64_t seconds = absl::ToUnixSeconds(time);
  out.set_seconds(seconds);
  out.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return out;
}

v1::DocumentState ToProto(index::DocumentState state) {
  switch (state) {
    case index::DocumentState::kQueued: return v1::DOCUMENT_STATE_QUEUED;
    case index::DocumentState::kIndexed: return v1::DOCUMENT_STATE_INDEXED;
    case index::DocumentState::kPartial: return v1::DOCUMENT_STATE_PARTIAL;
    case index::DocumentState::kFailed: return v1::DOCUMENT_STATE_FAILED;
  }
  return v1::DOCUMENT_STATE_UNSPECIFIED;
}

v1::JobState ToProto(index::JobState state) {
  switch (state) {
    case index::JobState::kQueued: return v1::JOB_STATE_QUEUED;
    case index::JobState::kRunning: return v1::JOB_STATE_RUNNING;
    case index::JobState::kDone: return v1::JOB_STATE_DONE;
    case index::JobState::kFailed: return v1::JOB_STATE_FAILED;
  }
  return v1::JOB_STATE_UNSPECIFIED;
}

// The JSON printer would write both of these as something else.
absl::Status CheckValue(const google::protobuf::Value& value) {
  using google::protobuf::Value;
  switch (value.kind_case()) {
    case Value::KIND_NOT_SET: return absl::InvalidArgumentError("a value without a kind");
    case Value::kNumberValue:
      return std::isfinite(value.number_value())
                 ? absl::OkStatus()
                 : absl::InvalidArgumentError("a number that is not finite");
    case Value::kListValue:
      for (const Value& item : value.list_value().values()) SL_RETURN_IF_ERROR(CheckValue(item));
      return absl::OkStatus();
    case Value::kStructValue:
      for (const auto& [key, item] : value.struct_value().fields()) {
        SL_RETURN_IF_ERROR(Annotate(CheckValue(item), key));
      }
      return absl::OkStatus();
    default: return absl::OkStatus();
  }
}

v1::PatchVectors ToProto(index::PatchCodes codes) {
  switch (codes) {
    case index::PatchCodes::kNone: return v1::PATCH_VECTORS_UNSPECIFIED;
    case index::PatchCodes::kBinary: return v1::PATCH_VECTORS_BINARY;
    case index::PatchCodes::kInt8: return v1::PATCH_VECTORS_INT8;
  }
  return v1::PATCH_VECTORS_UNSPECIFIED;
}

v1::VectorCodes ToProto(index::VectorCodes codes) {
  switch (codes) {
    case index::VectorCodes::kFloat16: return v1::VECTOR_CODES_UNSPECIFIED;
    case index::VectorCodes::kInt8: return v1::VECTOR_CODES_INT8;
    case index::VectorCodes::kBinary: return v1::VECTOR_CODES_BINARY;
    case index::VectorCodes::kPq: return v1::VECTOR_CODES_PQ;
  }
  return v1::VECTOR_CODES_UNSPECIFIED;
}

}  // namespace

v1::Collection ToProto(const index::Collection& collection) {
  v1::Collection out;
  out.set_name(collection.name);
  out.set_model_fingerprint(collection.model_fingerprint);
  out.set_dimension(collection.dimension);
  *out.mutable_created() = ToTimestamp(collection.created);
  out.set_patch_vectors(ToProto(collection.patches));
  out.set_vectors(ToProto(collection.vectors));
  return out;
}

v1::CollectionStats ToProto(const index::CollectionStats& stats) {
  v1::CollectionStats out;
  out.set_documents(stats.documents);
  out.set_passages(stats.passages);
  out.set_vectors(stats.vectors);
  out.set_tombstones(stats.tombstones);
  out.set_sequence(stats.sequence);
  out.set_index_sequence(stats.index_sequence);
  out.set_bytes(stats.bytes);
  out.set_segments(stats.segments);
  if (stats.recall.has_value()) out.set_recall(*stats.recall);
  out.set_shadow_scans(stats.shadow_scans);
  if (stats.next_documents.has_value()) out.set_next_documents(*stats.next_documents);
  v1::CollectionBytes& parts = *out.mutable_parts();
  parts.set_records(stats.parts.records);
  parts.set_pictures(stats.parts.pictures);
  parts.set_vectors(stats.parts.vectors);
  parts.set_patches(stats.parts.patches);
  parts.set_postings(stats.parts.postings);
  parts.set_index_files(stats.parts.index_files);
  parts.set_memory_codes(stats.parts.memory_codes);
  parts.set_memory_graphs(stats.parts.memory_graphs);
  parts.set_memory_halves(stats.parts.memory_halves);
  parts.set_mapped_halves(stats.parts.mapped_halves);
  return out;
}

v1::PageFailure ToProto(const index::PageFailure& failure) {
  v1::PageFailure out;
  out.set_page(failure.page);
  out.set_reason(failure.reason);
  out.set_message(failure.message);
  return out;
}

v1::Document ToProto(const index::Document& document) {
  v1::Document out;
  out.set_document_id(document.id);
  out.set_collection(document.collection);
  out.set_source(document.source);
  out.set_media_type(document.media_type);
  out.set_content_hash(document.content_hash);
  out.set_version(document.version);
  if (auto metadata = StructFromJson(document.metadata_json); metadata.ok()) {
    *out.mutable_metadata() = *std::move(metadata);
  }
  out.set_state(ToProto(document.state));
  for (const auto& failure : document.failures) *out.add_failures() = ToProto(failure);
  out.set_bytes(document.bytes);
  out.set_pages(document.pages);
  out.set_passages(document.passages);
  *out.mutable_created() = ToTimestamp(document.created);
  *out.mutable_updated() = ToTimestamp(document.updated);
  return out;
}

v1::Job ToProto(const index::Job& job) {
  v1::Job out;
  out.set_job_id(job.id);
  out.set_collection(job.collection);
  out.set_document_id(job.document_id);
  out.set_source(job.source);
  out.set_state(ToProto(job.state));
  out.set_attempts(job.attempts);
  for (const auto& failure : job.failures) *out.add_failures() = ToProto(failure);
  *out.mutable_created() = ToTimestamp(job.created);
  *out.mutable_updated() = ToTimestamp(job.updated);
  return out;
}

v1::IngestOutcome ToProto(ingest::Outcome outcome) {
  switch (outcome) {
    case ingest::Outcome::kIndexed: return v1::INGEST_OUTCOME_INDEXED;
    case ingest::Outcome::kUnchanged: return v1::INGEST_OUTCOME_UNCHANGED;
    case ingest::Outcome::kPartial: return v1::INGEST_OUTCOME_PARTIAL;
    case ingest::Outcome::kFailed: return v1::INGEST_OUTCOME_FAILED;
  }
  return v1::INGEST_OUTCOME_UNSPECIFIED;
}

v1::Backup ToProto(const index::BackupInfo& backup) {
  v1::Backup out;
  out.set_id(backup.id);
  *out.mutable_made() = ToTimestamp(backup.made);
  out.set_bytes(backup.bytes);
  out.set_files(backup.files);
  out.set_collections(backup.collections);
  out.set_documents(backup.documents);
  return out;
}

absl::StatusOr<google::protobuf::Struct> StructFromJson(const std::string& json) {
  google::protobuf::Struct out;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &out);
  if (!status.ok()) {
    return absl::DataLossError(
        absl::StrCat("stored metadata is not a JSON object: ", status.ToString()));
  }
  return out;
}

absl::StatusOr<std::string> JsonFromStruct(const google::protobuf::Struct& fields) {
  for (const auto& [key, value] : fields.fields()) {
    SL_RETURN_IF_ERROR(Annotate(CheckValue(value), absl::StrCat("metadata: ", key)));
  }
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(fields, &json);
  if (!status.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("metadata cannot be written as JSON: ", status.ToString()));
  }
  return json;
}

absl::StatusOr<index::VectorCodes> VectorCodesFromProto(v1::VectorCodes codes) {
  switch (codes) {
    case v1::VECTOR_CODES_UNSPECIFIED: return index::VectorCodes::kFloat16;
    case v1::VECTOR_CODES_INT8: return index::VectorCodes::kInt8;
    case v1::VECTOR_CODES_BINARY: return index::VectorCodes::kBinary;
    case v1::VECTOR_CODES_PQ: return index::VectorCodes::kPq;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("there are no vectors ", static_cast<int>(codes)));
  }
}

absl::StatusOr<index::PatchCodes> PatchCodesFromProto(v1::PatchVectors vectors) {
  switch (vectors) {
    case v1::PATCH_VECTORS_UNSPECIFIED: return index::PatchCodes::kNone;
    case v1::PATCH_VECTORS_BINARY: return index::PatchCodes::kBinary;
    case v1::PATCH_VECTORS_INT8: return index::PatchCodes::kInt8;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("there are no patch vectors ", static_cast<int>(vectors)));
  }
}

absl::StatusOr<std::optional<index::JobState>> JobStateFromProto(v1::JobState state) {
  switch (state) {
    case v1::JOB_STATE_UNSPECIFIED: return std::nullopt;
    case v1::JOB_STATE_QUEUED: return index::JobState::kQueued;
    case v1::JOB_STATE_RUNNING: return index::JobState::kRunning;
    case v1::JOB_STATE_DONE: return index::JobState::kDone;
    case v1::JOB_STATE_FAILED: return index::JobState::kFailed;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("there is no job state ", static_cast<int>(state)));
  }
}

}  // namespace sightline::services
