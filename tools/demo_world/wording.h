#pragma once

#include <string>
#include <vector>

#include "tools/demo_world/catalogue.h"
#include "tools/demo_world/page.h"
#include "tools/demo_world/random.h"
#include "tools/demo_world/world.h"

namespace sightline::demo_world {

// The sentences of the world. Questions and texts come in several wordings, answers in one.

// A sentence of a text. `follows`: the sentence before was about the same subject, so this one says
// "it". Only of what texts hold: price, stock, maker, warehouse, city, founding year.
std::string Statement(const World::Fact& fact, Language language, bool follows, Random& random);
// City and founding year in one sentence.
std::string MakerStatement(const World::Fact& city, const World::Fact& founded, Language language,
                           Random& random);

std::string FactQuestion(const World::Fact& fact, Language language, Random& random);
std::string FactAnswer(const World::Fact& fact, Language language);
// "Where does it say what the Lumo mug costs?" Empty of kinds that no row of a page says.
std::string WhereQuestion(const World::Fact& fact, Language language, Random& random);

// Two facts in one question: "What does the Lumo mug cost and how many Tavi lamps are in stock?"
// Only of price, stock, maker and warehouse.
std::string PairQuestion(const World::Fact& first, const World::Fact& second, Language language,
                         Random& random);

// "Which costs more, the Lumo mug or the Tavi lamp?" and the sentence that says so; `less` asks for
// the cheaper one.
std::string DearerQuestion(const World::Fact& first, const World::Fact& second, bool less,
                           Language language, Random& random);
std::string DearerAnswer(const World::Fact& fact, bool less, Language language);

// About the maker of an item: where it is or when it was founded, by the kind of `of_maker`. With
// `named` the question names the maker.
std::string MakerOfItemQuestion(const World::Fact& maker, const World::Fact& of_maker, bool named,
                                Language language, Random& random);

// About two kDatedPrice facts, the earlier first.
std::string ChangeQuestion(const World::Fact& before, Language language, Random& random);
std::string ChangeAnswer(const World::Fact& before, const World::Fact& after, bool rose,
                         Language language);

// The title of signs with a sale price, which name the item below.
inline constexpr Word kSale = {"Sale", "特价"};

// What somebody types who looks for the page: "price list of Talvo Works".
std::string PageRequest(const PageContent& page, Random& random);

// Which attributes of a look are named.
struct NamedParts {
  bool color = false, pattern = false, second = false, material = false;
};
// "the red mug with dots", "带圆点的红色杯子". The kind is always named.
std::string LookPhrase(const Look& look, const NamedParts& named, Language language);
std::string FindQuestion(const std::string& phrase, Language language, Random& random);
// "the same but in blue": from `from` to `to`, which differ in one attribute.
std::string ChangeRequest(const Look& from, const Look& to, Language language, Random& random);

std::string ExtractionRequest(Language language, Random& random);

// "Harbor warehouse", "Lisbon shop".
std::string WarehouseName(int warehouse, Language language);
std::string ShopName(int city, Language language);
std::string MonthName(int month, Language language);  // 0 to 11
std::string CustomerName(Language language, Random& random);

}  // namespace sightline::demo_world
