#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file.h"
#include "cli/connection.h"
#include "cli/ingest_item.h"
#include "cli/progress.h"
#include "sightline/v1/model.pb.h"
#include "sightline/v1/query.pb.h"

namespace sightline::cli {

struct EvalSessionOptions {
  std::string server;      // HOST:PORT of a running one, or empty for a private one
  std::string data;        // folder of the private one, kept; empty = a temporary one
  std::string model;       // of the private one; empty = the bundled one
  std::string http;        // of the private one: address of its web page, or empty for none
  bool untrained = false;  // a copy of it with random weights
  uint64_t seed = 0;       // of those weights
  // Of the collection, as of `collections create`; one that is there keeps what it has.
  std::string patches = "none";
  bool keep = false;  // leave data folder and collection, in ./sightline-eval without `data`
  bool quiet = false;
  std::string files;  // folder for what WriteFile writes, kept; empty = a temporary one
};

// The server that is evaluated, and the collection that is made on it for that. Calls may come from
// any thread.
class EvalSession {
 public:
  // Errors as Connection::Open and CopyUntrained.
  static absl::StatusOr<std::unique_ptr<EvalSession>> Open(const EvalSessionOptions& options,
                                                           const std::string& collection);

  // Removes what is not kept: the temporary folder, and of a running server the collection, unless
  // it was there before.
  ~EvalSession();

  const Connection& connection() const { return *connection_; }
  const v1::GetModelResponse& model() const { return model_; }
  const std::string& collection() const { return collection_; }
  const std::string& kept_data() const { return kept_data_; }  // "" when nothing is kept

  // kFailedPrecondition where `wanted` and the model has none.
  absl::Status CheckReranker(bool wanted) const;

  // "kept in DIR, collection NAME"
  std::string KeptText() const;

  // Writes a file to be sent, `name` with folders allowed, and returns its path.
  absl::StatusOr<std::string> WriteFile(const std::string& name, absl::string_view content) const;

  // Sends all that `visit` hands out. kInternal with the document and the reason when one fails.
  absl::Status Ingest(const std::function<absl::Status(const IngestVisitor&)>& visit,
                      Progress& progress) const;

  absl::StatusOr<v1::SearchResponse> Search(const v1::SearchRequest& request) const;
  absl::StatusOr<v1::AnswerResponse> Answer(const v1::SearchAndAnswerRequest& request) const;
  absl::StatusOr<v1::CheckClaimsResponse> CheckClaims(const v1::CheckClaimsRequest& request) const;
  absl::StatusOr<v1::LocateResponse> Locate(const v1::LocateRequest& request) const;
  // The whole text.
  absl::StatusOr<std::string> Generate(const v1::GenerateRequest& request) const;

 private:
  EvalSession() = default;

  std::unique_ptr<TempDir> temp_;  // outlives the server
  std::string files_;
  std::string kept_data_;
  std::string collection_;
  bool remove_collection_ = false;
  std::unique_ptr<Connection> connection_;
  v1::GetModelResponse model_;
};

}  // namespace sightline::cli
