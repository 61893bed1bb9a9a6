#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/pull/hub_listing.h"
#include "services/pull/pull_report.h"

namespace sightline::services {

struct PullOptions {
  HubRepository repository;
  std::string folder;                // made when missing
  std::string endpoint;              // "https://HOST", of a hub
  std::vector<std::string> mirrors;  // of the same kind, tried in order where the endpoint fails
  std::string token;                 // for the endpoint alone; empty = none
  std::vector<std::string> include;  // see ChooseFiles
  std::vector<std::string> exclude;
  int jobs = 4;                                         // files at a time
  int retries = 5;                                      // in a row without a new byte, per source
  absl::Duration first_wait = absl::Milliseconds(500);  // doubles with each, to 30 s
};

// Brings the wanted files of a model repository into `folder`.
//
// The revision is pinned to the commit it names at the start. A file is fetched to
// folder/.partial, goes on from where an earlier run stopped, and is renamed into place only after
// its size and checksum were right; content that is wrong is thrown away and fetched once more.
// Whatever ends the run, the next one goes on. folder/.sightline-pull.json records what is in
// place; a file that is there and right is never fetched again, one that is there, wrong, and not
// recorded is not overwritten. Only one run at a time works in a folder.
//
// `stop` may be set from another thread or a signal handler: kCancelled.
// kInvalidArgument: a bad address or option. kNotFound, kPermissionDenied, kUnauthenticated: what
// the hub says of repository, revision and token. kDataLoss: a file whose checksum stays wrong
// (names it, expected and found), or a list of files that is hostile. kFailedPrecondition: the
// repository has nothing to load, a refused redirect, something in the way in the folder.
// kResourceExhausted: no space on the device. kUnavailable: the network, after all retries.
absl::Status PullModel(const PullOptions& options, const std::atomic<bool>& stop,
                       PullReport& report);

}  // namespace sightline::services
