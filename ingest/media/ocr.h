#pragma once

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "ingest/media/messages.h"

namespace sightline::media {

// Reads the words of pictures with Tesseract, in the process's one thread. It is warm: its data are
// in memory when it is made, and reading opens no file.
class WordReader {
 public:
  // Before the sandbox closes the files. `languages` are installed, "eng+chi_sim"; null when their
  // data cannot be used.
  static std::unique_ptr<WordReader> Start(const std::string& languages);
  ~WordReader();

  // One block a paragraph, with its box; words that the reader is not sure of are left out. A reply
  // without blocks: there are none. kTimeout: not done within `timeout_ms` of the request.
  Reply Read(const Setup& setup, const Request& request, absl::string_view bytes);

 private:
  struct Engine;
  explicit WordReader(std::unique_ptr<Engine> engine);
  const std::unique_ptr<Engine> engine_;
};

}  // namespace sightline::media
