#pragma once

#include "absl/strings/string_view.h"
#include "ingest/media/messages.h"
#include "ingest/media/unique_fd.h"

namespace sightline::media {

// A mail (EML). Its one page has the subject as heading, the lines From, To, Cc and Date, and the
// body: of several forms of it the last that can be read, which is HTML where there is one.
// Properties: from, to, subject, date (UTC, as IsTimeOfDay has it). Attachments are members.
Reply ReadMail(const Setup& setup, absl::string_view bytes);

// The attachments, as Op::kUnpack describes.
Reply UnpackMail(const Setup& setup, const Request& request, absl::string_view bytes,
                 UniqueFd& attachment);

}  // namespace sightline::media
