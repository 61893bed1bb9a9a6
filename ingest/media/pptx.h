#pragma once

#include "ingest/media/office_package.h"
#include "ingest/media/page_list.h"

namespace sightline::media {

// The slides of a PowerPoint file whose main part is `part`, in the order they are shown; each is a
// page. Titles are headings; text, tables, pictures with their descriptions, and the speaker's
// notes.
Reply ReadPptx(OfficePackage& package, const std::string& part, const MediaLimits& limits);

}  // namespace sightline::media
