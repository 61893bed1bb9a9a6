#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/process.h"

namespace sightline::cli {

struct PrivateServerOptions {
  std::string data;     // the corpus folder; made when missing
  std::string model;    // folder; empty = the server's default
  std::string http;     // address of the web page and REST, or empty for none
  std::string backups;  // folder for them, or empty for none
  bool quiet = false;   // no line that says that the model is being loaded
  absl::Duration start_timeout = absl::Minutes(10);  // a large model is read from disk first
};

// A `sightline-server` of our own on a Unix socket: it serves one data folder to this process alone
// and ends with it. What it logs goes to server.log in the data folder. Not thread-safe.
class PrivateServer {
 public:
  // Returns once it serves. kNotFound: no sightline-server beside this program;
  // kFailedPrecondition: it ended instead, with the end of its log; kDeadlineExceeded; kCancelled:
  // interrupted.
  static absl::StatusOr<std::unique_ptr<PrivateServer>> Start(const PrivateServerOptions& options);

  // Asks it to stop and waits until it has; kills it after 30 seconds.
  ~PrivateServer();

  const std::string& grpc_address() const { return grpc_address_; }
  const std::string& http_address() const { return http_address_; }  // "off" when it has none
  // Memory that it takes now. kUnavailable: it is gone.
  absl::StatusOr<int64_t> ResidentBytes() const;

 private:
  PrivateServer(std::unique_ptr<TempDir> socket_folder, std::unique_ptr<Process> process);
  absl::Status WaitUntilReady(const PrivateServerOptions& options, const std::string& log_path,
                              uint64_t log_start);

  std::unique_ptr<TempDir> socket_folder_;  // outlives the process
  std::unique_ptr<Process> process_;
  std::string grpc_address_;
  std::string http_address_;
};

// The path of a program that is installed beside this one. kNotFound when it is not there.
absl::StatusOr<std::string> SisterProgram(const std::string& name);

}  // namespace sightline::cli
