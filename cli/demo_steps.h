#pragma once

#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "cli/demo_log.h"
#include "cli/demo_questions.h"
#include "cli/eval_session.h"
#include "sightline/v1/query.pb.h"
#include "tools/demo_world/world.h"

namespace sightline::cli {

// Takes the demo's questions to the server, one after the other, tells how each came out and
// returns the same as JSON. A step that the model has no part for is noted as left out, and its
// JSON is empty. Errors are those of the calls. Not thread-safe.
class DemoSteps {
 public:
  // All outlive it. `files` is the session's folder of files; with `untrained` neither reranker nor
  // generator is used.
  DemoSteps(const EvalSession& session, const demo_world::World& world, const std::string& files,
            bool untrained, DemoLog& log);

  absl::StatusOr<std::string> Search(const DemoQuestions::Search& search);
  absl::StatusOr<std::string> Answer(const DemoQuestions::Answer& answer);
  absl::StatusOr<std::string> Extract(const EvalQuestion& question);
  absl::StatusOr<std::string> FindBox(const EvalQuestion& question);

  bool photo_finds_itself() const { return photo_finds_itself_; }

 private:
  // Null of what is not of the shop.
  const demo_world::Document* OfShop(const std::string& id) const;
  bool Reranks() const { return !untrained_ && session_.model().has_reranker(); }
  bool Writes(const std::string& what);

  absl::StatusOr<std::string> KeepPictures(const EvalQuestion& question);
  std::string Shortened(const std::string& text) const;
  void SayHits(const v1::SearchResponse& reply) const;
  absl::StatusOr<std::string> FindPlace(EvalQuestion place, const v1::AnswerResponse& reply);
  absl::StatusOr<std::string> AskForBox(const std::string& what, const EvalQuestion& question,
                                        const std::string& picture);

  const EvalSession& session_;
  const demo_world::World& world_;
  const std::string& files_;
  const bool untrained_;
  DemoLog& log_;
  std::map<std::string, const demo_world::Document*> of_shop_;  // by id
  bool photo_finds_itself_ = false;
  int pictures_ = 0;  // kept
};

}  // namespace sightline::cli
