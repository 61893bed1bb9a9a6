#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/demo_world/random.h"
#include "tools/demo_world/world.h"

namespace sightline::demo_world {

enum class Task {
  // To be found.
  kPhotoToItem,  // another photo of an item -> its photo
  kTextToPhoto,  // words for what it looks like -> its photo
  kComposed,     // photo + "the same but in red" -> the photo of the changed item
  kTextToPage,   // words that only a page's picture carries -> the page
  kTextToText,   // a question -> the text that answers it
  // To be answered from what was found.
  kPageAnswer,   // stands on a label, sign or chart
  kTableAnswer,  // in a row of a price list, invoice or stock table
  kTextAnswer,
  kTwoPassages,  // half in one document, half in another
  kComparison,   // two dated labels of one item: what changed, from what to what, when
  kAbstain,      // a question of any kind above whose answer stands nowhere
  // About a picture at hand.
  kExtraction,  // an invoice -> JSON of kInvoiceSchema
  kBox,         // an item of a scene, or a row of a page -> its box
  // To be found, in the middle of a conversation.
  kFollowUp,       // "And who makes it?" -> the document that says so
  kPhotoFollowUp,  // a photo a turn ago, and "the same but in red" -> the photo of the changed item
  kNewTopic,       // a whole question after others about something else
};

// One earlier message of a conversation.
struct Turn {
  bool by_assistant = false;
  std::string text;
  std::vector<Picture> pictures = {};
};

struct AnswerSentence {
  std::string text;            // without marker, with its full stop: "The Lumo mug costs 32.50."
  std::vector<int> documents;  // that hold it, at least one
};

struct Question {
  Task task = Task::kTextAnswer;
  Language language = Language::kEnglish;
  std::string text;                    // may be empty
  std::vector<Picture> pictures;       // asked with it
  std::vector<Turn> history;           // said before it, oldest first
  std::vector<int> documents;          // of the world, that hold the answer; empty: none does
  std::vector<AnswerSentence> answer;  // empty of what is to be found, and of kAbstain
  std::string wrong_answer;            // of one fact: with the value of another, if there is one
  std::string json;                    // kExtraction, kBox: the reply
  std::optional<Box> box;              // kBox: where it is
  std::string shown;                   // kBox: what is there, in words or as the page writes it
  std::vector<int> near;  // documents that look like an answer and are none: same kind of page, an
                          // item of the group, a text about something close
};

// JSON schema of what is read from an invoice: number, date, customer, rows of item, quantity and
// price, total.
extern const char kInvoiceSchema[];

// A question of that kind about the world; nothing when it holds nothing to ask so.
std::optional<Question> Ask(const World& world, Task task, Random& random);

// Where `drawn`, its page, says `fact`: in its row, or in the line of head or foot that says it of
// all rows. Null where no line does.
const PageLine* LineOf(const World::Fact& fact, const DrawnPage& drawn);

// Questions of kBox about one picture, at least one unless the world has too few items: a scene of
// several items, or a page.
std::vector<Question> AskBoxes(const World& world, Random& random);
std::vector<Question> AskSceneBoxes(const World& world, Random& random);

// Of one page, for facts that it states: `answer` is the sentence that says one, `box` the line of
// the picture where it stands. `text` is empty. Nothing when the world has no page.
std::vector<Question> AskClaimBoxes(const World& world, Random& random);

// Lines of all texts that such worlds hold: texts and lines of pages, questions, answers,
// descriptions and JSON replies, in both languages. A tokenizer is learned from them.
std::vector<std::string> SampleText(uint64_t seed, int lines);

// A box as Qwen3-VL writes it: {"bbox_2d": [x0, y0, x1, y1]}, whole numbers 0 to 1000.
std::string BoxJson(const Box& box);

}  // namespace sightline::demo_world
