#pragma once

#include "absl/strings/string_view.h"
#include "ingest/media/messages.h"
#include "ingest/media/unique_fd.h"

namespace sightline::media {

// Archives: ZIP, tar, tar packed with gzip, bzip2, xz or Zstandard, and single files packed so.
// Nothing is ever written to a disk. Links, devices, encrypted members and names that lead out of
// the archive are refused one by one; hidden files are left out.

// What kind of archive it is; for a single packed file that of its packing.
Reply ReadTarHead(absl::string_view bytes);

// A reply's worth of members, as Op::kUnpack describes.
Reply UnpackZip(const Setup& setup, const Request& request, absl::string_view bytes,
                UniqueFd& attachment);
Reply UnpackTar(const Setup& setup, const Request& request, absl::string_view bytes,
                UniqueFd& attachment);

}  // namespace sightline::media
