#include "tools/demo_world/questions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tools/demo_world/conversations.h"
#include "tools/demo_world/wording.h"

namespace sightline::demo_world {
namespace {

using Fact = World::Fact;
using Kind = Fact::Kind;

constexpr int kFewestNear = 3;
constexpr int kMostNear = 8;

// The number in "invoice 4821".
std::string LastWord(const std::string& text) { return text.substr(text.rfind(' ') + 1); }

Language RandomLanguage(Random& random) {
  return random.Chance(0.5) ? Language::kEnglish : Language::kChinese;
}

const Document& DocumentOf(const World& world, const Fact& fact) {
  return world.documents()[fact.document];
}

Language LanguageOf(const World& world, const Fact& fact) {
  return DocumentOf(world, fact).language;
}

// The facts that `wanted` accepts.
template <typename Wanted>
std::vector<const Fact*> FactsWhere(const World& world, const Wanted& wanted) {
  std::vector<const Fact*> found;
  for (const Fact& fact : world.facts()) {
    if (wanted(fact)) found.push_back(&fact);
  }
  return found;
}

// One of `facts`, null when there is none: first a kind, then one of that kind, so that what the
// world is full of is not all that is asked.
const Fact* PickFact(const std::vector<const Fact*>& facts, Random& random) {
  if (facts.empty()) return nullptr;
  std::array<int, Fact::kKinds> count = {};
  for (const Fact* const fact : facts) ++count[static_cast<size_t>(fact->kind)];
  int kind = random.Below(Fact::kKinds);
  while (count[kind] == 0) kind = random.Below(Fact::kKinds);
  int left = random.Below(count[kind]);
  for (const Fact* const fact : facts) {
    if (static_cast<int>(fact->kind) == kind && left-- == 0) return fact;
  }
  return nullptr;
}

// Takes 3 to 8 documents of the highest score above 0, ties in random order.
std::vector<int> Nearest(const std::vector<int>& scores, Random& random) {
  struct Candidate {
    int score;
    uint64_t order;
    int document;
  };
  std::vector<Candidate> candidates;
  for (int i = 0; i < static_cast<int>(scores.size()); ++i) {
    if (scores[i] > 0) candidates.push_back({scores[i], random.Next(), i});
  }
  const auto most =
      std::min(candidates.size(), static_cast<size_t>(random.Between(kFewestNear, kMostNear)));
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<ptrdiff_t>(most),
                    candidates.end(), [](const Candidate& a, const Candidate& b) {
                      return std::pair(-a.score, a.order) < std::pair(-b.score, b.order);
                    });
  std::vector<int> near;
  for (size_t i = 0; i < most; ++i) near.push_back(candidates[i].document);
  return near;
}

// Pages and texts that speak of the same things as `asked`, then those that speak of the same kind
// of thing, then those that look like its document; without those of `answer`.
std::vector<int> NearFacts(const World& world, std::span<const Fact* const> asked,
                           std::span<const int> answer, Language language, Random& random) {
  const std::vector<Document>& documents = world.documents();
  std::vector<int> scores(documents.size());
  for (size_t i = world.catalogue().items.size(); i < documents.size(); ++i) {
    const Document& document = documents[i];
    scores[i] = document.language == language ? 2 : 1;
    for (const Fact* const fact : asked) {
      if (fact->document < 0) continue;
      const Document& theirs = DocumentOf(world, *fact);
      const bool same = theirs.kind == document.kind && (document.kind == DocumentKind::kText ||
                                                         theirs.page.kind == document.page.kind);
      scores[i] += same ? 2 : 0;
    }
  }
  std::vector<int> most(documents.size());  // of the facts of a document
  for (const Fact& other : world.facts()) {
    int score = 0;
    for (const Fact* const fact : asked) {
      if (other.subject == fact->subject || (fact->item >= 0 && other.item == fact->item)) {
        score += 16;
      }
      if (other.kind == fact->kind) score += 8;
    }
    most[other.document] = std::max(most[other.document], score);
  }
  for (size_t i = 0; i < documents.size(); ++i) scores[i] += most[i];
  for (const int document : answer) scores[document] = 0;
  return Nearest(scores, random);
}

int SameAttributes(const Look& a, const Look& b) {
  return (a.kind == b.kind) + (a.color == b.color) + (a.pattern == b.pattern) +
         (a.second == b.second) + (a.material == b.material);
}

// Photos of items that look much like `item`, of its group first.
std::vector<int> NearPhotos(const World& world, int item, Random& random) {
  const std::vector<Item>& items = world.catalogue().items;
  std::vector<int> scores(items.size());
  for (const Item& other : items) {
    if (other.number == item) continue;
    const int same = SameAttributes(other.look, items[item].look);
    scores[other.number] = same + (other.look.kind == items[item].look.kind ? 1 : 0) +
                           (other.group == items[item].group ? 4 : 0);
  }
  return Nearest(scores, random);
}

Question AboutFact(const World& world, Task task, const Fact& fact, Random& random) {
  Question question;
  question.task = task;
  question.language = LanguageOf(world, fact);
  question.text = FactQuestion(fact, question.language, random);
  question.documents = {fact.document};
  const Fact* const asked[] = {&fact};
  question.near = NearFacts(world, asked, question.documents, question.language, random);
  return question;
}

std::optional<Question> AskPhotoToItem(const World& world, Random& random) {
  const std::vector<Item>& items = world.catalogue().items;
  const Item& item = random.Pick(std::span<const Item>(items));
  Question question;
  question.task = Task::kPhotoToItem;
  question.language = RandomLanguage(random);
  question.pictures = {DrawPhoto(item.look, random.Next())};
  question.documents = {item.number};
  question.near = NearPhotos(world, item.number, random);
  return question;
}

std::optional<Question> AskTextToPhoto(const World& world, Random& random) {
  const Item& item = random.Pick(std::span<const Item>(world.catalogue().items));
  Question question;
  question.task = Task::kTextToPhoto;
  question.language = RandomLanguage(random);
  question.text = Description(item.look, question.language, random);
  question.documents = {item.number};
  question.near = NearPhotos(world, item.number, random);
  return question;
}

std::optional<Question> AskComposed(const World& world, Random& random) {
  const std::vector<Item>& items = world.catalogue().items;
  const int count = static_cast<int>(items.size());
  const int start = random.Below(count);
  for (int i = 0; i < count; ++i) {
    const Item& from = items[(start + i) % count];
    std::vector<int> partners;
    // Items of a group follow each other.
    for (int j = from.number; j >= 0 && items[j].group == from.group; --j) {
      if (SameAttributes(items[j].look, from.look) == 4) partners.push_back(j);
    }
    for (int j = from.number; j < count && items[j].group == from.group; ++j) {
      if (SameAttributes(items[j].look, from.look) == 4) partners.push_back(j);
    }
    if (partners.empty()) continue;
    const Item& to = items[random.Pick(std::span<const int>(partners))];
    Question question;
    question.task = Task::kComposed;
    question.language = RandomLanguage(random);
    question.text = ChangeRequest(from.look, to.look, question.language, random);
    question.pictures = {DrawPhoto(from.look, random.Next())};
    question.documents = {to.number};
    question.near = NearPhotos(world, to.number, random);
    // The photo shown is what a search that does not read the words finds.
    if (std::ranges::find(question.near, from.number) == question.near.end()) {
      question.near.back() = from.number;
    }
    return question;
  }
  return std::nullopt;
}

std::optional<Question> AskTextToPage(const World& world, Random& random) {
  const std::vector<const Fact*> facts = FactsWhere(
      world, [&](const Fact& fact) { return DocumentOf(world, fact).kind == DocumentKind::kPage; });
  const Fact* const fact = PickFact(facts, random);
  if (fact == nullptr) return std::nullopt;
  Question question = AboutFact(world, Task::kTextToPage, *fact, random);
  const double p = random.Real();
  if (p < 0.5) {
    question.text = PageRequest(DocumentOf(world, *fact).page, random);
  } else if (p < 0.7) {
    const std::string text = WhereQuestion(*fact, question.language, random);
    if (!text.empty()) question.text = text;
  }
  return question;
}

std::optional<Question> AskTextToText(const World& world, Random& random) {
  const std::vector<const Fact*> facts = FactsWhere(
      world, [&](const Fact& fact) { return DocumentOf(world, fact).kind == DocumentKind::kText; });
  const Fact* const fact = PickFact(facts, random);
  if (fact == nullptr) return std::nullopt;
  return AboutFact(world, Task::kTextToText, *fact, random);
}

bool IsTable(const Document& document) {
  return document.page.kind == PageKind::kPriceList || document.page.kind == PageKind::kInvoice ||
         document.page.kind == PageKind::kStockTable;
}

// kPageAnswer, kTableAnswer, kTextAnswer.
std::optional<Question> AskOneFact(const World& world, Task task, Random& random) {
  const std::vector<const Fact*> facts = FactsWhere(world, [&](const Fact& fact) {
    const Document& document = DocumentOf(world, fact);
    if (task == Task::kTextAnswer) return document.kind == DocumentKind::kText;
    return document.kind == DocumentKind::kPage && fact.kind != Kind::kDatedPrice &&
           IsTable(document) == (task == Task::kTableAnswer);
  });
  const Fact* const fact = PickFact(facts, random);
  if (fact == nullptr) return std::nullopt;
  Question question = AboutFact(world, task, *fact, random);
  question.answer = {{FactAnswer(*fact, question.language), {fact->document}}};
  // From a generator of its own: the next question stays the same.
  Random fork = random.Fork(3);
  const Fact* const other =
      PickFact(FactsWhere(world,
                          [&](const Fact& some) {
                            return some.kind == fact->kind && some.value != fact->value &&
                                   LanguageOf(world, some) == question.language;
                          }),
               fork);
  if (other != nullptr) {
    Fact wrong = *fact;
    wrong.value = other->value;
    question.wrong_answer = FactAnswer(wrong, question.language);
  }
  return question;
}

// What pages and texts alike say of items.
constexpr std::array kPlainKinds = {Kind::kPrice, Kind::kStock, Kind::kMaker, Kind::kWarehouse};

bool IsPlain(Kind kind) { return std::ranges::find(kPlainKinds, kind) != kPlainKinds.end(); }

// A fact that goes with `first` into a question of two passages: of the same language, in another
// document.
template <typename Wanted>
const Fact* Partner(const World& world, const Fact& first, const Wanted& wanted, Random& random) {
  return PickFact(FactsWhere(world,
                             [&](const Fact& fact) {
                               return fact.document != first.document &&
                                      LanguageOf(world, fact) == LanguageOf(world, first) &&
                                      wanted(fact);
                             }),
                  random);
}

Question FromTwo(const World& world, const Fact& first, const Fact& second, Random& random) {
  Question question;
  question.task = Task::kTwoPassages;
  question.language = LanguageOf(world, first);
  question.documents = {first.document, second.document};
  question.answer = {{FactAnswer(first, question.language), {first.document}},
                     {FactAnswer(second, question.language), {second.document}}};
  const Fact* const asked[] = {&first, &second};
  question.near = NearFacts(world, asked, question.documents, question.language, random);
  return question;
}

std::optional<Question> AskDearer(const World& world, Random& random) {
  const auto is_price = [](const Fact& fact) { return fact.kind == Kind::kPrice; };
  const Fact* const first = PickFact(FactsWhere(world, is_price), random);
  if (first == nullptr) return std::nullopt;
  const std::vector<Item>& items = world.catalogue().items;
  const Fact* const second = Partner(
      world, *first,
      [&](const Fact& fact) {
        return is_price(fact) && items[fact.item].price_cents != items[first->item].price_cents;
      },
      random);
  if (second == nullptr) return std::nullopt;
  const bool less = random.Chance(0.3);
  Question question = FromTwo(world, *first, *second, random);
  question.text = DearerQuestion(*first, *second, less, question.language, random);
  const bool first_dearer = items[first->item].price_cents > items[second->item].price_cents;
  question.answer.push_back(
      {DearerAnswer(first_dearer != less ? *first : *second, less, question.language),
       question.documents});
  return question;
}

std::optional<Question> AskPair(const World& world, Random& random) {
  const auto is_plain = [](const Fact& fact) { return IsPlain(fact.kind); };
  const Fact* const first = PickFact(FactsWhere(world, is_plain), random);
  if (first == nullptr) return std::nullopt;
  const Fact* const second = Partner(
      world, *first, [&](const Fact& fact) { return is_plain(fact) && fact.kind != first->kind; },
      random);
  if (second == nullptr) return std::nullopt;
  Question question = FromTwo(world, *first, *second, random);
  question.text = PairQuestion(*first, *second, question.language, random);
  return question;
}

std::optional<Question> AskMakerOfItem(const World& world, Random& random) {
  const Fact* const of_maker = PickFact(FactsWhere(world,
                                                   [](const Fact& fact) {
                                                     return fact.kind == Kind::kMakerCity ||
                                                            fact.kind == Kind::kMakerFounded;
                                                   }),
                                        random);
  if (of_maker == nullptr) return std::nullopt;
  const Fact* const maker = Partner(
      world, *of_maker,
      [&](const Fact& fact) { return fact.kind == Kind::kMaker && fact.maker == of_maker->maker; },
      random);
  if (maker == nullptr) return std::nullopt;
  Question question = FromTwo(world, *maker, *of_maker, random);
  question.text =
      MakerOfItemQuestion(*maker, *of_maker, random.Chance(0.5), question.language, random);
  return question;
}

std::optional<Question> AskTwoPassages(const World& world, Random& random) {
  const int first = random.Below(3);
  for (int i = 0; i < 3; ++i) {
    const int form = (first + i) % 3;
    std::optional<Question> question = form == 0   ? AskDearer(world, random)
                                       : form == 1 ? AskPair(world, random)
                                                   : AskMakerOfItem(world, random);
    if (question.has_value()) return question;
  }
  return std::nullopt;
}

std::optional<Question> AskComparison(const World& world, Random& random) {
  const auto is_dated = [](const Fact& fact) { return fact.kind == Kind::kDatedPrice; };
  const Fact* before = PickFact(FactsWhere(world, is_dated), random);
  if (before == nullptr) return std::nullopt;
  const Fact* after = Partner(
      world, *before, [&](const Fact& fact) { return is_dated(fact) && fact.item == before->item; },
      random);
  if (after == nullptr) return std::nullopt;
  if (before->detail > after->detail) std::swap(before, after);  // dates sort as text
  // Of prices, which all have two decimals, the longer text is the higher one.
  const bool rose =
      std::pair(before->value.size(), before->value) < std::pair(after->value.size(), after->value);
  Question question = FromTwo(world, *before, *after, random);
  question.task = Task::kComparison;
  question.text = ChangeQuestion(*before, question.language, random);
  question.answer = {{ChangeAnswer(*before, *after, rose, question.language), question.documents}};
  return question;
}

// What a question without an answer asks for, and the language it is asked in.
struct Unwritten {
  Fact fact;
  Language language = Language::kEnglish;
};

Question AskUnwritten(const World& world, const Unwritten& unwritten, Random& random) {
  Question question;
  question.task = Task::kAbstain;
  question.language = unwritten.language;
  question.text = FactQuestion(unwritten.fact, question.language, random);
  const Fact* const asked[] = {&unwritten.fact};
  question.near = NearFacts(world, asked, {}, question.language, random);
  return question;
}

bool IsWritten(const World& world, Kind kind, int item, int maker) {
  return std::ranges::any_of(world.facts(), [&](const Fact& fact) {
    const bool price = fact.kind == Kind::kSalePrice || fact.kind == Kind::kDatedPrice;
    return (fact.kind == kind || (kind == Kind::kPrice && price)) &&
           (item >= 0 ? fact.item == item : fact.maker == maker);
  });
}

// An attribute that stands nowhere, of an item that the world mostly speaks of otherwise.
std::optional<Unwritten> UnwrittenAttribute(const World& world, Random& random) {
  Unwritten unwritten;
  unwritten.language = RandomLanguage(random);
  for (int tries = 0; tries < 12; ++tries) {
    const Fact& known = random.Pick(std::span<const Fact>(world.facts()));
    const int item = known.item >= 0 && random.Chance(0.8)
                         ? known.item
                         : random.Below(static_cast<int>(world.catalogue().items.size()));
    const Kind kind = random.Pick(std::span<const Kind>(kPlainKinds));
    if (IsWritten(world, kind, item, -1)) continue;
    if (item == known.item) unwritten.language = LanguageOf(world, known);
    unwritten.fact.kind = kind;
    unwritten.fact.item = item;
    unwritten.fact.subject = FullName(world.catalogue().items[item], unwritten.language);
    return unwritten;
  }
  return std::nullopt;
}

// An item that does not exist: a new name, or a known one of another kind of thing.
std::optional<Unwritten> UnknownItem(const World& world, Random& random) {
  const std::vector<Item>& items = world.catalogue().items;
  Unwritten unwritten;
  unwritten.language = RandomLanguage(random);
  unwritten.fact.kind = random.Pick(std::span<const Kind>(kPlainKinds));
  Item item = random.Pick(std::span<const Item>(items));
  if (random.Chance(0.6)) {
    Random fork = random.Fork(1);
    item = MakeCatalogue(SplitOfSeed(world.seed()), 1, fork).items[0];
    random.Next();
    const bool known =
        std::ranges::any_of(items, [&](const Item& other) { return other.name == item.name; });
    if (known) return std::nullopt;
    item.number = static_cast<int>(items.size());
  } else {
    item.look.kind = (item.look.kind + random.Between(1, kKinds - 1)) % kKinds;
  }
  unwritten.fact.item = item.number;
  unwritten.fact.subject = FullName(item, unwritten.language);
  return unwritten;
}

std::optional<Unwritten> UnwrittenOfMaker(const World& world, Random& random) {
  const std::vector<Maker>& makers = world.catalogue().makers;
  Unwritten unwritten;
  unwritten.language = RandomLanguage(random);
  unwritten.fact.kind = random.Chance(0.5) ? Kind::kMakerCity : Kind::kMakerFounded;
  const int maker = random.Below(static_cast<int>(makers.size()));
  if (!IsWritten(world, unwritten.fact.kind, -1, maker)) {
    unwritten.fact.maker = maker;
    unwritten.fact.subject = makers[maker].name;
    return unwritten;
  }
  Random fork = random.Fork(2);
  random.Next();
  unwritten.fact.subject = MakeCatalogue(SplitOfSeed(world.seed()), 1, fork).makers[0].name;
  const bool known = std::ranges::any_of(
      makers, [&](const Maker& other) { return other.name == unwritten.fact.subject; });
  if (known) return std::nullopt;
  return unwritten;
}

// Something else of a page that there is: another number, a month that a chart lacks, a day that a
// sign lacks, an item that an invoice lacks.
std::optional<Unwritten> UnwrittenOnPage(const World& world, Random& random) {
  const Fact* const like =
      PickFact(FactsWhere(world,
                          [](const Fact& fact) {
                            return fact.kind == Kind::kTotal || fact.kind == Kind::kInvoiceDate ||
                                   fact.kind == Kind::kCustomer || fact.kind == Kind::kQuantity ||
                                   fact.kind == Kind::kChart || fact.kind == Kind::kMakerChart ||
                                   fact.kind == Kind::kHours;
                          }),
               random);
  if (like == nullptr) return std::nullopt;
  Unwritten unwritten;
  unwritten.language = LanguageOf(world, *like);
  Fact& fact = unwritten.fact;
  fact = *like;
  switch (like->kind) {
    case Kind::kQuantity: {
      const std::vector<Item>& items = world.catalogue().items;
      fact.item = random.Below(static_cast<int>(items.size()));
      fact.subject = FullName(items[fact.item], unwritten.language);
      break;
    }
    case Kind::kChart:
    case Kind::kMakerChart:
      fact.detail = random.Chance(0.5) ? MonthName(random.Below(12), unwritten.language)
                                       : CityWord(random.Below(kCities)).In(unwritten.language);
      break;
    case Kind::kHours:
      if (random.Chance(0.5)) {
        const std::vector<const Fact*> others = FactsWhere(world, [&](const Fact& some) {
          return some.kind == Kind::kHours && LanguageOf(world, some) == unwritten.language;
        });
        fact.detail = PickFact(others, random)->detail;
      } else {
        const int place = random.Below(kWarehouses + kCities);
        const auto name = [&](Language language) {
          return place < kWarehouses ? WarehouseName(place, language)
                                     : ShopName(place - kWarehouses, language);
        };
        fact.subject = name(unwritten.language);
        const bool has_sign = std::ranges::any_of(world.facts(), [&](const Fact& some) {
          return some.subject == name(Language::kEnglish) ||
                 some.subject == name(Language::kChinese);
        });
        if (has_sign) return std::nullopt;
      }
      break;
    default:
      fact.subject = absl::StrCat(like->subject.substr(0, like->subject.rfind(' ') + 1),
                                  random.Between(1000, 9999));
  }
  const bool written = std::ranges::any_of(world.facts(), [&](const Fact& some) {
    if (some.kind != fact.kind || some.detail != fact.detail) return false;
    // The number of an invoice is its own in both languages.
    const bool of_invoice = fact.item < 0 && fact.maker < 0 && fact.kind != Kind::kHours;
    return some.subject == fact.subject ||
           (of_invoice && absl::EndsWith(some.subject, LastWord(fact.subject)));
  });
  if (written) return std::nullopt;
  return unwritten;
}

std::optional<Question> AskAbstain(const World& world, Random& random) {
  for (int tries = 0; tries < 16; ++tries) {
    const double p = random.Real();
    const std::optional<Unwritten> unwritten = p < 0.35   ? UnwrittenAttribute(world, random)
                                               : p < 0.6  ? UnknownItem(world, random)
                                               : p < 0.75 ? UnwrittenOfMaker(world, random)
                                                          : UnwrittenOnPage(world, random);
    if (unwritten.has_value()) return AskUnwritten(world, *unwritten, random);
  }
  return std::nullopt;
}

// Names, numbers and dates of the world hold nothing that JSON would escape.
std::string Quoted(const std::string& text) { return absl::StrCat("\"", text, "\""); }

std::optional<Question> AskExtraction(const World& world, Random& random) {
  const Fact* const total = PickFact(
      FactsWhere(world, [](const Fact& fact) { return fact.kind == Kind::kTotal; }), random);
  if (total == nullptr) return std::nullopt;
  const PageContent& page = DocumentOf(world, *total).page;
  std::string date, customer;
  for (const Fact& fact : world.facts()) {
    if (fact.document != total->document) continue;
    if (fact.kind == Kind::kInvoiceDate) date = fact.value;
    if (fact.kind == Kind::kCustomer) customer = fact.value;
  }
  std::string rows;
  for (const PageRow& row : page.rows) {
    absl::StrAppend(&rows, rows.empty() ? "" : ",", "{\"item\":", Quoted(row.label),
                    ",\"quantity\":", row.cells[0], ",\"price\":", Quoted(row.cells[1]), "}");
  }
  Question question;
  question.task = Task::kExtraction;
  question.language = page.language;
  question.text = ExtractionRequest(page.language, random);
  question.pictures = {DrawPage(page, random.Next()).picture};
  question.documents = {total->document};
  question.json = absl::StrCat("{\"number\":", Quoted(LastWord(total->subject)),
                               ",\"date\":", Quoted(date), ",\"customer\":", Quoted(customer),
                               ",\"items\":[", rows, "],\"total\":", Quoted(total->value), "}");
  return question;
}

// Whether somebody may take the words for this one. A colour may be that of the pattern as long as
// the two are not named apart.
bool Fits(const Look& look, const Look& wanted, const NamedParts& named) {
  const bool has_color =
      look.color == wanted.color || (!named.second && look.second == wanted.color);
  return look.kind == wanted.kind && (!named.color || has_color) &&
         (!named.pattern || look.pattern == wanted.pattern) &&
         (!named.second || look.second == wanted.second) &&
         (!named.material || look.material == wanted.material);
}

// Attributes of looks[0] that tell it from the others: no more than needed, or one more.
NamedParts TellApart(const std::vector<Look>& looks, Random& random) {
  NamedParts named;
  const auto others = [&](const NamedParts& parts) {
    return std::count_if(looks.begin() + 1, looks.end(),
                         [&](const Look& look) { return Fits(look, looks[0], parts); });
  };
  std::array<int, 4> order = {0, 1, 2, 3};
  for (int i = 3; i > 0; --i) std::swap(order[i], order[random.Below(i + 1)]);
  bool extra = random.Chance(0.4);
  for (const int attribute : order) {
    NamedParts more = named;
    if (attribute == 0) more.color = true;
    if (attribute == 1) more.pattern = true;
    if (attribute == 2 && looks[0].pattern != 0) more.pattern = more.second = true;
    if (attribute == 3) more.material = true;
    const auto left = others(named);
    if (left == 0 && !std::exchange(extra, false)) break;
    if (left == 0 || others(more) < left) named = more;
  }
  return named;
}

// Where a page says a fact; what is asked about it is for the caller.
Question AboutLine(const Fact& fact, Language language, const DrawnPage& drawn,
                   const PageLine& line) {
  Question question;
  question.task = Task::kBox;
  question.language = language;
  question.documents = {fact.document};
  question.box = line.box;
  question.shown = line.text;
  question.json = BoxJson(line.box);
  question.pictures = {drawn.picture};
  return question;
}

std::vector<Question> AskRowBoxes(const World& world, Random& random) {
  const auto has_row = [](const Fact& fact) {
    return fact.row >= 0 && fact.kind != Kind::kDatedPrice;
  };
  const Fact* const first = PickFact(FactsWhere(world, has_row), random);
  if (first == nullptr) return {};
  const PageContent& page = DocumentOf(world, *first).page;
  const DrawnPage drawn = DrawPage(page, random.Next());
  std::vector<Question> questions;
  for (const Fact* const fact : FactsWhere(world, [&](const Fact& some) {
         return some.document == first->document && has_row(some);
       })) {
    const auto line = std::ranges::find(drawn.lines, fact->row, &PageLine::row);
    if (line == drawn.lines.end()) continue;
    Question question = AboutLine(*fact, page.language, drawn, *line);
    question.text = WhereQuestion(*fact, page.language, random);
    if (question.text.empty()) continue;
    questions.push_back(std::move(question));
  }
  return questions;
}

}  // namespace

const char kInvoiceSchema[] =
    R"({"type":"object","properties":{"number":{"type":"string"},"date":{"type":"string"},)"
    R"("customer":{"type":"string"},"items":{"type":"array","items":{"type":"object",)"
    R"("properties":{"item":{"type":"string"},"quantity":{"type":"integer"},)"
    R"("price":{"type":"string"}},"required":["item","quantity","price"],)"
    R"("additionalProperties":false}},"total":{"type":"string"}},)"
    R"("required":["number","date","customer","items","total"],"additionalProperties":false})";

std::optional<Question> Ask(const World& world, Task task, Random& random) {
  switch (task) {
    case Task::kPhotoToItem: return AskPhotoToItem(world, random);
    case Task::kTextToPhoto: return AskTextToPhoto(world, random);
    case Task::kComposed: return AskComposed(world, random);
    case Task::kTextToPage: return AskTextToPage(world, random);
    case Task::kTextToText: return AskTextToText(world, random);
    case Task::kPageAnswer:
    case Task::kTableAnswer:
    case Task::kTextAnswer: return AskOneFact(world, task, random);
    case Task::kTwoPassages: return AskTwoPassages(world, random);
    case Task::kComparison: return AskComparison(world, random);
    case Task::kAbstain: return AskAbstain(world, random);
    case Task::kExtraction: return AskExtraction(world, random);
    case Task::kBox: {
      std::vector<Question> questions = AskBoxes(world, random);
      if (questions.empty()) return std::nullopt;
      return std::move(questions[random.Below(static_cast<int>(questions.size()))]);
    }
    case Task::kFollowUp:
    case Task::kPhotoFollowUp:
    case Task::kNewTopic: return AskInConversation(world, task, random);
  }
  return std::nullopt;
}

const PageLine* LineOf(const Fact& fact, const DrawnPage& drawn) {
  const auto line = std::ranges::find_if(drawn.lines, [&](const PageLine& line) {
    return fact.row >= 0 ? line.row == fact.row
                         : line.row < 0 && absl::StrContains(line.text, fact.value);
  });
  return line == drawn.lines.end() ? nullptr : &*line;
}

std::vector<Question> AskSceneBoxes(const World& world, Random& random) {
  const std::vector<Item>& items = world.catalogue().items;
  const Item& wanted = random.Pick(std::span<const Item>(items));
  std::vector<Look> looks = {wanted.look};
  const int count = random.Between(2, 4);
  for (int tries = 0; tries < 20 && static_cast<int>(looks.size()) < count; ++tries) {
    // Beside it mostly something that looks much like it: items of a group follow each other.
    const int last = static_cast<int>(items.size()) - 1;
    const int other = random.Chance(0.5)
                          ? std::clamp(wanted.number + random.Between(-4, 4), 0, last)
                          : random.Below(last + 1);
    if (std::ranges::find(looks, items[other].look) == looks.end()) {
      looks.push_back(items[other].look);
    }
  }
  if (looks.size() < 2) return {};
  std::swap(looks[0], looks[random.Below(static_cast<int>(looks.size()))]);
  const Scene scene = DrawScene(looks, random.Next());
  std::vector<Question> questions;
  for (size_t i = 0; i < looks.size(); ++i) {
    std::vector<Look> wanted_first = looks;
    std::swap(wanted_first[0], wanted_first[i]);
    Question& question = questions.emplace_back();
    question.task = Task::kBox;
    question.language = RandomLanguage(random);
    const NamedParts named = TellApart(wanted_first, random);
    question.text =
        FindQuestion(LookPhrase(looks[i], named, question.language), question.language, random);
    question.pictures = {scene.picture};
    question.box = scene.boxes[i];
    question.shown = LookPhrase(looks[i], {true, true, true, true}, question.language);
    question.json = BoxJson(*question.box);
  }
  return questions;
}

std::vector<Question> AskBoxes(const World& world, Random& random) {
  std::vector<Question> questions =
      random.Chance(0.6) ? AskSceneBoxes(world, random) : AskRowBoxes(world, random);
  return questions.empty() ? AskSceneBoxes(world, random) : questions;
}

std::vector<Question> AskClaimBoxes(const World& world, Random& random) {
  const auto on_page = [&](const Fact& fact) {
    return DocumentOf(world, fact).kind == DocumentKind::kPage && fact.kind != Kind::kDatedPrice;
  };
  const Fact* const first = PickFact(FactsWhere(world, on_page), random);
  if (first == nullptr) return {};
  const PageContent& page = DocumentOf(world, *first).page;
  const DrawnPage drawn = DrawPage(page, random.Next());
  std::vector<Question> questions;
  for (const Fact* const fact : FactsWhere(world, [&](const Fact& some) {
         return some.document == first->document && on_page(some);
       })) {
    const PageLine* const line = LineOf(*fact, drawn);
    if (line == nullptr) continue;
    Question question = AboutLine(*fact, page.language, drawn, *line);
    question.answer = {{FactAnswer(*fact, page.language), {fact->document}}};
    questions.push_back(std::move(question));
  }
  return questions;
}

std::string BoxJson(const Box& box) {
  const auto whole = [](double part) {
    return std::clamp(static_cast<int>(std::lround(part * 1000)), 0, 1000);
  };
  return absl::StrCat("{\"bbox_2d\": [", whole(box.x0), ", ", whole(box.y0), ", ", whole(box.x1),
                      ", ", whole(box.y1), "]}");
}

}  // namespace sightline::demo_world
