#include "ingest/member_filer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "ingest/failure.h"
#include "ingest/members.h"
#include "ingest/pipeline.h"

namespace sightline::ingest {
namespace {

// A member is asked for as the whole is, but for the type: that hint is the whole's.
JobOptions OptionsOf(const JobOptions& whole, const index::Document& member) {
  JobOptions options = whole;
  options.media_type.clear();
  options.content_hash = member.content_hash;
  return options;
}

}  // namespace

bool IsSearchable(const absl::StatusOr<index::Document>& document) {
  return document.ok() && (document->state == index::DocumentState::kIndexed ||
                           document->state == index::DocumentState::kPartial);
}

absl::Status NothingRead(const index::Document& document) {
  const index::PageFailure& first = document.failures.front();
  const std::string message = first.page == 0 ? first.message
                                              : absl::StrCat("no page could be read; page ",
                                                             first.page, ": ", first.message);
  return WithReason(absl::InvalidArgumentError(message), first.reason);
}

std::string MemberFiler::Fingerprint(const index::Document& member) const {
  return PipelineFingerprint(options_, collection_, OptionsOf(running_.queued.options, member),
                             member.source, media_settings_, generator_);
}

absl::StatusOr<bool> MemberFiler::Holds(std::span<const std::string> /*path*/,
                                        const index::Document& member) {
  const auto stored = corpus_.GetDocument(member.collection, member.id);
  index::Job job;
  job.source = member.source;
  // Of one with members of its own they have to be looked at.
  return stored.ok() && !MayHaveMembers(stored->media_type) &&
         IsUnchanged(*stored, job, OptionsOf(running_.queued.options, member), Fingerprint(member));
}

absl::Status MemberFiler::Put(std::span<const std::string> /*path*/, const index::Document& member,
                              absl::StatusOr<index::DocumentWrite> write) {
  absl::Status status = write.status();
  index::DocumentWrite failed;
  failed.document = member;
  if (write.ok() && write->document.state == index::DocumentState::kFailed) {
    status = NothingRead(write->document);
    failed.document = write->document;
  }
  if (status.ok()) return Store(member, *std::move(write));
  // As with files: an earlier version that can be searched stays, with what is in it.
  const auto stored = corpus_.GetDocument(member.collection, member.id);
  if (stored.ok() && MayHaveMembers(stored->media_type)) is_complete_ = false;
  if (IsSearchable(stored)) return status;
  failed.document.state = index::DocumentState::kFailed;
  if (failed.document.failures.empty()) failed.document.failures = {FailureOf(0, status)};
  SL_RETURN_IF_ERROR(Store(member, std::move(failed)));
  return status;
}

absl::Status MemberFiler::Store(const index::Document& member, index::DocumentWrite write) {
  write.document.pipeline_fingerprint = Fingerprint(member);
  if (!queue_.BeginStore(running_)) return absl::CancelledError("told to end");
  absl::Status status;
  {
    StageClock::Work work(shared_.commit);
    const auto stored = corpus_.PutDocument(std::move(write));
    if (stored.ok()) work.Done(1, stored->bytes);
    status = stored.status();
  }
  queue_.EndStore(running_, /*settled=*/false);
  return status;
}

}  // namespace sightline::ingest
