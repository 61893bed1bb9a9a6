#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "ingest/media/messages.h"
#include "ingest/media/unique_fd.h"

namespace sightline::media {

// Collects one reply's worth of members: their bytes go to a memory file while they come out of the
// archive, so that none is held twice.
class MemberWriter {
 public:
  MemberWriter(const Setup& setup, const Request& request);

  // Begins a member. False, and it is noted as refused, when its name is no path; nothing is noted
  // of one that people do not see.
  bool Begin(absl::string_view name);
  // A member that has no name: the caller names it after its archive.
  void BeginUnnamed();
  // False when no more may come: of this member (it is too large) or of all.
  bool Append(absl::string_view bytes);
  // Ends the member; with a reason it was not read and has no bytes.
  void End(Reason reason);
  // Notes one that is not even begun.
  void Refuse(absl::string_view name, Reason reason, int64_t limit = 0);

  // The reply has as much as one should; go on with the next.
  bool IsFull() const;
  // All that may come out of the archive has: nothing after it is read.
  bool IsSpent() const { return spent_; }

  // `next` is that of the reply.
  Reply Finish(int next, UniqueFd& attachment);

 private:
  const Setup& setup_;
  const int64_t budget_;
  UniqueFd file_;
  bool no_memory_ = false;
  bool spent_ = false;
  int64_t written_ = 0;
  ReplyMember open_;
  Reason open_reason_ = Reason::kNone;
  Reply reply_;
};

}  // namespace sightline::media
