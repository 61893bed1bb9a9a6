#pragma once

#include "ingest/media/messages.h"

namespace sightline::media {

// PDF through the poppler tools, one process a step, each within its bounds. `file` is a sealed
// memory file; the bytes are not looked at here.

// Fills pdf_pages. kEncrypted, kBadPdf, kTooManyPages, kTimeout, kToolMissing.
Reply ReadPdfInfo(const Setup& setup, const Request& request, int file);

// One page: blocks, and its picture as JPEG in `picture`. When only one of them could be had the
// reply says why in `partial`. kBadPage, kTimeout, kTooMuchText, kToolMissing.
Reply ReadPdfPage(const Setup& setup, const Request& request, int file, std::string& picture);

}  // namespace sightline::media
