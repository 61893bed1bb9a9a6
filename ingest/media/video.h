#pragma once

#include <string>

#include "ingest/media/messages.h"

namespace sightline::media {

// Videos through ffprobe and ffmpeg, one process a step, each within its bounds. `file` is a sealed
// memory file; the bytes are not looked at here. The tools are told which container to read, so
// that a list of other files is never taken for a video, and may use no protocol but that of files.

// Fills width, height, seconds, promised_seconds, keyframes, properties and
// pages. kBadVideo, kNoVideo,
// kUnknownCodec, kTooManyPixels, kSideTooLong, kTooLong, kTimeout, kToolMissing, kOutOfMemory.
Reply ReadVideoInfo(const Setup& setup, const Request& request, int file);

// Fills frames, from request.lead or request.from on. kBadVideo, kTimeout, kToolMissing,
// kOutOfMemory.
Reply ScanVideo(const Setup& setup, const Request& request, int file);

// The first frame from request.from on, as JPEG. Errors as above.
Reply DrawVideoFrame(const Setup& setup, const Request& request, int file, std::string& picture);

}  // namespace sightline::media
