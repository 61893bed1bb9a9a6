#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "services/query/locating.h"
#include "services/query/reading.h"
#include "services/query/regions.h"
#include "tools/train/sample_parts.h"
#include "tools/train/samples.h"

// Samples about one picture: described, read, asked for its values, pointed at.
namespace sightline::train {
namespace {

using demo_world::Document;
using demo_world::DocumentKind;
using demo_world::Language;
using demo_world::Picture;
using demo_world::Question;
using demo_world::Random;
using demo_world::Task;
using demo_world::World;

// Pictures taken of one world where each makes a short sample.
constexpr int kPhotosOfAWorld = 8;
constexpr int kLinesOfAWorld = 16;
// Pictures of several things take few tokens, and which of them is meant is learned late.
constexpr int kScenesOfAWorld = 4;
// The request under which pictures are described.
constexpr demo_world::Word kDescribeRequest = {"Describe the picture.", "描述图片。"};
// Of questions about places, the share that gives the place and asks what is there.
constexpr double kShownShare = 0.4;
// The share that asks where a picture says what an answer claims.
constexpr double kClaimBoxes = 0.3;
// Coordinates are thousandths of a side: their units are noise, and their tens say little; both are
// louder than the hundreds, which say which thing is meant.
constexpr double kUnitsLeftOut = 0.95;
constexpr double kTensLeftOut = 0.7;
// The share of boards of several lines among words to be read.
constexpr double kSeveralLines = 0.5;

// Words as they stand on pages, short enough for one line of a small picture.
std::string SomeLine(const World& world, Random& random) {
  constexpr size_t kMostBytes = 26;
  constexpr double kSingleWords = 0.7;
  while (true) {
    const Document& document =
        world.documents()[random.Below(static_cast<int>(world.documents().size()))];
    if (document.kind != DocumentKind::kPage) continue;
    const demo_world::PageContent& page = document.page;
    std::vector<std::string> lines = page.head;
    lines.push_back(page.title);
    lines.insert(lines.end(), page.foot.begin(), page.foot.end());
    lines.insert(lines.end(), page.columns.begin(), page.columns.end());
    for (const demo_world::PageRow& row : page.rows) {
      lines.push_back(row.label);
      lines.insert(lines.end(), row.cells.begin(), row.cells.end());
      lines.push_back(absl::StrCat(row.label, " ", absl::StrJoin(row.cells, " ")));
    }
    std::string line = random.Pick<std::string>(lines);
    // Mostly a single word: where nothing has to be found first, letters are learned much sooner.
    if (random.Chance(kSingleWords)) {
      const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
      if (!words.empty()) line = random.Pick<std::string>(words);
    }
    if (!line.empty() && line.size() <= kMostBytes) return line;
  }
}

// A small board or label of two or three such lines: between a word and a page.
demo_world::PageContent SomeLines(const World& world, Random& random) {
  demo_world::PageContent page;
  page.kind = random.Chance(0.5) ? demo_world::PageKind::kSign : demo_world::PageKind::kLabel;
  page.title = SomeLine(world, random);
  page.head.push_back(SomeLine(world, random));
  if (random.Chance(0.5)) page.head.push_back(SomeLine(world, random));
  return page;
}

}  // namespace

absl::Status SampleMaker::AboutPicture(Picture picture, const std::string& request,
                                       const std::string& reply, WritingSamples& out) const {
  return AddConversation({{"user", {ToImage(std::move(picture)), request}}, {"assistant", {reply}}},
                         out);
}

absl::Status SampleMaker::Read(const demo_world::PageContent& page, Random& random,
                               WritingSamples& out) const {
  demo_world::DrawnPage drawn = DrawPage(page, random.Next());
  std::vector<std::string> lines;
  for (const demo_world::PageLine& line : drawn.lines) lines.push_back(line.text);
  return AboutPicture(std::move(drawn.picture),
                      query::ReadRequest(page.language == Language::kChinese),
                      absl::StrJoin(lines, "\n"), out);
}

absl::Status SampleMaker::Describe(const World& world, Random& random, WritingSamples& out) const {
  for (int i = 0; i < kPhotosOfAWorld; ++i) {
    const demo_world::Look& look = random.Pick<demo_world::Item>(world.catalogue().items).look;
    const Language language = random.Chance(0.5) ? Language::kEnglish : Language::kChinese;
    Picture photo = DrawPhoto(look, random.Next());
    SL_RETURN_IF_ERROR(AboutPicture(std::move(photo), kDescribeRequest.In(language),
                                    Description(look, language, random), out));
  }
  return absl::OkStatus();
}

absl::Status SampleMaker::ReadLines(const World& world, Random& random, WritingSamples& out) const {
  for (int i = 0; i < kLinesOfAWorld; ++i) {
    if (random.Chance(kSeveralLines)) {
      SL_RETURN_IF_ERROR(Read(SomeLines(world, random), random, out));
      continue;
    }
    const std::string line = SomeLine(world, random);
    SL_RETURN_IF_ERROR(AboutPicture(demo_world::DrawWords(line, random.Next()),
                                    query::ReadRequest(/*chinese=*/false), line, out));
  }
  return absl::OkStatus();
}

absl::Status SampleMaker::ReadPage(const World& world, Random& random, WritingSamples& out) const {
  std::vector<const Document*> pages;
  for (const Document& document : world.documents()) {
    if (document.kind == DocumentKind::kPage) pages.push_back(&document);
  }
  if (pages.empty()) return absl::OkStatus();
  return Read(random.Pick<const Document*>(pages)->page, random, out);
}

absl::Status SampleMaker::Extract(const World& world, Random& random, WritingSamples& out) const {
  std::optional<Question> question = Ask(world, Task::kExtraction, random);
  if (!question.has_value()) return absl::OkStatus();
  return AboutPicture(std::move(question->pictures.front()), question->text, question->json, out);
}

absl::Status SampleMaker::Point(const World& world, Random& random, WritingSamples& out) const {
  const bool claims = random.Chance(kClaimBoxes);
  SL_RETURN_IF_ERROR(PointAt(claims ? AskClaimBoxes(world, random) : AskBoxes(world, random),
                             claims, random, out));
  for (int i = 0; i < kScenesOfAWorld; ++i) {
    SL_RETURN_IF_ERROR(PointAt(AskSceneBoxes(world, random), /*claims=*/false, random, out));
  }
  return absl::OkStatus();
}

absl::Status SampleMaker::PointAt(std::vector<Question> questions, bool claims, Random& random,
                                  WritingSamples& out) const {
  if (questions.empty()) return absl::OkStatus();
  Shuffle(questions, random);
  std::vector<model::Message> messages;
  std::vector<bool> is_box;
  for (const Question& question : questions) {
    // One way or the other: after the one, the other only needs to be copied.
    is_box.push_back(!random.Chance(kShownShare));
    const std::string asked =
        !is_box.back() ? query::ShownRequest(question.language == Language::kChinese, question.json)
        : claims       ? query::RegionRequest(question.answer.front().text)
                       : question.text;
    messages.push_back({"user", {asked}});
    messages.push_back({"assistant", {is_box.back() ? question.json : question.shown}});
  }
  const ImagePtr picture = ToImage(std::move(questions.front().pictures.front()));
  messages.front().parts.emplace(messages.front().parts.begin(), picture);
  SL_RETURN_IF_ERROR(AddConversation(messages, out));
  LeaveOutDigits(is_box, random, out.targets.back());
  return absl::OkStatus();
}

void SampleMaker::LeaveOutDigits(const std::vector<bool>& is_box, Random& random,
                                 std::vector<int32_t>& targets) const {
  size_t turn = 0;
  int digits = 0;  // that stand before, one token each
  for (size_t i = 0; i < targets.size(); ++i) {
    const int32_t target = targets[i];
    if (target < 0) continue;
    const std::string text = files_.tokenizer().Decode({&target, 1}, false);
    if (text.size() == 1 && absl::ascii_isdigit(static_cast<unsigned char>(text[0]))) {
      ++digits;
      continue;
    }
    if (is_box[turn]) {
      if (digits > 1 && random.Chance(kUnitsLeftOut)) targets[i - 1] = -1;
      if (digits > 2 && random.Chance(kTensLeftOut)) targets[i - 2] = -1;
    }
    digits = 0;
    turn += target == files_.turn_end() ? 1 : 0;
  }
}

}  // namespace sightline::train
