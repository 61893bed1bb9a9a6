#pragma once

#include "ingest/media/office_package.h"
#include "ingest/media/page_list.h"

namespace sightline::media {

// The sheets of an Excel file whose main part is `part`; each is a page under its name, its cells
// in tables. Formulas are there by their stored values, and where they have none as text; nothing
// is computed. Dates are written as 2024-05-01. Pictures with their descriptions.
Reply ReadXlsx(OfficePackage& package, const std::string& part, const MediaLimits& limits);

}  // namespace sightline::media
