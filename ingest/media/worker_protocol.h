#pragma once

namespace sightline::media {

// `sightline-media --worker PARENT_PID` expects its end of the channel here.
inline constexpr char kWorkerFlag[] = "--worker";
inline constexpr int kChannelFd = 3;

}  // namespace sightline::media
