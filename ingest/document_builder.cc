#include "ingest/document_builder.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/hash.h"
#include "base/status.h"
#include "ingest/failure.h"
#include "ingest/job_options.h"
#include "ingest/picture_hash.h"
#include "ingest/segments.h"

namespace sightline::ingest {
namespace {

constexpr int kMaxMemberFailures = 100;
constexpr int kMaxFrameFailures = 20;
// Seconds of a scene in which nothing moves; the bit is for the rounding of times.
constexpr double kLongestSegment = 300 + 0.01;

int64_t PixelsOf(const media::EncodedImage& picture) {
  return int64_t{picture.width} * picture.height;
}

}  // namespace

DocumentBuilder::DocumentBuilder(const IngestOptions& options, VectorsWanted vectors,
                                 index::Document document, const BuilderParts& parts,
                                 model::CancelFlag cancel)
    : options_(options),
      parts_(parts),
      cancel_(cancel),
      caption_(CaptionOf(document.metadata_json)),
      count_tokens_(
          [&encoder = parts.encoder](absl::string_view text) { return encoder.CountTokens(text); }),
      embedder_({parts.encoder, parts.retry, parts.shared},
                {.dimension = vectors.dimension,
                 .batch_inputs = options.batch_inputs,
                 .batch_pixels = options.batch_pixels,
                 .patches = vectors.patches},
                std::move(cancel), [this](size_t slot, absl::StatusOr<Embedding> made) {
                  index::PassageWrite& passage = write_.passages[slot];
                  if (made.ok()) {
                    passage.vector = std::move(made->vector);
                    passage.patches = std::move(made->patches);
                  } else {
                    Fail(passage.passage.page, WithReason(made.status(), "not_encodable"));
                  }
                }) {
  write_.document = std::move(document);
}

absl::Status DocumentBuilder::OnInfo(const media::DocumentInfo& info) {
  is_picture_ = info.is_picture;
  has_pages_ = info.has_pages;
  write_.document.media_type = info.media_type;
  write_.document.pages = info.pages;
  write_.document.metadata_json = WithProperties(write_.document.metadata_json, info.properties);
  for (const absl::Status& problem : info.problems) Fail(0, problem);
  tracks_ = info.subtitles;
  return CutSubtitles();
}

absl::StatusOr<std::vector<TextPassage>> DocumentBuilder::Cut(
    std::span<const media::TextBlock> blocks, int overlap_tokens, HeadingPath& headings) {
  if (blocks.empty()) return std::vector<TextPassage>();
  StageClock::Work work(parts_.shared.tokenize);
  SL_ASSIGN_OR_RETURN(
      std::vector<TextPassage> texts,
      ChunkBlocks(blocks,
                  {.passage_tokens = options_.passage_tokens, .overlap_tokens = overlap_tokens},
                  count_tokens_, headings));
  int64_t bytes = 0;
  for (const media::TextBlock& block : blocks) bytes += static_cast<int64_t>(block.text.size());
  work.Done(static_cast<int64_t>(texts.size()), bytes);
  return texts;
}

absl::Status DocumentBuilder::CutSubtitles() {
  for (const std::vector<media::TextBlock>& track : tracks_) {
    HeadingPath none;
    SL_ASSIGN_OR_RETURN(std::vector<TextPassage> texts, Cut(track, options_.overlap_tokens, none));
    std::move(texts.begin(), texts.end(), std::back_inserter(subtitles_));
  }
  std::stable_sort(
      subtitles_.begin(), subtitles_.end(),
      [](const TextPassage& a, const TextPassage& b) { return a.time->start < b.time->start; });
  return absl::OkStatus();
}

absl::Status DocumentBuilder::OnPage(media::ExtractedPage page) {
  const int number = has_pages_ ? page.number : 0;
  ++pages_done_;
  if (!page.status.ok()) {
    Fail(number, page.status);
    return absl::OkStatus();
  }
  if (!page.partial_reason.empty()) {
    Fail(number, WithReason(absl::UnavailableError("read only in part"), page.partial_reason));
  }
  if (!page.taken.empty()) {
    write_.document.metadata_json = WithTaken(write_.document.metadata_json, page.taken);
  }
  std::string blob_hash;
  if (page.picture.has_value() && (is_picture_ || options_.embed_page_pictures)) {
    SL_ASSIGN_OR_RETURN(blob_hash, KeepPicture(number, *page.picture));
    if (!blob_hash.empty()) {
      SL_RETURN_IF_ERROR(AddPicture(number, blob_hash, *page.picture));
    }
  }
  return AddText(number, blob_hash, page.blocks);
}

absl::Status DocumentBuilder::OnFigure(media::ExtractedFigure figure) {
  const int number = has_pages_ ? figure.page : 0;
  index::Passage passage;
  passage.kind = index::PassageKind::kFigure;
  passage.page = number;
  passage.text = figure.caption;
  passage.heading = OnOneLine(figure.heading);
  model::EncodeInput input;
  if (figure.picture.has_value()) {
    SL_RETURN_IF_ERROR(embedder_.MakeRoom(PixelsOf(*figure.picture)));
    auto decoded = parts_.media.DecodeImage(figure.picture->bytes, absl::InfiniteFuture(),
                                            media::Caller::kIngest);
    if (decoded.ok()) {
      SL_ASSIGN_OR_RETURN(passage.blob_hash, KeepPicture(number, *figure.picture));
    }
    if (!passage.blob_hash.empty()) {
      passage.picture_hash = PictureHash(*decoded->image);
      input.images.push_back(decoded->image);
    }
  }
  if (passage.text.empty() && passage.blob_hash.empty()) return absl::OkStatus();
  if (input.images.empty()) input.texts.push_back(passage.text);
  return AddPassage(std::move(passage), std::move(input));
}

absl::Status DocumentBuilder::OnFrame(media::ExtractedFrame frame) {
  absl::Status status = frame.status;
  ImagePtr image;
  if (status.ok()) {
    auto decoded = parts_.media.DecodeImage(frame.picture.bytes, absl::InfiniteFuture(),
                                            media::Caller::kIngest);
    status = decoded.status();
    if (decoded.ok()) image = std::move(decoded->image);
  }
  if (!status.ok()) {
    if (++failed_frames_ <= kMaxFrameFailures) {
      Fail(0,
           WithReason(absl::Status(status.code(), absl::StrFormat("at %.1f s: %s", frame.time.start,
                                                                  status.message())),
                      ReasonOf(status)));
    }
    return absl::OkStatus();
  }
  FrameLook look = LookOf(*image);
  if (segment_.has_value() && frame.time.end - segment_->time.start <= kLongestSegment &&
      HardlyDiffer(segment_->look, look)) {
    segment_->time.end = frame.time.end;
    return absl::OkStatus();
  }
  SL_RETURN_IF_ERROR(CloseSegment());
  segment_ = {frame.time, std::move(frame.picture), std::move(image), std::move(look)};
  return absl::OkStatus();
}

absl::Status DocumentBuilder::CloseSegment() {
  if (!segment_.has_value()) return absl::OkStatus();
  const Segment segment = *std::exchange(segment_, std::nullopt);
  index::Passage passage;
  passage.kind = index::PassageKind::kVideoSegment;
  passage.start = segment.time.start;
  passage.end = segment.time.end;
  SL_ASSIGN_OR_RETURN(passage.text, SpokenIn(segment.time));
  const std::string caption =
      std::exchange(has_segment_, true) ? "" : CaptionOf(write_.document.metadata_json);
  if (!caption.empty()) {
    passage.text = absl::StrCat(caption, passage.text.empty() ? "" : "\n", passage.text);
  }
  SL_ASSIGN_OR_RETURN(passage.blob_hash, KeepPicture(0, segment.picture));
  const std::string blob_hash = passage.blob_hash;
  if (!blob_hash.empty()) {
    model::EncodeInput input;
    input.images.push_back(segment.image);
    SL_RETURN_IF_ERROR(AddPassage(std::move(passage), std::move(input)));
    // The frame as a picture of its own: its words are read where those of pictures are.
    std::vector<media::TextBlock> words;
    const absl::Status read = parts_.media.Extract(
        segment.picture.bytes, {},
        {.on_info = [](const media::DocumentInfo&) { return absl::OkStatus(); },
         .on_page =
             [&](media::ExtractedPage page) {
               words = std::move(page.blocks);
               return absl::OkStatus();
             }});
    if (read.ok()) SL_RETURN_IF_ERROR(AddText(0, blob_hash, words, segment.time));
  }
  return AddSubtitles(segment.time.end, blob_hash);
}

// At most as much as a passage may hold; of the first track alone, since the others say the same.
absl::StatusOr<std::string> DocumentBuilder::SpokenIn(const media::TimeSpan& time) {
  if (tracks_.empty()) return "";
  std::vector<media::TextBlock> spoken;
  for (const media::TextBlock& block : tracks_.front()) {
    const double middle = (block.time->start + block.time->end) / 2;
    if (middle < time.start || middle >= time.end) continue;
    spoken.push_back(block);
    spoken.back().time.reset();
  }
  HeadingPath none;
  SL_ASSIGN_OR_RETURN(const std::vector<TextPassage> texts,
                      Cut(spoken, /*overlap_tokens=*/0, none));
  return texts.empty() ? "" : texts.front().text;
}

absl::Status DocumentBuilder::AddSubtitles(double end, const std::string& blob_hash) {
  while (next_subtitle_ < subtitles_.size() && subtitles_[next_subtitle_].time->start < end) {
    SL_RETURN_IF_ERROR(AddTextPassage(std::move(subtitles_[next_subtitle_++]), 0, blob_hash));
  }
  return absl::OkStatus();
}

void DocumentBuilder::OnMember(absl::string_view path, const absl::Status& status) {
  if (status.ok()) {
    ++members_;
    return;
  }
  // A thousand bad ones are told like a hundred; what is wrong with the archive itself always is.
  if (++failed_members_ > kMaxMemberFailures && !path.empty()) return;
  Fail(0, WithReason(absl::Status(status.code(), path.empty()
                                                     ? std::string(status.message())
                                                     : absl::StrCat(path, ": ", status.message())),
                     ReasonOf(status)));
}

void DocumentBuilder::Fail(int page, const absl::Status& status) {
  write_.document.failures.push_back(FailureOf(page, status));
}

absl::StatusOr<std::string> DocumentBuilder::KeepPicture(int page,
                                                         const media::EncodedImage& picture) {
  const auto bytes = static_cast<int64_t>(picture.bytes.size());
  if (picture_bytes_ > 0 && picture_bytes_ + bytes > options_.max_picture_bytes) {
    Fail(page, WithReason(absl::ResourceExhaustedError(absl::StrCat(
                              "the document's pictures are more than ", options_.max_picture_bytes,
                              " bytes; this one was left out")),
                          "too_many_pictures"));
    return std::string();
  }
  std::string hash = ContentHash(picture.bytes);
  const bool known = std::any_of(write_.blobs.begin(), write_.blobs.end(),
                                 [&](const index::Blob& blob) { return blob.hash == hash; });
  if (known) return hash;
  picture_bytes_ += bytes;
  if (!parts_.held.TryAdd(bytes)) {
    // Pixels that wait for a full batch may be what the oldest document waits for.
    SL_RETURN_IF_ERROR(embedder_.HoldNothing());
    parts_.held.Add(bytes, cancel_);
  }
  write_.blobs.push_back({.hash = hash,
                          .bytes = picture.bytes,
                          .media_type = picture.media_type,
                          .width = picture.width,
                          .height = picture.height});
  return hash;
}

absl::Status DocumentBuilder::AddPicture(int page, const std::string& blob_hash,
                                         const media::EncodedImage& picture) {
  SL_RETURN_IF_ERROR(embedder_.MakeRoom(PixelsOf(picture)));
  auto decoded =
      parts_.media.DecodeImage(picture.bytes, absl::InfiniteFuture(), media::Caller::kIngest);
  if (!decoded.ok()) {
    Fail(page, decoded.status());
    return absl::OkStatus();
  }
  index::Passage passage;
  passage.kind = is_picture_ ? index::PassageKind::kImage : index::PassageKind::kPage;
  passage.page = page;
  passage.blob_hash = blob_hash;
  if (is_picture_) {
    passage.text = caption_;
    // Pages of one make look alike to a hash whatever stands on them.
    passage.picture_hash = PictureHash(*decoded->image);
  }
  model::EncodeInput input;
  input.images.push_back(decoded->image);
  return AddPassage(std::move(passage), std::move(input));
}

absl::Status DocumentBuilder::AddText(int page, const std::string& blob_hash,
                                      std::span<const media::TextBlock> blocks,
                                      const std::optional<media::TimeSpan>& time) {
  SL_ASSIGN_OR_RETURN(std::vector<TextPassage> texts,
                      Cut(blocks, options_.overlap_tokens, headings_));
  for (TextPassage& text : texts) {
    if (!text.time.has_value()) text.time = time;
    SL_RETURN_IF_ERROR(AddTextPassage(std::move(text), page, blob_hash));
  }
  return absl::OkStatus();
}

absl::Status DocumentBuilder::AddTextPassage(TextPassage text, int page,
                                             const std::string& blob_hash) {
  model::EncodeInput input;
  input.texts.push_back(text.heading.empty() ? text.text
                                             : absl::StrCat(text.heading, "\n", text.text));
  index::Passage passage;
  passage.kind = text.kind;
  passage.text = std::move(text.text);
  passage.heading = std::move(text.heading);
  passage.page = page;
  passage.box = text.box;
  passage.lines = std::move(text.lines);
  if (text.time.has_value()) {
    passage.start = text.time->start;
    passage.end = text.time->end;
  }
  passage.token_count = text.token_count;
  passage.ocr_confidence = text.confidence;
  passage.blob_hash = blob_hash;
  return AddPassage(std::move(passage), std::move(input));
}

absl::Status DocumentBuilder::AddPassage(index::Passage passage, model::EncodeInput input) {
  write_.passages.emplace_back().passage = std::move(passage);
  return embedder_.Add(write_.passages.size() - 1, std::move(input));
}

Progress DocumentBuilder::progress() const {
  return {.pages_done = pages_done_,
          .pages_total = write_.document.pages,
          .passages = static_cast<int>(write_.passages.size())};
}

absl::StatusOr<index::DocumentWrite> DocumentBuilder::Finish() {
  SL_RETURN_IF_ERROR(CloseSegment());
  SL_RETURN_IF_ERROR(AddSubtitles(std::numeric_limits<double>::infinity(), ""));
  SL_RETURN_IF_ERROR(embedder_.Finish());
  // What has neither a vector nor text cannot be found by anything.
  std::erase_if(write_.passages, [](const index::PassageWrite& write) {
    return write.vector.empty() && write.passage.text.empty();
  });
  int ordinal = 0;
  for (index::PassageWrite& write : write_.passages) write.passage.ordinal = ordinal++;
  index::Document& document = write_.document;
  if (document.failures.empty()) {
    document.state = index::DocumentState::kIndexed;
  } else if (!write_.passages.empty() || members_ > 0) {
    document.state = index::DocumentState::kPartial;
  } else {
    document.state = index::DocumentState::kFailed;
    write_.blobs.clear();
  }
  return std::move(write_);
}

}  // namespace sightline::ingest
