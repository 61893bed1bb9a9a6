// sightline-media: decodes foreign files for the server, shut in and one request at a time. Not for
// people: started by MediaClient. docs/media-sandbox.md says what it can and cannot do.

#include <cstdio>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "ingest/media/sandbox_check.h"
#include "ingest/media/worker.h"
#include "ingest/media/worker_protocol.h"

int main(int argc, char** argv) {
  using sightline::media::kWorkerFlag;
  const absl::string_view mode = argc > 1 ? argv[1] : "";
  int parent = 0;
  if (argc == 3 && mode == kWorkerFlag && absl::SimpleAtoi(argv[2], &parent)) {
    return sightline::media::RunWorker(argv[0], parent);
  }
  if (argc == 2 && mode == "--self-test-sandbox") {
    return sightline::media::CheckSandbox() ? 0 : 1;
  }
  std::fputs(
      "sightline-media decodes files for sightline-server, which starts it by itself.\n"
      "  --self-test-sandbox  tries what its sandbox must refuse; exit code 0 when all was "
      "refused\n",
      stderr);
  return argc == 2 && mode == "--help" ? 0 : 2;
}
