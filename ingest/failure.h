#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "index/types.h"

namespace sightline::ingest {

// The status payload that holds an error's stable reason code, as in every room.
inline constexpr char kReasonPayload[] = "sightline/reason";

// `status` with its reason set.
absl::Status WithReason(absl::Status status, absl::string_view reason);

// The reason of an error: its payload, else what the decoders call it, else a word for its code.
std::string ReasonOf(const absl::Status& status);

// What is stored of an error; page 0 is the document as a whole.
index::PageFailure FailureOf(int page, const absl::Status& status);

// True when the same call may succeed later: kUnavailable, kResourceExhausted, kDeadlineExceeded.
bool IsTransient(const absl::Status& status);

// True when a failure stored with this reason came from such an error, not from the file.
bool IsTransientReason(absl::string_view reason);

}  // namespace sightline::ingest
