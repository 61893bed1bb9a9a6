#pragma once

#include "ingest/media/office_package.h"
#include "ingest/media/page_list.h"
#include "ingest/media/zip_file.h"

namespace sightline::media {

// An EPUB book: its chapters in reading order, each read as HTML, with its pictures; no page
// numbers, since a book's pages come into being only on the screen. A chapter under copy protection
// is kEncrypted.
Reply ReadEpub(ZipFile& zip, OfficePackage& package, const MediaLimits& limits);

}  // namespace sightline::media
