#include "services/ingest/worker_convert.h"

#include <algorithm>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status.h"
#include "ingest/failure.h"
#include "services/ingest/convert.h"

namespace sightline::services {
namespace {

// Of one report, besides its pictures: half a million passages of usual length with vectors.
constexpr int64_t kMaxOtherBytes = int64_t{4} << 30;

// The wire begins with "unspecified" and goes on in the same order.
static_assert(static_cast<int>(index::PassageKind::kText) + 1 == v1::PASSAGE_KIND_TEXT);
static_assert(static_cast<int>(index::PassageKind::kVideoSegment) + 1 ==
              v1::PASSAGE_KIND_VIDEO_SEGMENT);
static_assert(static_cast<int>(index::DocumentState::kQueued) + 1 == v1::DOCUMENT_STATE_QUEUED);
static_assert(static_cast<int>(index::DocumentState::kFailed) + 1 == v1::DOCUMENT_STATE_FAILED);

void SetBox(const Box& box, v1::Box& out) {
  out.set_x0(box.x0);
  out.set_y0(box.y0);
  out.set_x1(box.x1);
  out.set_y1(box.y1);
}

Box BoxFrom(const v1::Box& in) { return {in.x0(), in.y0(), in.x1(), in.y1()}; }

void SetPassage(const index::PassageWrite& write, v1::ReportPassage& out) {
  const index::Passage& passage = write.passage;
  out.set_kind(static_cast<v1::PassageKind>(static_cast<int>(passage.kind) + 1));
  out.set_text(passage.text);
  out.set_heading(passage.heading);
  out.set_page(passage.page);
  if (passage.box.has_value()) SetBox(*passage.box, *out.mutable_box());
  if (passage.start.has_value()) out.set_start(*passage.start);
  if (passage.end.has_value()) out.set_end(*passage.end);
  out.set_token_count(passage.token_count);
  out.set_image_hash(passage.blob_hash);
  if (passage.picture_hash.has_value()) out.set_near_hash(*passage.picture_hash);
  if (passage.ocr_confidence.has_value()) out.set_ocr_confidence(*passage.ocr_confidence);
  for (const TextLine& line : passage.lines) {
    v1::TextLine& sent = *out.add_lines();
    sent.set_begin(line.begin);
    if (line.box.has_value()) SetBox(*line.box, *sent.mutable_box());
  }
  out.mutable_vector()->Assign(write.vector.begin(), write.vector.end());
}

index::PassageWrite PassageFrom(v1::ReportPassage in) {
  index::PassageWrite out;
  index::Passage& passage = out.passage;
  passage.kind = static_cast<index::PassageKind>(static_cast<int>(in.kind()) - 1);
  passage.text = std::move(*in.mutable_text());
  passage.heading = std::move(*in.mutable_heading());
  passage.page = in.page();
  if (in.has_box()) passage.box = BoxFrom(in.box());
  if (in.has_start()) passage.start = in.start();
  if (in.has_end()) passage.end = in.end();
  passage.token_count = in.token_count();
  passage.blob_hash = std::move(*in.mutable_image_hash());
  if (in.has_near_hash()) passage.picture_hash = in.near_hash();
  if (in.has_ocr_confidence()) passage.ocr_confidence = in.ocr_confidence();
  for (const v1::TextLine& line : in.lines()) {
    passage.lines.push_back({line.begin(), std::nullopt});
    if (line.has_box()) passage.lines.back().box = BoxFrom(line.box());
  }
  out.vector.assign(in.vector().begin(), in.vector().end());
  return out;
}

}  // namespace

v1::Pipeline ToPipeline(const ingest::IngestOptions& options, const media::MediaOptions& media,
                        const std::string& reading, const std::string& generator) {
  v1::Pipeline out;
  out.set_reading(reading);
  out.set_generator(generator);
  out.set_lease_ms(absl::ToInt64Milliseconds(options.lease));
  v1::ReadingOptions& reader = *out.mutable_reader();
  reader.set_max_attempts(options.max_attempts);
  reader.set_passage_tokens(options.passage_tokens);
  reader.set_overlap_tokens(options.overlap_tokens);
  reader.set_batch_inputs(options.batch_inputs);
  reader.set_batch_pixels(options.batch_pixels);
  reader.set_embed_page_pictures(options.embed_page_pictures);
  reader.set_max_picture_bytes(options.max_picture_bytes);
  v1::MediaSettings& settings = *out.mutable_media();
  settings.set_image_timeout_ms(absl::ToInt64Milliseconds(media.image_timeout));
  settings.set_page_timeout_ms(absl::ToInt64Milliseconds(media.page_timeout));
  settings.set_max_bytes(media.limits.max_bytes);
  settings.set_max_pixels(media.limits.max_pixels);
  settings.set_max_side(media.limits.max_side);
  settings.set_max_aspect(media.limits.max_aspect);
  settings.set_max_pages(media.limits.max_pages);
  settings.set_max_text_bytes(media.limits.max_text_bytes);
  settings.set_max_members(media.limits.max_members);
  settings.set_max_unpacked_bytes(media.limits.max_unpacked_bytes);
  settings.set_video_interval_ms(absl::ToInt64Milliseconds(media.video.interval));
  settings.set_video_max_frames(media.video.max_frames);
  settings.set_video_max_length_ms(absl::ToInt64Milliseconds(media.video.max_length));
  settings.set_video_timeout_ms(absl::ToInt64Milliseconds(media.video.timeout));
  settings.set_apply_icc(media.apply_icc);
  settings.set_ocr_languages(media.ocr_languages);
  settings.set_ocr_pictures(static_cast<int>(media.ocr_pictures));
  out.set_id(Hasher().AddBytes(out.SerializeAsString()).HexDigest());
  return out;
}

ingest::IngestOptions ReaderOptionsFrom(const v1::Pipeline& pipeline) {
  const v1::ReadingOptions& reader = pipeline.reader();
  ingest::IngestOptions out;
  out.max_attempts = reader.max_attempts();
  out.passage_tokens = reader.passage_tokens();
  out.overlap_tokens = reader.overlap_tokens();
  out.batch_inputs = reader.batch_inputs();
  out.batch_pixels = reader.batch_pixels();
  out.embed_page_pictures = reader.embed_page_pictures();
  out.max_picture_bytes = reader.max_picture_bytes();
  return out;
}

media::MediaOptions MediaOptionsFrom(const v1::Pipeline& pipeline, media::MediaOptions own) {
  const v1::MediaSettings& settings = pipeline.media();
  own.image_timeout = absl::Milliseconds(settings.image_timeout_ms());
  own.page_timeout = absl::Milliseconds(settings.page_timeout_ms());
  own.limits.max_bytes = settings.max_bytes();
  own.limits.max_pixels = settings.max_pixels();
  own.limits.max_side = settings.max_side();
  own.limits.max_aspect = settings.max_aspect();
  own.limits.max_pages = settings.max_pages();
  own.limits.max_text_bytes = settings.max_text_bytes();
  own.limits.max_members = settings.max_members();
  own.limits.max_unpacked_bytes = settings.max_unpacked_bytes();
  own.video.interval = absl::Milliseconds(settings.video_interval_ms());
  own.video.max_frames = settings.video_max_frames();
  own.video.max_length = absl::Milliseconds(settings.video_max_length_ms());
  own.video.timeout = absl::Milliseconds(settings.video_timeout_ms());
  own.apply_icc = settings.apply_icc();
  own.ocr_languages = settings.ocr_languages();
  own.ocr_pictures = static_cast<media::OcrPictures>(settings.ocr_pictures());
  return own;
}

v1::LeasedDocument ToLeased(const ingest::ReadTask& task) {
  v1::LeasedDocument out;
  out.set_media_type(task.media_type);
  out.set_metadata_json(task.document.metadata_json);
  out.set_content_hash(task.document.content_hash);
  out.set_bytes(task.document.bytes);
  out.set_dimension(task.dimension);
  out.set_password(task.password);
  out.mutable_enrichment()->set_extract_schema(task.enrichment.extract_schema);
  out.mutable_enrichment()->set_summarize(task.enrichment.summarize);
  out.mutable_enrichment()->set_tag(task.enrichment.tag);
  return out;
}

ingest::ReadTask ReadTaskFrom(const v1::LeasedDocument& leased) {
  ingest::ReadTask out;
  out.document.id = leased.job().document_id();
  out.document.collection = leased.job().collection();
  out.document.source = leased.job().source();
  out.document.media_type = leased.media_type();
  out.document.metadata_json = leased.metadata_json();
  out.document.content_hash = leased.content_hash();
  out.document.bytes = leased.bytes();
  out.dimension = leased.dimension();
  out.media_type = leased.media_type();
  out.password = leased.password();
  out.enrichment = {.extract_schema = leased.enrichment().extract_schema(),
                    .summarize = leased.enrichment().summarize(),
                    .tag = leased.enrichment().tag()};
  return out;
}

v1::Member ToMember(std::span<const std::string> path, const index::Document& member) {
  v1::Member out;
  for (const std::string& part : path) out.add_path(part);
  out.set_content_hash(member.content_hash);
  out.set_bytes(member.bytes);
  return out;
}

ingest::RemoteMember MemberFrom(const v1::Member& member) {
  return {.path = {member.path().begin(), member.path().end()},
          .content_hash = member.content_hash(),
          .bytes = member.bytes()};
}

v1::WorkerError ToWorkerError(const absl::Status& status) {
  v1::WorkerError out;
  if (status.ok()) return out;
  out.set_code(static_cast<int>(status.code()));
  out.set_message(std::string(status.message()));
  out.set_reason(ingest::ReasonOf(status));
  return out;
}

absl::Status FromWorkerError(const v1::WorkerError& error) {
  if (error.code() == 0) return absl::OkStatus();
  // 1..16 are the codes there are; any other is a bug of the worker, and so a failure like one.
  const bool known = error.code() >= 1 && error.code() <= 16;
  absl::Status status(
      known ? static_cast<absl::StatusCode>(error.code()) : absl::StatusCode::kInternal,
      error.message());
  return ingest::WithReason(std::move(status), error.reason());
}

void SendReport(v1::ReportHeader header, const absl::StatusOr<index::DocumentWrite>& write,
                absl::FunctionRef<bool(const v1::ReportRequest&)> send) {
  v1::ReportRequest part;
  if (write.ok()) {
    const index::Document& document = write->document;
    header.set_media_type(document.media_type);
    header.set_pages(document.pages);
    header.set_metadata_json(document.metadata_json);
    header.set_state(static_cast<v1::DocumentState>(static_cast<int>(document.state) + 1));
    for (const auto& failure : document.failures) *header.add_failures() = ToProto(failure);
  } else {
    *header.mutable_error() = ToWorkerError(write.status());
  }
  *part.mutable_header() = std::move(header);
  if (!send(part) || !write.ok()) return;
  for (const index::Blob& blob : write->blobs) {
    v1::ReportPicture& picture = *part.mutable_picture();
    picture.set_hash(blob.hash);
    picture.set_media_type(blob.media_type);
    picture.set_width(blob.width);
    picture.set_height(blob.height);
    picture.set_bytes(static_cast<int64_t>(blob.bytes.size()));
    if (!send(part)) return;
    for (size_t at = 0; at < blob.bytes.size(); at += kWorkerChunkBytes) {
      part.set_chunk(blob.bytes.substr(at, kWorkerChunkBytes));
      if (!send(part)) return;
    }
  }
  for (const index::PassageWrite& passage : write->passages) {
    part.clear_passage();
    SetPassage(passage, *part.mutable_passage());
    if (!send(part)) return;
  }
}

absl::Status ReportReader::Add(v1::ReportRequest part) {
  if (has_header_ == part.has_header()) {
    return absl::InvalidArgumentError("expected one header, before all else");
  }
  if ((missing_ > 0) != part.has_chunk()) {
    return absl::InvalidArgumentError("expected the bytes of each picture behind it");
  }
  switch (part.part_case()) {
    case v1::ReportRequest::kHeader: return AddHeader(std::move(*part.mutable_header()));
    case v1::ReportRequest::kPassage: return AddPassage(std::move(*part.mutable_passage()));
    case v1::ReportRequest::kPicture: return AddPicture(part.picture());
    case v1::ReportRequest::kChunk: return AddChunk(part.chunk());
    case v1::ReportRequest::PART_NOT_SET: break;
  }
  return absl::InvalidArgumentError("a part of no kind");
}

absl::Status ReportReader::AddHeader(v1::ReportHeader header) {
  has_header_ = true;
  header_ = std::move(header);
  index::Document& document = write_.document;
  document.media_type = header_.media_type();
  document.pages = header_.pages();
  document.metadata_json = header_.metadata_json();
  document.state = static_cast<index::DocumentState>(static_cast<int>(header_.state()) - 1);
  for (const v1::PageFailure& failure : header_.failures()) {
    document.failures.push_back(
        {.page = failure.page(), .reason = failure.reason(), .message = failure.message()});
  }
  return absl::OkStatus();
}

absl::Status ReportReader::AddPassage(v1::ReportPassage passage) {
  other_bytes_ += static_cast<int64_t>(passage.ByteSizeLong());
  if (other_bytes_ > kMaxOtherBytes || write_.passages.size() == ingest::kMaxRemotePassages) {
    return absl::InvalidArgumentError("too many passages");
  }
  write_.passages.push_back(PassageFrom(std::move(passage)));
  return absl::OkStatus();
}

absl::Status ReportReader::AddPicture(const v1::ReportPicture& picture) {
  if (picture.bytes() <= 0 || picture.bytes() > max_picture_bytes_ - picture_bytes_) {
    return absl::InvalidArgumentError(
        absl::StrCat("pictures: expected 1..", max_picture_bytes_, " bytes of them together"));
  }
  picture_bytes_ += picture.bytes();
  missing_ = picture.bytes();
  write_.blobs.push_back({.hash = picture.hash(),
                          .bytes = "",
                          .media_type = picture.media_type(),
                          .width = picture.width(),
                          .height = picture.height()});
  return absl::OkStatus();
}

absl::Status ReportReader::AddChunk(absl::string_view bytes) {
  if (bytes.empty() || static_cast<int64_t>(bytes.size()) > missing_) {
    return absl::InvalidArgumentError("a picture of more bytes than were said");
  }
  missing_ -= static_cast<int64_t>(bytes.size());
  write_.blobs.back().bytes.append(bytes.data(), bytes.size());
  return absl::OkStatus();
}

absl::Status ReportReader::Finish() const {
  return has_header_ && missing_ == 0
             ? absl::OkStatus()
             : absl::InvalidArgumentError("the report ended before it was whole");
}

absl::StatusOr<index::DocumentWrite> ReportReader::TakeWrite() {
  SL_RETURN_IF_ERROR(FromWorkerError(header_.error()));
  return std::move(write_);
}

}  // namespace sightline::services
