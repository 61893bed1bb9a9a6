#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "index/corpus.h"
#include "ingest/ingestor.h"
#include "ingest/media/media_client.h"
#include "model/encoder.h"

namespace sightline::ingest {

// Brings collections whose vectors come from another model over to this one, behind everything
// else: the texts and pictures that are stored are embedded again into a generation of its own,
// which takes the collection's place when it is complete (index::Corpus::BeginGeneration).
// Documents are not read anew: their bytes are not kept. Until the switch the collection answers as
// before, without vectors; what was done so far stays when the process ends. One thread of its own.
class Reembedder {
 public:
  // All outlive it. Begins at once with the collections there are.
  Reembedder(const IngestOptions& options, index::Corpus& corpus, model::Encoder& encoder,
             media::MediaClient& media);
  ~Reembedder();  // stops

  // Takes no more work up and waits for the document at hand.
  void Stop();

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

// What Reembedder does with one collection; returns when it is of this model. kCancelled: `cancel`,
// which is not null, was notified; other failures are of the encoder or of the corpus, and what was
// done stays.
absl::Status Reembed(const IngestOptions& options, const std::string& collection,
                     index::Corpus& corpus, model::Encoder& encoder, media::MediaClient& media,
                     const model::CancelFlag& cancel);

}  // namespace sightline::ingest
