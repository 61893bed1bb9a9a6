// The C++ client: client_example HOST:PORT DOCUMENT PHOTO [QUESTION]
// The environment variable SIGHTLINE_API_KEY holds a key, where the server asks for one.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "absl/time/clock.h"
#include "client/client.h"

namespace client = sightline::client;
namespace v1 = sightline::v1;

namespace {

constexpr char kCollection[] = "manuals";

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "%s (reason %s)\n", status.ToString().c_str(),
               client::FailureReason(status).c_str());
  return 1;
}

client::CallOptions Within(absl::Duration time) { return {.deadline = absl::Now() + time}; }

absl::Status Ingest(client::Client& server, const std::string& path) {
  v1::DocumentHeader header;
  header.set_collection(kCollection);
  header.set_source(std::filesystem::path(path).filename());
  header.set_create_collection(true);
  const auto ended = server.IngestFile(path, header, {}, Within(absl::Minutes(2)));
  if (!ended.ok()) return ended.status();
  std::printf("%s: %s\n", header.source().c_str(),
              v1::IngestOutcome_Name(ended->finished().outcome()).c_str());
  return absl::OkStatus();
}

absl::Status Search(client::Client& server, const v1::Content& part) {
  v1::SearchRequest request;
  request.set_collection(kCollection);
  *request.add_query() = part;
  request.set_k(3);
  const auto found = server.Search(request, Within(absl::Seconds(30)));
  if (!found.ok()) return found.status();
  for (const v1::Hit& hit : found->hits()) {
    std::printf("%.3f %s\n", hit.score(), hit.passage().source().c_str());
  }
  return absl::OkStatus();
}

absl::Status Ask(client::Client& server, const std::string& question) {
  v1::SearchAndAnswerRequest request;
  request.mutable_search()->set_collection(kCollection);
  *request.mutable_search()->add_query() = client::TextPart(question);
  request.set_mode(v1::ANSWER_MODE_EXTRACTIVE);
  client::AnswerCallbacks callbacks;
  callbacks.delta = [](absl::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  };
  const auto answer = server.StreamAnswer(request, callbacks, Within(absl::Minutes(2)));
  if (!answer.ok()) return answer.status();
  std::printf("\n");
  for (const v1::Citation& citation : answer->citations()) {
    const v1::Passage& passage = citation.hit().passage();
    std::printf("[%d] %s, page %d: %s\n", citation.marker(), passage.source().c_str(),
                passage.page(), citation.snippet().c_str());
  }
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: %s HOST:PORT DOCUMENT PHOTO [QUESTION]\n", argv[0]);
    return 2;
  }
  const std::string document = argv[2];
  const std::string photo = argv[3];
  const std::string question = argc > 4 ? argv[4] : "What does the manual say?";

  client::ClientOptions options;
  options.address = argv[1];
  if (const char* key = std::getenv("SIGHTLINE_API_KEY")) options.api_key = key;
  const auto server = client::Client::Connect(options);
  if (!server.ok()) return Fail(server.status());

  for (const std::string& path : {document, photo}) {
    if (const auto status = Ingest(**server, path); !status.ok()) return Fail(status);
  }
  std::printf("by text\n");
  if (const auto status = Search(**server, client::TextPart(question)); !status.ok()) {
    return Fail(status);
  }
  const auto part = client::PhotoFilePart(photo);
  if (!part.ok()) return Fail(part.status());
  std::printf("by photo\n");
  if (const auto status = Search(**server, *part); !status.ok()) return Fail(status);
  if (const auto status = Ask(**server, question); !status.ok()) return Fail(status);
  return 0;
}
