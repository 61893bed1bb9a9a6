#include "ingest/media/member_writer.h"

#include <algorithm>
#include <utility>

#include "ingest/media/member_path.h"
#include "ingest/media/memory_file.h"

namespace sightline::media {
namespace {

// With the largest member on top, a reply stays below the size that a child may write.
constexpr int64_t kBatchBytes = int64_t{32} << 20;
constexpr int64_t kMaxMemberBytes = int64_t{192} << 20;
constexpr size_t kBatchMembers = 500;

}  // namespace

MemberWriter::MemberWriter(const Setup& setup, const Request& request)
    : setup_(setup), budget_(std::min(request.budget, setup.limits.max_unpacked_bytes)) {
  auto file = CreateMemoryFile();
  no_memory_ = !file.ok();
  if (file.ok()) file_ = *std::move(file);
}

bool MemberWriter::Begin(absl::string_view name) {
  const auto path = SafeMemberPath(name);
  if (!path.has_value()) {
    Refuse(name, Reason::kUnsafePath);
    return false;
  }
  if (IsHiddenMember(*path)) return false;
  BeginUnnamed();
  open_.path = *path;
  return true;
}

void MemberWriter::BeginUnnamed() {
  open_ = {};
  open_.offset = written_;
  open_reason_ = Reason::kNone;
}

bool MemberWriter::Append(absl::string_view bytes) {
  const auto size = static_cast<int64_t>(bytes.size());
  const int64_t most = std::min(kMaxMemberBytes, setup_.limits.max_bytes);
  if (written_ + size > budget_) {
    spent_ = true;
    open_reason_ = Reason::kInflateLimit;
    open_.limit = setup_.limits.max_unpacked_bytes;
  } else if (open_.size + size > most) {
    open_reason_ = Reason::kTooLarge;
    open_.limit = most;
  } else if (no_memory_ || !AppendToMemoryFile(file_.get(), bytes.data(), bytes.size()).ok()) {
    open_reason_ = Reason::kOutOfMemory;
    no_memory_ = true;
  } else {
    open_.size += size;
    written_ += size;
  }
  return open_reason_ == Reason::kNone;
}

void MemberWriter::End(Reason reason) {
  open_.reason = open_reason_ != Reason::kNone ? open_reason_ : reason;
  if (open_.reason != Reason::kNone) open_.size = 0;
  reply_.members.push_back(std::move(open_));
}

void MemberWriter::Refuse(absl::string_view name, Reason reason, int64_t limit) {
  reply_.members.push_back({.path = ShownMemberName(name), .reason = reason, .limit = limit});
}

bool MemberWriter::IsFull() const {
  return written_ >= kBatchBytes || reply_.members.size() >= kBatchMembers;
}

Reply MemberWriter::Finish(int next, UniqueFd& attachment) {
  if (no_memory_) return Failure(Reason::kOutOfMemory);
  if (written_ > 0) {
    if (!SealMemoryFile(file_.get()).ok()) return Failure(Reason::kOutOfMemory);
    attachment = std::move(file_);
  }
  reply_.next = next;
  return std::move(reply_);
}

}  // namespace sightline::media
