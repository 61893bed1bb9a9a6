#include "bench/stages_alone.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/hash.h"
#include "base/status.h"
#include "bench/process_tree.h"
#include "ingest/embedder.h"
#include "ingest/retry.h"
#include "ingest/shared_stages.h"

namespace sightline::bench {
namespace {

constexpr size_t kFewBytes = 24;       // of a text layer, as media_client.cc has it
constexpr int kLongSideToRead = 2340;  // likewise, of a page whose words are read

bool IsPdf(const SourceFile& file) { return absl::StartsWith(file.bytes, "%PDF"); }

size_t TextBytes(const std::vector<media::TextBlock>& blocks) {
  size_t bytes = 0;
  for (const media::TextBlock& block : blocks) bytes += block.text.size();
  return bytes;
}

absl::Status Nothing(const media::DocumentInfo&) { return absl::OkStatus(); }

}  // namespace

StagesAlone::StagesAlone(const Parts& parts, const std::vector<SourceFile>& files) : parts_(parts) {
  for (const SourceFile& file : files) papers_.push_back({.file = &file});
}

absl::Status StagesAlone::Measure(const char* stage, int threads, size_t count,
                                  const std::function<absl::StatusOr<int64_t>(size_t)>& body) {
  if (count == 0) return absl::OkStatus();
  StageRun run = {.stage = stage, .threads = threads};
  std::atomic<size_t> next = 0;
  std::atomic<int64_t> items = 0;
  std::mutex mu;
  absl::Status failure;
  const double cpu = TreeCpuSeconds();
  const absl::Time start = absl::Now();
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&] {
      for (size_t i = next++; i < count; i = next++) {
        const auto made = body(i);
        if (made.ok()) {
          items += *made;
          continue;
        }
        const std::lock_guard lock(mu);
        failure.Update(Annotate(made.status(), stage));
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  run.seconds = absl::ToDoubleSeconds(absl::Now() - start);
  run.cpu_seconds = TreeCpuSeconds() - cpu;
  run.items = items;
  if (run.items > 0) runs_.push_back(run);
  return failure;
}

absl::StatusOr<std::vector<StageRun>> StagesAlone::Run() {
  media::MediaOptions without_words = parts_.media_options;
  without_words.ocr_languages.clear();
  SL_ASSIGN_OR_RETURN(const auto drawer, media::MediaClient::Create(without_words));
  SL_RETURN_IF_ERROR(Render(*drawer));
  SL_RETURN_IF_ERROR(Decode(*drawer));
  SL_RETURN_IF_ERROR(FindPictureWords());
  SL_RETURN_IF_ERROR(ReadWords());
  SL_RETURN_IF_ERROR(Cut());
  SL_RETURN_IF_ERROR(Embed());
  SL_RETURN_IF_ERROR(Commit());
  return std::move(runs_);
}

// The pages as people see them, and those without a text layer once more, to be read.
absl::StatusOr<int64_t> StagesAlone::RenderPdf(media::MediaClient& drawer, Paper& paper) {
  int64_t drawn = 0;
  bool any_scan = false;
  media::ExtractCallbacks callbacks;
  callbacks.on_info = Nothing;
  callbacks.on_page = [&](media::ExtractedPage page) {
    any_scan = any_scan || TextBytes(page.blocks) < kFewBytes;
    paper.pages.push_back({.number = page.number,
                           .blocks = std::move(page.blocks),
                           .picture = std::move(page.picture)});
    ++drawn;
    return absl::OkStatus();
  };
  SL_RETURN_IF_ERROR(drawer.Extract(paper.file->bytes, {}, callbacks));
  paper.media_type = "application/pdf";
  if (!any_scan || parts_.media_options.ocr_languages.empty()) return drawn;
  callbacks.on_page = [&](media::ExtractedPage page) {
    Page& of = paper.pages[static_cast<size_t>(page.number) - 1];
    if (TextBytes(of.blocks) < kFewBytes) of.scan = std::move(page.picture);
    ++drawn;
    return absl::OkStatus();
  };
  media::ExtractOptions large;
  large.render_long_side = kLongSideToRead;
  SL_RETURN_IF_ERROR(drawer.Extract(paper.file->bytes, large, callbacks));
  return drawn;
}

absl::Status StagesAlone::Render(media::MediaClient& drawer) {
  return Measure("render", parts_.options.workers, papers_.size(),
                 [&](size_t i) -> absl::StatusOr<int64_t> {
                   return IsPdf(*papers_[i].file) ? RenderPdf(drawer, papers_[i]) : 0;
                 });
}

absl::Status StagesAlone::Decode(media::MediaClient& drawer) {
  return Measure("decode", parts_.options.workers, papers_.size(),
                 [&](size_t i) -> absl::StatusOr<int64_t> {
                   Paper& paper = papers_[i];
                   int64_t decoded = 0;
                   if (!IsPdf(*paper.file)) {
                     media::ExtractCallbacks callbacks;
                     callbacks.on_info = [&](const media::DocumentInfo& info) {
                       paper.media_type = info.media_type;
                       paper.is_picture = info.is_picture;
                       return absl::OkStatus();
                     };
                     callbacks.on_page = [&](media::ExtractedPage page) {
                       paper.pages.push_back(
                           {.blocks = std::move(page.blocks), .picture = std::move(page.picture)});
                       return absl::OkStatus();
                     };
                     media::ExtractOptions options;
                     options.file_name = paper.file->path;
                     SL_RETURN_IF_ERROR(drawer.Extract(paper.file->bytes, options, callbacks));
                     ++decoded;
                   }
                   for (Page& page : paper.pages) {
                     if (!page.picture.has_value()) continue;
                     SL_ASSIGN_OR_RETURN(
                         auto image, drawer.DecodeImage(page.picture->bytes, absl::InfiniteFuture(),
                                                        media::Caller::kIngest));
                     page.image = std::move(image.image);
                     ++decoded;
                   }
                   return decoded;
                 });
}

// Of picture files words are read where they look like a page, which only the reader says.
absl::Status StagesAlone::FindPictureWords() {
  if (parts_.media_options.ocr_languages.empty()) return absl::OkStatus();
  const auto read = [&] { return parts_.reader.stages()[2].items; };
  for (Paper& paper : papers_) {
    if (!paper.is_picture) continue;
    const int64_t before = read();
    SL_RETURN_IF_ERROR(parts_.reader.Extract(
        paper.file->bytes, {},
        {.on_info = Nothing, .on_page = [](media::ExtractedPage) { return absl::OkStatus(); }}));
    if (read() > before) paper.pages.front().scan = paper.pages.front().picture;
  }
  return absl::OkStatus();
}

absl::Status StagesAlone::ReadWords() {
  std::vector<Page*> scans;
  for (Paper& paper : papers_) {
    for (Page& page : paper.pages) {
      if (page.scan.has_value()) scans.push_back(&page);
    }
  }
  return Measure(
      "ocr", parts_.options.workers, scans.size(), [&](size_t i) -> absl::StatusOr<int64_t> {
        SL_ASSIGN_OR_RETURN(scans[i]->blocks,
                            parts_.reader.ReadWords(scans[i]->scan->bytes, absl::InfiniteFuture()));
        return 1;
      });
}

absl::Status StagesAlone::Cut() {
  const ingest::TokenCounter count = [this](absl::string_view text) {
    return parts_.encoder.CountTokens(text);
  };
  return Measure(
      "tokenize", parts_.options.workers, papers_.size(), [&](size_t i) -> absl::StatusOr<int64_t> {
        ingest::HeadingPath headings;
        int64_t passages = 0;
        for (Page& page : papers_[i].pages) {
          SL_ASSIGN_OR_RETURN(page.texts,
                              ingest::ChunkBlocks(page.blocks,
                                                  {.passage_tokens = parts_.options.passage_tokens,
                                                   .overlap_tokens = parts_.options.overlap_tokens},
                                                  count, headings));
          passages += static_cast<int64_t>(page.texts.size());
        }
        return passages;
      });
}

// A batch may hold inputs of several documents, as those of the engine do.
absl::Status StagesAlone::Embed() {
  SL_ASSIGN_OR_RETURN(const index::Collection collection,
                      parts_.corpus.GetCollection(parts_.collection));
  const auto cancel = std::make_shared<absl::Notification>();
  ingest::SharedStages shared(parts_.options, parts_.options.workers);
  const auto slice = static_cast<size_t>(parts_.options.workers);
  return Measure("embed", parts_.options.workers, slice, [&](size_t of) -> absl::StatusOr<int64_t> {
    std::vector<std::vector<float>*> vectors;
    ingest::Retry retry(parts_.options.max_attempts, parts_.options.first_backoff, cancel);
    absl::Status refused;
    ingest::Embedder embedder({parts_.encoder, retry, shared},
                              {.dimension = collection.dimension,
                               .batch_inputs = parts_.options.batch_inputs,
                               .batch_pixels = parts_.options.batch_pixels},
                              cancel, [&](size_t slot, absl::StatusOr<ingest::Embedding> made) {
                                refused.Update(made.status());
                                if (made.ok()) *vectors[slot] = std::move(made->vector);
                              });
    for (size_t i = of; i < papers_.size(); i += slice) {
      Paper& paper = papers_[i];
      size_t passages = 0;
      for (const Page& page : paper.pages) {
        passages += page.texts.size() + (page.image == nullptr ? 0 : 1);
      }
      paper.write.passages.reserve(passages);
      const auto add = [&](index::Passage passage, model::EncodeInput input) {
        index::PassageWrite& write = paper.write.passages.emplace_back();
        write.passage = std::move(passage);
        write.passage.ordinal = static_cast<int>(paper.write.passages.size()) - 1;
        vectors.push_back(&write.vector);
        return embedder.Add(vectors.size() - 1, std::move(input));
      };
      for (Page& page : paper.pages) {
        std::string blob_hash;
        if (page.image != nullptr) {
          blob_hash = ContentHash(page.picture->bytes);
          SL_RETURN_IF_ERROR(embedder.MakeRoom(int64_t{page.image->width} * page.image->height));
          index::Passage passage;
          passage.kind = paper.is_picture ? index::PassageKind::kImage : index::PassageKind::kPage;
          passage.page = page.number;
          passage.blob_hash = blob_hash;
          model::EncodeInput input;
          input.images = {page.image};
          SL_RETURN_IF_ERROR(add(std::move(passage), std::move(input)));
        }
        for (ingest::TextPassage& text : page.texts) {
          model::EncodeInput input;
          input.texts = {text.heading.empty() ? text.text
                                              : absl::StrCat(text.heading, "\n", text.text)};
          index::Passage passage;
          passage.kind = text.kind;
          passage.text = std::move(text.text);
          passage.heading = std::move(text.heading);
          passage.page = page.number;
          passage.token_count = text.token_count;
          passage.blob_hash = blob_hash;
          SL_RETURN_IF_ERROR(add(std::move(passage), std::move(input)));
        }
      }
    }
    SL_RETURN_IF_ERROR(embedder.Finish());
    SL_RETURN_IF_ERROR(refused);
    return static_cast<int64_t>(vectors.size());
  });
}

absl::Status StagesAlone::Commit() {
  for (Paper& paper : papers_) {
    index::Document& document = paper.write.document;
    document.collection = parts_.collection;
    document.id = ingest::DocumentIdFor(paper.file->path);
    document.source = paper.file->path;
    document.media_type = paper.media_type;
    document.content_hash = ContentHash(paper.file->bytes);
    document.metadata_json = "{}";
    document.bytes = static_cast<int64_t>(paper.file->bytes.size());
    document.pages = static_cast<int>(paper.pages.size());
    document.state = index::DocumentState::kIndexed;
    for (Page& page : paper.pages) {
      page.image.reset();
      if (!page.picture.has_value()) continue;
      paper.write.blobs.push_back({.hash = ContentHash(page.picture->bytes),
                                   .bytes = std::move(page.picture->bytes),
                                   .media_type = page.picture->media_type,
                                   .width = page.picture->width,
                                   .height = page.picture->height});
    }
  }
  return Measure("commit", parts_.options.workers, papers_.size(),
                 [&](size_t i) -> absl::StatusOr<int64_t> {
                   Paper& paper = papers_[i];
                   index::Job job;
                   job.id = absl::StrCat("bench-", i);
                   job.collection = parts_.collection;
                   job.document_id = paper.write.document.id;
                   job.source = paper.file->path;
                   job.spool_path = job.id;
                   job.created = job.updated = absl::Now();
                   SL_RETURN_IF_ERROR(parts_.spool.Write(job.id, paper.file->bytes));
                   SL_RETURN_IF_ERROR(parts_.corpus.PutJob(job));
                   job.state = index::JobState::kRunning;
                   SL_RETURN_IF_ERROR(parts_.corpus.PutJob(job));
                   job.state = index::JobState::kDone;
                   paper.write.job = job;
                   SL_RETURN_IF_ERROR(parts_.corpus.PutDocument(std::move(paper.write)).status());
                   parts_.spool.Remove(job.id);
                   return 1;
                 });
}

}  // namespace sightline::bench
