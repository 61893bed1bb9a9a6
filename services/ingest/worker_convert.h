#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ingest/document_reader.h"
#include "ingest/ingestor.h"
#include "ingest/media/media_client.h"
#include "ingest/remote_write.h"
#include "sightline/v1/worker.pb.h"

// What a server and its workers tell each other as wire messages, and back. Any thread.
namespace sightline::services {

inline constexpr size_t kWorkerChunkBytes = 256 << 10;

// `generator`: fingerprint; see the message.
v1::Pipeline ToPipeline(const ingest::IngestOptions& options, const media::MediaOptions& media,
                        const std::string& reading, const std::string& generator);
ingest::IngestOptions ReaderOptionsFrom(const v1::Pipeline& pipeline);
// `own` says where the program is and what its children may take.
media::MediaOptions MediaOptionsFrom(const v1::Pipeline& pipeline, media::MediaOptions own);

v1::LeasedDocument ToLeased(const ingest::ReadTask& task);  // without lease and job
ingest::ReadTask ReadTaskFrom(const v1::LeasedDocument& leased);

v1::Member ToMember(std::span<const std::string> path, const index::Document& member);
ingest::RemoteMember MemberFrom(const v1::Member& member);

v1::WorkerError ToWorkerError(const absl::Status& status);
absl::Status FromWorkerError(const v1::WorkerError& error);

// Fills `header` from what was read and hands it, then the rest, to `send`, which returns false
// when nobody listens: then nothing more is sent.
void SendReport(v1::ReportHeader header, const absl::StatusOr<index::DocumentWrite>& write,
                absl::FunctionRef<bool(const v1::ReportRequest&)> send);

// Puts a report together again. One thread.
class ReportReader {
 public:
  // At most `max_picture_bytes` of pictures are taken.
  explicit ReportReader(int64_t max_picture_bytes) : max_picture_bytes_(max_picture_bytes) {}

  // kInvalidArgument: out of order, or too much.
  absl::Status Add(v1::ReportRequest part);

  // kInvalidArgument: it ended too early.
  absl::Status Finish() const;

  const v1::ReportHeader& header() const { return header_; }
  // Of the document only what a worker says of it is set; not looked at in any way. Once.
  absl::StatusOr<index::DocumentWrite> TakeWrite();

 private:
  absl::Status AddHeader(v1::ReportHeader header);
  absl::Status AddPassage(v1::ReportPassage passage);
  absl::Status AddPicture(const v1::ReportPicture& picture);
  absl::Status AddChunk(absl::string_view bytes);

  const int64_t max_picture_bytes_;
  bool has_header_ = false;
  v1::ReportHeader header_;
  index::DocumentWrite write_;
  int64_t picture_bytes_ = 0;  // announced
  int64_t missing_ = 0;        // of the last picture
  int64_t other_bytes_ = 0;    // of words and vectors
};

}  // namespace sightline::services
