#pragma once

#include "absl/strings/string_view.h"
#include "ingest/media/office_package.h"
#include "ingest/media/page_list.h"

namespace sightline::media {

// An OpenDocument file (`media_type` is what it calls itself): a text is one page without a number,
// of a presentation each slide is a page, of a spreadsheet each sheet. kEncrypted where it needs a
// password.
Reply ReadOdf(OfficePackage& package, absl::string_view media_type, const MediaLimits& limits);

}  // namespace sightline::media
