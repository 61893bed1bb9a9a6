#include "client/channel.h"

#include <algorithm>

#include "absl/time/clock.h"

namespace sightline::client {

std::shared_ptr<grpc::Channel> MakeChannel(
    const std::string& address, const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(64 << 20);  // a page of documents with long metadata
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // A proxy variable of the environment must not catch calls to this machine or cluster.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(address, credentials, arguments);
}

bool WaitForServer(grpc::Channel& channel, absl::Time deadline, const std::function<bool()>& stop) {
  while (absl::Now() < deadline && !stop()) {
    if (channel.WaitForConnected(
            absl::ToChronoTime(std::min(deadline, absl::Now() + absl::Milliseconds(200))))) {
      return true;
    }
  }
  return false;
}

}  // namespace sightline::client
