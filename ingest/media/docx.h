#pragma once

#include "ingest/media/office_package.h"
#include "ingest/media/page_list.h"

namespace sightline::media {

// The text of a Word file whose main part is `part`: one page, since pages come into being only
// when it is laid out. Headings and captions by their styles, list items, tables, pictures with
// their alternative text, foot and end notes; deleted text is left out.
Reply ReadDocx(OfficePackage& package, const std::string& part, const MediaLimits& limits);

}  // namespace sightline::media
