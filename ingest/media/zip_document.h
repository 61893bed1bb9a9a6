#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "ingest/media/messages.h"

namespace sightline::media {

// Reads a ZIP file that is a document by what is in it: DOCX, PPTX, XLSX, OpenDocument or EPUB. Any
// other one is an archive: application/zip with members, of which nothing is read here.
Reply ReadZipDocument(const Setup& setup, absl::string_view bytes);

// One entry of it, whole, to `out`: a picture that ReadZipDocument named.
Reply ReadZipMember(const Setup& setup, absl::string_view bytes, absl::string_view name,
                    std::string& out);

}  // namespace sightline::media
