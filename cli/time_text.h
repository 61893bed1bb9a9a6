#pragma once

#include <google/protobuf/timestamp.pb.h>

#include <string>

namespace sightline::cli {

// "2026-01-31 14:05" in UTC; "-" for no time.
std::string TimeText(const google::protobuf::Timestamp& time);

}  // namespace sightline::cli
