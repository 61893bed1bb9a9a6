#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "index/corpus.h"
#include "ingest/chunker.h"
#include "ingest/ingestor.h"
#include "ingest/media/media_client.h"
#include "ingest/spool.h"
#include "model/encoder.h"

namespace sightline::bench {

struct SourceFile {
  std::string path;
  std::string bytes;
};

// One stage, run alone over everything.
struct StageRun {
  std::string stage;
  int threads = 1;
  int64_t items = 0;
  double seconds = 0;      // of the clock
  double cpu_seconds = 0;  // of this process and all below it
};

// Does with files what ingest does, but one stage after the other, each over all files before the
// next one begins. Videos and what is in archives are left out. One thread.
class StagesAlone {
 public:
  struct Parts {
    const ingest::IngestOptions& options;
    const media::MediaOptions& media_options;
    media::MediaClient& reader;  // of words, as the pipeline uses it
    model::Encoder& encoder;
    index::Corpus& corpus;  // its collection `collection` is there
    const ingest::Spool& spool;
    std::string collection;
  };

  // All outlive it.
  StagesAlone(const Parts& parts, const std::vector<SourceFile>& files);

  // The stages in order, those with nothing to do left out. The first error of any file.
  absl::StatusOr<std::vector<StageRun>> Run();

 private:
  struct Page {
    int number = 0;
    std::vector<media::TextBlock> blocks = {};
    std::optional<media::EncodedImage> picture = {};
    std::optional<media::EncodedImage> scan = {};  // of which words are read
    ImagePtr image = {};
    std::vector<ingest::TextPassage> texts = {};
  };

  struct Paper {
    const SourceFile* file = nullptr;
    std::string media_type = {};
    bool is_picture = false;
    std::vector<Page> pages = {};
    index::DocumentWrite write = {};
  };

  // Runs `body` for 0 .. count - 1 on `threads` threads; `items` is what comes of it.
  absl::Status Measure(const char* stage, int threads, size_t count,
                       const std::function<absl::StatusOr<int64_t>(size_t)>& body);
  absl::Status Render(media::MediaClient& drawer);
  absl::StatusOr<int64_t> RenderPdf(media::MediaClient& drawer, Paper& paper);
  absl::Status Decode(media::MediaClient& drawer);
  absl::Status FindPictureWords();
  absl::Status ReadWords();
  absl::Status Cut();
  absl::Status Embed();
  absl::Status Commit();

  const Parts parts_;
  std::vector<Paper> papers_;
  std::vector<StageRun> runs_;
};

}  // namespace sightline::bench
