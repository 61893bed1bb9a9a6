#pragma once

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ingest/media/media_client.h"
#include "ingest/media/messages.h"
#include "ingest/media/sniff.h"

namespace sightline::media {

struct VideoStep {
  Reply reply;
  EncodedImage picture;  // of kVideoFrame
};

// Has a child take one of the steps kVideoInfo, kVideoScan, kVideoFrame on the file.
using VideoStepper = std::function<absl::StatusOr<VideoStep>(Request request, absl::Time deadline)>;

// Reads a video: what is in it, then its scenes piece by piece, then the frames that were chosen,
// one a step, so that each step is short and a broken part costs that part. Calls on_info, on_step
// and on_frame as MediaClient::Extract says, whose errors it has too.
absl::Status ReadVideo(FileType container, const VideoOptions& video, const ExtractOptions& options,
                       const ExtractCallbacks& callbacks, const VideoStepper& step);

}  // namespace sightline::media
