#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace sightline::media {

// Why a file was refused. A child names one of these and at most two numbers; the words are ours,
// so nothing a decoder says reaches a caller. Values travel on the wire.
enum class Reason : uint8_t {
  kNone = 0,
  kEmpty,
  kUnknownType,
  kTypeNotAllowed,
  kTooLarge,       // found bytes, limit
  kTooManyPixels,  // found pixels, limit
  kSideTooLong,    // found pixels of the longer side, limit
  kAspectRatio,    // width, height
  kBadImage,
  kBadText,
  kBadPdf,
  kBadPage,
  kEncrypted,
  kTooManyPages,  // found pages, limit
  kTooMuchText,   // limit in bytes
  kOutOfMemory,
  kTimeout,
  kCrashed,
  kToolMissing,
  kNoSandbox,
  kTooDeep,
  kBadDocument,
  kBadArchive,
  kXmlEntities,
  kInflateLimit,    // limit in bytes
  kTooManyMembers,  // limit
  kTooManyCells,
  kUnsafePath,
  kNotAFile,
  kNestedTooDeep,
  kBadVideo,
  kNoVideo,
  kUnknownCodec,
  kTooLong,   // found seconds, limit
  kCutShort,  // found seconds, seconds that the file promises
  kLast = kCutShort,
};

// The stable name, e.g. "too_many_pixels"; "" for kNone.
const char* ReasonName(Reason reason);

// The status callers see: its code, a fixed message with the numbers, and the name as payload.
// `reason` is not kNone.
absl::Status ReasonError(Reason reason, int64_t found = 0, int64_t limit = 0);

}  // namespace sightline::media
