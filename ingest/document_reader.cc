#include "ingest/document_reader.h"

#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status.h"
#include "index/names.h"
#include "ingest/document_builder.h"
#include "ingest/enricher.h"
#include "ingest/failure.h"
#include "ingest/file_name.h"
#include "ingest/members.h"

namespace sightline::ingest {

// One document with all that is in it.
class DocumentReader::Run {
 public:
  Run(const DocumentReader& reader, const ReadTask& task, MemberSink& sink,
      const model::CancelFlag& cancel, const std::function<void(const Progress&)>& on_progress)
      : options_(reader.options_),
        encoder_(reader.encoder_),
        media_(reader.media_),
        generator_(reader.generator_),
        shared_(reader.shared_),
        task_(task),
        sink_(sink),
        cancel_(cancel),
        on_progress_(on_progress),
        retry_(options_.max_attempts, options_.first_backoff, cancel) {}

  Reading Read(absl::string_view bytes) && {
    Reading out;
    out.write = ReadFile(task_.document, bytes);
    out.member_ids = std::move(member_ids_);
    out.is_complete = is_complete_ && limit_.ok();
    out.repeats = retry_.repeats();
    out.held = std::move(held_);
    return out;
  }

 private:
  bool at_top() const { return path_.empty(); }
  absl::StatusOr<index::DocumentWrite> ReadFile(const index::Document& document,
                                                absl::string_view bytes);
  // The status is the member's, except kCancelled and a passed limit, which end the whole.
  absl::Status ReadMember(const index::Document& parent, const media::ExtractedMember& member);
  absl::Status CheckLimits(const media::ExtractedMember& member);

  const IngestOptions& options_;
  model::Encoder& encoder_;
  media::MediaClient& media_;
  model::Generator* const generator_;
  SharedStages& shared_;
  const ReadTask& task_;
  MemberSink& sink_;
  const model::CancelFlag cancel_;
  const std::function<void(const Progress&)>& on_progress_;
  Retry retry_;
  std::unique_ptr<HeldBytes::Share> held_ = std::make_unique<HeldBytes::Share>(shared_.pictures);
  std::vector<std::string> path_;  // to the file that is being read
  // Over all members, however deep:
  int members_ = 0;
  int64_t member_bytes_ = 0;
  absl::flat_hash_set<std::string> member_ids_;
  bool is_complete_ = true;
  absl::Status limit_;  // not OK: which of the limits on all of them was passed
};

absl::StatusOr<index::DocumentWrite> DocumentReader::Run::ReadFile(const index::Document& document,
                                                                   absl::string_view bytes) {
  // The decoders are given a copy.
  held_->Add(static_cast<int64_t>(bytes.size()), cancel_);
  DocumentBuilder builder(options_, {task_.dimension, task_.patches}, document,
                          {encoder_, media_, retry_, shared_, *held_}, cancel_);
  const media::ExtractOptions extract = {.media_type_hint = at_top() ? task_.media_type : "",
                                         .file_name = FileName(document.source),
                                         .password = task_.password,
                                         .render_pages = options_.embed_page_pictures};
  const auto tell = [&]() -> absl::Status {
    if (cancel_->HasBeenNotified()) return absl::CancelledError("stopped");
    if (at_top() && on_progress_) on_progress_(builder.progress());
    return absl::OkStatus();
  };
  media::ExtractCallbacks callbacks;
  callbacks.on_info = [&](const media::DocumentInfo& info) -> absl::Status {
    SL_RETURN_IF_ERROR(builder.OnInfo(info));
    return tell();
  };
  callbacks.on_page = [&](media::ExtractedPage page) -> absl::Status {
    SL_RETURN_IF_ERROR(tell());
    SL_RETURN_IF_ERROR(builder.OnPage(std::move(page)));
    return tell();
  };
  callbacks.on_figure = [&](media::ExtractedFigure figure) -> absl::Status {
    SL_RETURN_IF_ERROR(tell());
    return builder.OnFigure(std::move(figure));
  };
  callbacks.on_frame = [&](media::ExtractedFrame frame) -> absl::Status {
    SL_RETURN_IF_ERROR(tell());
    SL_RETURN_IF_ERROR(builder.OnFrame(std::move(frame)));
    return tell();
  };
  callbacks.on_step = tell;
  callbacks.on_member = [&](media::ExtractedMember member) -> absl::Status {
    SL_RETURN_IF_ERROR(tell());
    path_.push_back(member.path);
    const absl::Status status = ReadMember(document, member);
    path_.pop_back();
    SL_RETURN_IF_ERROR(limit_);
    if (absl::IsCancelled(status)) return status;
    builder.OnMember(member.path, status);
    return tell();
  };
  const absl::Status status = media_.Extract(bytes, extract, callbacks);
  // The members that came before it are kept.
  if (at_top() && !limit_.ok()) {
    builder.OnMember("", limit_);
  } else if (!status.ok()) {
    return status;
  }
  SL_ASSIGN_OR_RETURN(index::DocumentWrite write, builder.Finish());
  // A job of before a restart may ask for what there is no generator for here.
  SL_RETURN_IF_ERROR(CheckEnrichment(task_.enrichment, generator_));
  if (!task_.enrichment.empty()) {
    SL_RETURN_IF_ERROR(Enricher(*generator_, media_).Enrich(task_.enrichment, cancel_, write));
  }
  return write;
}

absl::Status DocumentReader::Run::CheckLimits(const media::ExtractedMember& member) {
  const media::MediaLimits& limits = media_.limits();
  member_bytes_ += static_cast<int64_t>(member.bytes.size());
  if (++members_ > limits.max_members) {
    limit_ = WithReason(absl::InvalidArgumentError(
                            absl::StrCat("it holds more than ", limits.max_members, " files")),
                        "too_many_members");
  } else if (member_bytes_ > limits.max_unpacked_bytes) {
    limit_ = WithReason(absl::InvalidArgumentError(absl::StrCat(
                            "it unpacks to more than ", limits.max_unpacked_bytes, " bytes")),
                        "inflate_limit");
  }
  return limit_;
}

absl::Status DocumentReader::Run::ReadMember(const index::Document& parent,
                                             const media::ExtractedMember& member) {
  // One that cannot be read is there all the same, and so is an earlier version of it.
  if (member.path.empty()) {
    is_complete_ = false;
  } else {
    member_ids_.insert(MemberId(parent.id, member.path));
  }
  SL_RETURN_IF_ERROR(member.status);
  SL_RETURN_IF_ERROR(CheckLimits(member));
  if (path_.size() > static_cast<size_t>(kMaxNesting)) {
    return WithReason(absl::InvalidArgumentError(absl::StrCat("in more than ", kMaxNesting,
                                                              " archives, one in the other")),
                      "nested_too_deep");
  }
  SL_ASSIGN_OR_RETURN(index::Document document, MemberDocument(parent, member.path));
  document.content_hash = ContentHash(member.bytes);
  document.bytes = static_cast<int64_t>(member.bytes.size());
  SL_ASSIGN_OR_RETURN(const bool held, sink_.Holds(path_, document));
  if (held) return absl::OkStatus();
  const int64_t held_before = held_->bytes();
  const auto give_back = absl::MakeCleanup([&] { held_->ShrinkTo(held_before); });
  auto write = ReadFile(document, member.bytes);
  if (!limit_.ok() || absl::IsCancelled(write.status())) return write.status();
  return sink_.Put(path_, document, std::move(write));
}

absl::StatusOr<index::Document> MemberDocument(const index::Document& parent,
                                               absl::string_view path) {
  index::Document document;
  document.id = MemberId(parent.id, path);
  document.collection = parent.collection;
  document.source = MemberSource(parent.source, path);
  SL_RETURN_IF_ERROR(index::CheckSource(document.source));
  document.metadata_json = parent.metadata_json;
  return document;
}

Reading DocumentReader::Read(const ReadTask& task, absl::string_view bytes, MemberSink& sink,
                             const model::CancelFlag& cancel,
                             const std::function<void(const Progress&)>& on_progress) const {
  return Run(*this, task, sink, cancel, on_progress).Read(bytes);
}

}  // namespace sightline::ingest
