#include "cli/connection.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "client/channel.h"

namespace sightline::cli {
namespace {

// How long a server that was named may take to answer, e.g. while it restarts, and how long one
// that is only a guess.
constexpr absl::Duration kNamedPatience = absl::Seconds(10);
constexpr absl::Duration kGuessPatience = absl::Seconds(1);

absl::Status NothingAnswers(const std::string& address, bool guessed) {
  if (!guessed) return absl::UnavailableError(absl::StrCat("no server answers at ", address));
  return absl::UnavailableError(
      absl::StrCat("no server answers at ", address,
                   ". Use --data DIR to work on a folder without one, start one with "
                   "`sightline serve`, or name one with --server HOST:PORT or SIGHTLINE_SERVER"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const ConnectionOptions& options) {
  if (!options.server.empty() && !options.data.empty()) {
    return absl::InvalidArgumentError(
        "--server and --data exclude each other: a running server has its own folder");
  }
  if (!options.model.empty() && options.data.empty()) {
    return absl::InvalidArgumentError(
        "--model goes with --data: a running server has its own model");
  }
  std::unique_ptr<Connection> connection(new Connection());
  connection->timeout_ = options.timeout;
  bool guessed = false;
  if (!options.data.empty()) {
    SL_ASSIGN_OR_RETURN(connection->server_, PrivateServer::Start({.data = options.data,
                                                                   .model = options.model,
                                                                   .http = options.http,
                                                                   .backups = options.backups,
                                                                   .quiet = options.quiet}));
    connection->address_ = connection->server_->grpc_address();
  } else {
    guessed = options.server.empty() && options.fallback.empty();
    connection->address_ = !options.server.empty()     ? options.server
                           : !options.fallback.empty() ? options.fallback
                                                       : kDefaultServer;
  }
  connection->channel_ =
      client::MakeChannel(connection->address_, grpc::InsecureChannelCredentials());
  const absl::Duration patience = guessed ? kGuessPatience : kNamedPatience;
  const absl::Time deadline = absl::Now() + std::min(patience, options.timeout);
  if (!client::WaitForServer(*connection->channel_, deadline, Interrupted)) {
    if (Interrupted()) return absl::CancelledError("interrupted");
    return NothingAnswers(connection->address_, guessed);
  }
  return connection;
}

CallContext::CallContext(absl::Time deadline) : cancel_([this] { context_.TryCancel(); }) {
  if (deadline != absl::InfiniteFuture()) context_.set_deadline(absl::ToChronoTime(deadline));
}

}  // namespace sightline::cli
