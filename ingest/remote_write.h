#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "index/corpus.h"
#include "ingest/ingestor.h"
#include "ingest/media/media_client.h"

// What workers elsewhere send is believed as little as any other input. Pure functions; any thread.
namespace sightline::ingest {

// Bounds on what one document may be told to hold, besides those on its text and pictures.
inline constexpr size_t kMaxRemotePassages = 1'000'000;
inline constexpr size_t kMaxRemoteFailures = 100'000;
inline constexpr size_t kMaxRemoteMessage = 4096;  // bytes of a failure's reason or message

// A member of a leased document, as a worker names it.
struct RemoteMember {
  std::vector<std::string> path;  // in each file from the outermost on
  std::string content_hash;
  int64_t bytes = 0;
};

// The document of a member of `whole`. kInvalidArgument: there cannot be such a member.
absl::StatusOr<index::Document> RemoteMemberDocument(const index::Document& whole,
                                                     const RemoteMember& member);

// `write` as what became of `asked`: from the worker come media type, pages, state, failures,
// metadata, passages, vectors and pictures; whose they are is the server's to say. kInvalidArgument
// names the first thing that no reader of ours makes: a vector of another dimension, not finite or
// not of unit length, text that is not UTF-8, a picture that was not sent along, too much of
// anything, a state that does not go with the rest.
absl::StatusOr<index::DocumentWrite> AdoptWrite(const index::Document& asked,
                                                index::DocumentWrite write, int dimension,
                                                const IngestOptions& options,
                                                const media::MediaLimits& limits);

}  // namespace sightline::ingest
