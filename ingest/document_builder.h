#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "index/corpus.h"
#include "ingest/chunker.h"
#include "ingest/embedder.h"
#include "ingest/frame_look.h"
#include "ingest/held_bytes.h"
#include "ingest/ingestor.h"
#include "ingest/media/media_client.h"
#include "ingest/retry.h"
#include "ingest/shared_stages.h"
#include "model/encoder.h"

namespace sightline::ingest {

// What a collection has of a passage.
struct VectorsWanted {
  int dimension = 0;     // floats each
  bool patches = false;  // of pictures, those of their patches too
};

// What a document is made with; all outlive its builder.
struct BuilderParts {
  model::Encoder& encoder;
  media::MediaClient& media;
  Retry& retry;
  SharedStages& shared;
  HeldBytes::Share& held;  // counts the pictures that are kept
};

// Collects what the decoders read of one document, page by page, into what the corpus stores. One
// thread.
//
// Of a figure comes a passage with its caption as text (kFigure); its vector is that of the
// picture, else of the caption. Of a page come, in this order: its picture as a passage (kPage;
// kImage of a picture file, with the document's caption as text) and its text passages, which point
// to the page's picture too. A text's vector is that of its headings, a line break, and the text; a
// picture's is that of the picture alone.
//
// Of a video come its segments: a kept frame as a passage (kVideoSegment) with what is said in it
// as text, then its text passages, which are the words read from the frame and what of the
// subtitles begins in it. All have a time, and point to the frame. A frame that hardly differs from
// the segment's makes the segment longer instead. The first segment begins with the document's
// caption.
class DocumentBuilder {
 public:
  // `cancel` is not null. `document` has collection, id, source, content, and metadata set.
  DocumentBuilder(const IngestOptions& options, VectorsWanted vectors, index::Document document,
                  const BuilderParts& parts, model::CancelFlag cancel);

  // As media::MediaClient::Extract calls them. An error is the encoder's, and ends the document.
  absl::Status OnInfo(const media::DocumentInfo& info);
  absl::Status OnPage(media::ExtractedPage page);
  absl::Status OnFigure(media::ExtractedFigure figure);
  absl::Status OnFrame(media::ExtractedFrame frame);
  // A member that became a document of its own, or did not: `status` says why.
  void OnMember(absl::string_view path, const absl::Status& status);

  Progress progress() const;

  // Everything for Corpus::PutDocument but the job. State kIndexed, kPartial, or kFailed when
  // nothing could be read. Ends the builder.
  absl::StatusOr<index::DocumentWrite> Finish();

 private:
  // A part of a video while more of it may come.
  struct Segment {
    media::TimeSpan time;
    media::EncodedImage picture;
    ImagePtr image;
    FrameLook look;
  };

  absl::StatusOr<std::vector<TextPassage>> Cut(std::span<const media::TextBlock> blocks,
                                               int overlap_tokens, HeadingPath& headings);
  absl::Status CutSubtitles();
  absl::Status CloseSegment();
  absl::StatusOr<std::string> SpokenIn(const media::TimeSpan& time);
  // The passages of subtitles that begin before `end`, from the next one on.
  absl::Status AddSubtitles(double end, const std::string& blob_hash);
  absl::Status AddTextPassage(TextPassage text, int page, const std::string& blob_hash);
  void Fail(int page, const absl::Status& status);
  // Stores the picture, if it may be; returns its hash, or "".
  absl::StatusOr<std::string> KeepPicture(int page, const media::EncodedImage& picture);
  absl::Status AddPicture(int page, const std::string& blob_hash,
                          const media::EncodedImage& picture);
  absl::Status AddText(int page, const std::string& blob_hash,
                       std::span<const media::TextBlock> blocks,
                       const std::optional<media::TimeSpan>& time = std::nullopt);
  absl::Status AddPassage(index::Passage passage, model::EncodeInput input);

  const IngestOptions& options_;
  const BuilderParts parts_;
  const model::CancelFlag cancel_;
  const std::string caption_;
  const TokenCounter count_tokens_;
  Embedder embedder_;
  HeadingPath headings_;
  bool is_picture_ = false;
  bool has_pages_ = false;
  int pages_done_ = 0;
  int64_t picture_bytes_ = 0;
  std::vector<std::vector<media::TextBlock>> tracks_;  // of subtitles
  std::vector<TextPassage> subtitles_;                 // cut from them, by when they begin
  size_t next_subtitle_ = 0;
  std::optional<Segment> segment_;
  bool has_segment_ = false;  // one at least was stored
  int failed_frames_ = 0;
  int members_ = 0;         // that became documents
  int failed_members_ = 0;  // that did not
  index::DocumentWrite write_;
};

}  // namespace sightline::ingest
