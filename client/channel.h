#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"

namespace sightline::client {

// A channel to HOST:PORT or unix:PATH as every client of a server wants it: replies of up to 64
// MiB, a lost server tried again within a second, no proxy. Does not connect yet. Any thread.
std::shared_ptr<grpc::Channel> MakeChannel(
    const std::string& address, const std::shared_ptr<grpc::ChannelCredentials>& credentials);

// Waits until the server answers: false when it has not by `deadline`, or once `stop`, which is
// asked five times a second, is true. Any thread.
bool WaitForServer(grpc::Channel& channel, absl::Time deadline, const std::function<bool()>& stop);

}  // namespace sightline::client
