#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace sightline::cli {

// Where the files of a demo corpus are.
struct DemoCorpus {
  std::string documents;  // folder of PDFs, Markdown and HTML
  std::string manifest;   // JSON lines that name the pictures with their captions
  std::string photo;      // one of the pictures, to search by
  int files = 0;
};

// Writes the papers of a made-up shop with a warehouse, the same every time: PDFs of several pages
// in English and Chinese with a drawing, notes in Markdown and HTML, and pictures of the labels on
// its bins. `folder` is made. kUnavailable, kResourceExhausted: the disk refused.
absl::StatusOr<DemoCorpus> WriteDemoCorpus(const std::string& folder);

}  // namespace sightline::cli
