// A process that ingests without end, for ingest_crash_test to kill: it takes up what the one
// before it left, then submits documents and writes one line for each that was accepted.
//
// Usage: ingest_crash_child DATA_FOLDER MEDIA_PROGRAM ROUND

#include <cstdio>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "index/corpus.h"
#include "ingest/ingestor.h"
#include "ingest/media/media_client.h"
#include "tests/support/fake_model.h"

namespace sightline {
namespace {

absl::Status Run(const std::string& data, const std::string& program, int round) {
  index::CorpusOptions corpus_options;
  corpus_options.path = data + "/corpus";
  auto corpus = index::Corpus::Open(corpus_options);
  if (!corpus.ok()) return corpus.status();
  media::MediaOptions media_options;
  media_options.program = program;
  auto media = media::MediaClient::Create(media_options);
  if (!media.ok()) return media.status();
  testing::FakeEncoder encoder;
  auto ingestor = ingest::Ingestor::Create({}, data + "/spool", **corpus, encoder, **media);
  if (!ingestor.ok()) return ingestor.status();
  if (auto status = (*ingestor)->Start(); !status.ok()) return status;
  for (int i = 0;; ++i) {
    ingest::IngestRequest request;
    request.collection = "c";
    request.create_collection = true;
    // Ten ids over and over, and one new one each time.
    request.document_id =
        i % 2 == 0 ? absl::StrCat("again", i / 2 % 10) : absl::StrCat("once", round, "x", i);
    request.source = request.document_id + ".txt";
    const std::string word = absl::StrCat("r", round, "i", i);
    const auto id = (*ingestor)->Submit(request, absl::StrCat("The word is ", word, "."), {});
    if (absl::IsResourceExhausted(id.status())) continue;
    if (!id.ok()) return id.status();
    std::printf("%s %s %s\n", request.document_id.c_str(), word.c_str(), id->c_str());
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace sightline

int main(int argc, char** argv) {
  int round = 0;
  if (argc != 4 || !absl::SimpleAtoi(argv[3], &round)) return 2;
  const absl::Status status = sightline::Run(argv[1], argv[2], round);
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 1;
}
