#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/prompt.h"
#include "tools/demo_world/questions.h"
#include "tools/demo_world/random.h"
#include "tools/demo_world/world.h"
#include "tools/train/model_files.h"

namespace sightline::train {

// What a piece of training teaches. Each is a column of the learning curves.
enum class Lesson {
  // Contrastive: queries and the documents that answer them, out of one world.
  kFindPhotos,  // photo -> item, text -> photo, photo + text -> photo
  kFindPages,   // text -> page picture, text -> text
  // Yes or no: does the document answer the query?
  kJudge,
  // Next token.
  kDescribe,  // a photo in words
  kWords,     // a line of words on a small picture, read
  kRead,      // a whole page, read
  kLook,      // one question about one page or text that holds the answer
  kAnswer,    // a question over several passages, with markers, or the abstention
  kExtract,   // an invoice as JSON
  kBox,       // where something is, or what is somewhere
  kTexts,     // kAnswer over words alone, pages as a text layer has them, many questions about the
              // same few: names are told apart, numbers and dates compared
  kCompare,   // kAnswer over two dated labels each of several items: what changed, when, how
  kDecide,    // the same answers, of which only what hangs on a comparison counts
};
inline constexpr int kLessons = 13;
const char* LessonName(Lesson lesson);

// Prompts whose next tokens are to be learned. `targets[p][i]` follows token i of prompt p; -1 does
// not count.
struct WritingSamples {
  std::vector<model::Prompt> prompts;
  std::vector<std::vector<int32_t>> targets;
};

// The prompts are the queries, then the documents.
struct FindingSamples {
  std::vector<model::Prompt> prompts;
  std::vector<std::vector<int>> wanted;  // for each query its documents, counted from 0
};

struct JudgingSamples {
  std::vector<model::Prompt> prompts;  // those of one query follow each other
  std::vector<float> wanted;           // 1 = yes, of each prompt
  std::vector<int> queries;            // how many prompts each has
};

// Makes samples of the demo world as prompts of the model, in the very layout of the parts that
// serve: PromptBuilder and the answering service's BuildPrompt. Borrows `files`. Immutable; any
// thread. Errors: those of the prompts.
class SampleMaker {
 public:
  explicit SampleMaker(const ModelFiles& files, bool evaluation)
      : files_(files), evaluation_(evaluation) {}

  // About `tokens` tokens of a lesson that is written.
  absl::StatusOr<WritingSamples> Writing(Lesson lesson, int tokens,
                                         demo_world::Random& random) const;
  absl::StatusOr<FindingSamples> Finding(Lesson lesson, int queries,
                                         demo_world::Random& random) const;
  absl::StatusOr<JudgingSamples> Judging(int pairs, double claims, double photos,
                                         demo_world::Random& random) const;

 private:
  demo_world::World SmallWorld(demo_world::Random& random, const demo_world::WorldSize& size) const;
  // Adds the samples that one world gives of a lesson; none where it holds nothing for it.
  absl::Status Write(Lesson lesson, demo_world::Random& random, WritingSamples& out) const;

  // Lessons about one picture (picture_samples.cc).
  absl::Status Describe(const demo_world::World& world, demo_world::Random& random,
                        WritingSamples& out) const;
  absl::Status ReadLines(const demo_world::World& world, demo_world::Random& random,
                         WritingSamples& out) const;
  absl::Status ReadPage(const demo_world::World& world, demo_world::Random& random,
                        WritingSamples& out) const;
  absl::Status Extract(const demo_world::World& world, demo_world::Random& random,
                       WritingSamples& out) const;
  // Where things are, or what stands at a place.
  absl::Status Point(const demo_world::World& world, demo_world::Random& random,
                     WritingSamples& out) const;
  // Questions about one picture, as claims where `claims`.
  absl::Status PointAt(std::vector<demo_world::Question> questions, bool claims,
                       demo_world::Random& random, WritingSamples& out) const;
  absl::Status AboutPicture(demo_world::Picture picture, const std::string& request,
                            const std::string& reply, WritingSamples& out) const;
  absl::Status Read(const demo_world::PageContent& page, demo_world::Random& random,
                    WritingSamples& out) const;
  // Of a prompt's targets: in turns that are a box most units and tens of coordinates count no
  // more.
  void LeaveOutDigits(const std::vector<bool>& is_box, demo_world::Random& random,
                      std::vector<int32_t>& targets) const;

  // Lessons of comparisons (comparison_samples.cc).
  absl::Status Compare(const demo_world::World& world, demo_world::Random& random,
                       WritingSamples& out) const;
  // Answers of which only the tokens count that tell them from what they would be if the dates, the
  // prices or the direction were the other way round: among all words of an answer these few are
  // hardly heard. Over passages, or over none: then the direction alone can be known.
  absl::Status Decide(const demo_world::World& world, demo_world::Random& random,
                      WritingSamples& out) const;
  absl::Status DecideChanges(const demo_world::World& world, demo_world::Random& random,
                             WritingSamples& out) const;
  absl::Status DecideDirections(const demo_world::World& world, demo_world::Random& random,
                                WritingSamples& out) const;
  // What the assistant says, and what it would say were something else true.
  struct Told {
    std::string text;
    std::vector<std::string> others;
  };
  // Keeps of the last prompt's targets in each of the assistant's turns those where its text begins
  // to differ from one of its `others`.
  absl::Status CountDifferences(const std::vector<Told>& turns, WritingSamples& out) const;

  // Questions asked one after the other about the same passages, which cost most.
  struct Turns {
    std::span<const demo_world::Task> tasks;
    int most = 1;
    bool words = false;  // pages are their words, not pictures
  };
  // The question over the passages, then others.
  absl::Status Answer(const demo_world::World& world, const demo_world::Question& question,
                      const std::vector<int>& passages, const Turns& turns,
                      demo_world::Random& random, WritingSamples& out) const;
  absl::StatusOr<std::vector<model::Message>> Grounded(const demo_world::World& world,
                                                       const demo_world::Question& question,
                                                       const std::vector<int>& passages,
                                                       bool words) const;
  absl::Status AddConversation(const std::vector<model::Message>& messages,
                               WritingSamples& out) const;

  // A query with its documents and look-alikes; of a question that has an answer, that answer, and
  // a wrong one, as claims.
  absl::Status Judge(const demo_world::World& world, const demo_world::Question& question,
                     demo_world::Random& random, JudgingSamples& out) const;

  const ModelFiles& files_;
  const bool evaluation_;  // worlds of the half that is never trained on
};

}  // namespace sightline::train
