#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tools/demo_world/random.h"

namespace sightline::demo_world {

enum class Language { kEnglish, kChinese };

// A thing the world has words for.
struct Word {
  const char* english;
  const char* chinese;
  const char* In(Language language) const {
    return language == Language::kEnglish ? english : chinese;
  }
};

inline constexpr int kKinds = 16;      // mug, lamp, chair, …
inline constexpr int kColors = 11;     // red, orange, …, black, white, gray
inline constexpr int kPatterns = 7;    // plain is number 0; stripes, dots, checks, …
inline constexpr int kMaterials = 5;   // ceramic, wood, metal, glass, fabric
inline constexpr int kWarehouses = 8;  // Harbor, …
inline constexpr int kCities = 16;

const Word& KindWord(int kind);
const Word& ColorWord(int color);
const Word& PatternWord(int pattern);
const Word& MaterialWord(int material);
const Word& WarehouseWord(int warehouse);
const Word& CityWord(int city);

// What can be seen of an item.
struct Look {
  int kind = 0;
  int color = 0;
  int pattern = 0;
  int second = -1;  // colour of the pattern, not `color`; -1 of a plain item
  int material = 0;

  bool operator==(const Look&) const = default;
};

// Two halves that share nothing: a world of one never holds a look or a name of the other. Looks
// are told apart by (kind, pattern, material), names as a whole, each by its hash; a fifth of them
// is for evaluation.
enum class Split { kTraining, kEvaluation };
Split SplitOfLook(const Look& look);
Split SplitOfName(absl::string_view name);
// Worlds with a seed below this are for training, all others for evaluation.
inline constexpr uint64_t kFirstEvaluationSeed = 1'000'000'000'000;
Split SplitOfSeed(uint64_t seed);

struct Maker {
  std::string name;  // two syllables and a word, e.g. "Talvo Works"; the same in both languages
  int city = 0;
  int founded = 0;  // year
};

struct Item {
  int number = 0;    // its index
  std::string name;  // invented, of two or three syllables, unique in its catalogue: "Lumo"
  Look look;         // unique in its catalogue
  int group = 0;     // items of a group differ from its first item in one attribute of the look
  int price_cents = 0;
  int stock = 0;
  int maker = 0;
  int warehouse = 0;
};

struct Catalogue {
  std::vector<Maker> makers;
  std::vector<Item> items;
};

// `items` items in groups of up to five, and up to 24 makers. A split has about 8000 looks or more.
Catalogue MakeCatalogue(Split split, int items, Random& random);

// "Lumo mug", "Lumo 杯子".
std::string FullName(const Item& item, Language language);

// What it looks like, in one of several wordings: "a red ceramic mug with white dots",
// "红色陶瓷杯子，白色圆点".
std::string Description(const Look& look, Language language, Random& random);

// "32.50".
std::string PriceText(int cents);

}  // namespace sightline::demo_world
