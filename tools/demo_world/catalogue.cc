#include "tools/demo_world/catalogue.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace sightline::demo_world {
namespace {

constexpr Word kKindWords[kKinds] = {
    {"mug", "杯子"},   {"bottle", "瓶子"},   {"vase", "花瓶"},   {"lamp", "台灯"},
    {"chair", "椅子"}, {"table", "桌子"},    {"clock", "时钟"},  {"bag", "手提包"},
    {"hat", "帽子"},   {"umbrella", "雨伞"}, {"bowl", "饭碗"},   {"teapot", "茶壶"},
    {"drum", "小鼓"},  {"boot", "靴子"},     {"guitar", "吉他"}, {"bell", "铃铛"},
};
constexpr Word kColorWords[kColors] = {
    {"red", "红色"},   {"orange", "橙色"}, {"yellow", "黄色"}, {"green", "绿色"},
    {"blue", "蓝色"},  {"purple", "紫色"}, {"pink", "粉色"},   {"brown", "棕色"},
    {"black", "黑色"}, {"white", "白色"},  {"gray", "灰色"},
};
constexpr Word kPatternWords[kPatterns] = {
    {"plain", "纯色"},     {"stripes", "条纹"}, {"dots", "圆点"},  {"checks", "格子"},
    {"zigzags", "锯齿纹"}, {"band", "横带"},    {"stars", "星星"},
};
constexpr Word kMaterialWords[kMaterials] = {
    {"ceramic", "陶瓷"}, {"wood", "木质"}, {"metal", "金属"}, {"glass", "玻璃"}, {"fabric", "布艺"},
};
constexpr Word kWarehouseWords[kWarehouses] = {
    {"Harbor", "港口"},  {"Hill", "山丘"},    {"River", "河边"},  {"Forest", "森林"},
    {"Station", "车站"}, {"Airport", "机场"}, {"Bridge", "大桥"}, {"Garden", "花园"},
};
constexpr Word kCityWords[kCities] = {
    {"Berlin", "柏林"},    {"Paris", "巴黎"},     {"Rome", "罗马"},     {"Lisbon", "里斯本"},
    {"Vienna", "维也纳"},  {"Oslo", "奥斯陆"},    {"Prague", "布拉格"}, {"Madrid", "马德里"},
    {"Tokyo", "东京"},     {"Beijing", "北京"},   {"Shanghai", "上海"}, {"Boston", "波士顿"},
    {"Chicago", "芝加哥"}, {"Toronto", "多伦多"}, {"Sydney", "悉尼"},   {"Cairo", "开罗"},
};

constexpr int kRed = 0, kOrange = 1, kYellow = 2, kPink = 6, kBrown = 7, kBlack = 8, kWhite = 9,
              kGray = 10;
constexpr int kBand = 5;

constexpr std::array<const char*, 40> kSyllables = {
    "lu",  "mo",  "ta",  "vi",  "bren", "ko",   "zu",  "pel", "dar", "ni",
    "sol", "wex", "ga",  "rim", "fo",   "tul",  "bi",  "han", "je",  "kas",
    "lor", "mi",  "nex", "or",  "pu",   "quin", "ro",  "sen", "tov", "ul",
    "va",  "wil", "yo",  "zan", "cle",  "dru",  "fen", "gus", "hol", "yas"};
constexpr std::array<const char*, 6> kMakerWords = {"Works", "Studio", "House",
                                                    "Craft", "Mill",   "Forge"};
constexpr int kMaxMakers = 24;
constexpr int kMaxGroup = 5;

// FNV-1a, then the mixer of splitmix64: the low digits of FNV alone follow the last letter.
uint64_t Hash(absl::string_view text) {
  uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  }
  return Random(hash).Next();
}

Split SplitOfHash(uint64_t hash) { return hash % 5 == 0 ? Split::kEvaluation : Split::kTraining; }

std::string Syllables(int count, Random& random) {
  std::string name;
  const char* last = "";
  while (count > 0) {
    const char* const next = random.Pick(std::span<const char* const>(kSyllables));
    if (next == last) continue;
    name += next;
    last = next;
    --count;
  }
  name[0] = static_cast<char>(name[0] - 'a' + 'A');
  return name;
}

// Whether one can be drawn on the other and both be named, even in warm or dim light.
bool GoTogether(int a, int b) {
  constexpr std::pair<int, int> kTooClose[] = {
      {kRed, kOrange},  {kRed, kBrown},  {kOrange, kBrown}, {kOrange, kYellow},
      {kBrown, kBlack}, {kWhite, kGray}, {kRed, kPink}};
  if (a == b) return false;
  return std::ranges::none_of(kTooClose, [&](const std::pair<int, int>& pair) {
    return pair == std::pair(a, b) || pair == std::pair(b, a);
  });
}

int SecondColor(int color, Random& random) {
  while (true) {
    const int second = random.Below(kColors);
    if (GoTogether(color, second)) return second;
  }
}

Look RandomLook(Random& random) {
  Look look;
  look.kind = random.Below(kKinds);
  look.color = random.Below(kColors);
  look.material = random.Below(kMaterials);
  if (random.Chance(0.2)) return look;
  look.pattern = random.Between(1, kPatterns - 1);
  look.second = SecondColor(look.color, random);
  return look;
}

// Changes one attribute. A plain item gets no pattern and a patterned one stays so, since the
// colour of the pattern would come or go with it.
Look Variant(Look look, Random& random) {
  const Look base = look;
  const bool plain = look.pattern == 0;
  while (look == base) {
    const double p = random.Real();
    if (p < 0.5) {
      look.color = random.Below(kColors);
      if (!plain && !GoTogether(look.color, look.second)) look.color = base.color;
    } else if (p < 0.65) {
      look.material = random.Below(kMaterials);
    } else if (p < 0.75) {
      look.kind = random.Below(kKinds);
    } else if (!plain && p < 0.87) {
      look.second = SecondColor(look.color, random);
    } else if (!plain) {
      look.pattern = random.Between(1, kPatterns - 1);
    }
  }
  return look;
}

std::string LookKey(const Look& look) {
  return absl::StrCat(look.kind, "/", look.color, "/", look.pattern, "/", look.second, "/",
                      look.material);
}

int RandomPrice(Random& random) {
  constexpr std::array<int, 6> kEndings = {0, 50, 25, 75, 99, 90};
  // Squared, so that there are as many small things as large ones.
  const double part = random.Real();
  const int whole = 1 + static_cast<int>(part * part * 199);
  return whole * 100 +
         (random.Chance(0.8) ? random.Pick(std::span<const int>(kEndings)) : random.Below(100));
}

int RandomStock(Random& random) {
  if (random.Chance(0.03)) return 0;
  return random.Chance(0.5) ? random.Below(100) : random.Below(1000);
}

std::string WithArticle(absl::string_view words) {
  const bool vowel = absl::string_view("aeiou").find(words[0]) != absl::string_view::npos;
  return absl::StrCat(vowel ? "an " : "a ", words);
}

std::string EnglishDescription(const Look& look, int wording) {
  const char* const kind = KindWord(look.kind).english;
  const char* const color = ColorWord(look.color).english;
  const char* const material = MaterialWord(look.material).english;
  if (look.pattern == 0) {
    switch (wording) {
      case 0: return absl::StrCat("a plain ", color, " ", material, " ", kind);
      case 1: return absl::StrCat(material, " ", kind, ", plain ", color);
      case 2: return absl::StrCat(WithArticle(color), " ", kind, " of ", material, ", plain");
      case 3: return absl::StrCat("plain ", kind, ", ", color, ", ", material);
      default: return absl::StrCat(WithArticle(kind), " in plain ", color, " ", material);
    }
  }
  const std::string pattern =
      absl::StrCat(ColorWord(look.second).english, " ", PatternWord(look.pattern).english);
  const std::string one = look.pattern == kBand ? WithArticle(pattern) : pattern;
  switch (wording) {
    case 0: return absl::StrCat(WithArticle(color), " ", material, " ", kind, " with ", one);
    case 1: return absl::StrCat(material, " ", kind, ", ", color, ", ", pattern);
    case 2: return absl::StrCat(WithArticle(color), " ", kind, " of ", material, " with ", one);
    case 3: return absl::StrCat(kind, ", ", color, " with ", one, ", ", material);
    default: return absl::StrCat(WithArticle(kind), " in ", color, " ", material, " with ", one);
  }
}

std::string ChineseDescription(const Look& look, int wording) {
  const char* const kind = KindWord(look.kind).chinese;
  const char* const color = ColorWord(look.color).chinese;
  const char* const material = MaterialWord(look.material).chinese;
  const std::string pattern = look.pattern == 0 ? PatternWord(0).chinese
                                                : absl::StrCat(ColorWord(look.second).chinese,
                                                               PatternWord(look.pattern).chinese);
  switch (wording) {
    case 0: return absl::StrCat(color, material, kind, "，", pattern);
    case 1:
      return look.pattern == 0 ? absl::StrCat(pattern, "的", color, material, kind)
                               : absl::StrCat("带", pattern, "的", color, material, kind);
    case 2: return absl::StrCat(material, kind, "，", color, "，", pattern);
    case 3: return absl::StrCat(kind, "，", color, "，", pattern, "，", material);
    default: return absl::StrCat("一个", color, "的", material, kind, "，", pattern);
  }
}

}  // namespace

const Word& KindWord(int kind) { return kKindWords[kind]; }
const Word& ColorWord(int color) { return kColorWords[color]; }
const Word& PatternWord(int pattern) { return kPatternWords[pattern]; }
const Word& MaterialWord(int material) { return kMaterialWords[material]; }
const Word& WarehouseWord(int warehouse) { return kWarehouseWords[warehouse]; }
const Word& CityWord(int city) { return kCityWords[city]; }

Split SplitOfLook(const Look& look) {
  return SplitOfHash(Hash(absl::StrCat(look.kind, "/", look.pattern, "/", look.material)));
}

Split SplitOfName(absl::string_view name) { return SplitOfHash(Hash(name)); }

Split SplitOfSeed(uint64_t seed) {
  return seed < kFirstEvaluationSeed ? Split::kTraining : Split::kEvaluation;
}

Catalogue MakeCatalogue(Split split, int items, Random& random) {
  Catalogue catalogue;
  // Also holds the first word of makers, so that a name stands for one thing.
  std::unordered_set<std::string> names;
  const int makers = std::clamp(items / 10, 1, kMaxMakers);
  while (static_cast<int>(catalogue.makers.size()) < makers) {
    const std::string first = Syllables(2, random);
    Maker maker;
    maker.name = absl::StrCat(first, " ", random.Pick(std::span<const char* const>(kMakerWords)));
    maker.city = random.Below(kCities);
    maker.founded = random.Between(1850, 2015);
    if (SplitOfName(maker.name) != split || !names.insert(first).second) continue;
    catalogue.makers.push_back(std::move(maker));
  }

  std::unordered_set<std::string> looks;
  const auto add = [&](const Look& look, int group) {
    if (SplitOfLook(look) != split || !looks.insert(LookKey(look)).second) return false;
    Item item;
    item.number = static_cast<int>(catalogue.items.size());
    do {
      item.name = Syllables(random.Between(2, 3), random);
    } while (SplitOfName(item.name) != split || !names.insert(item.name).second);
    item.look = look;
    item.group = group;
    item.price_cents = RandomPrice(random);
    item.stock = RandomStock(random);
    item.maker = random.Below(makers);
    item.warehouse = random.Below(kWarehouses);
    catalogue.items.push_back(std::move(item));
    return true;
  };
  for (int group = 0; static_cast<int>(catalogue.items.size()) < items; ++group) {
    Look base = RandomLook(random);
    while (!add(base, group)) base = RandomLook(random);
    const int size = random.Between(1, kMaxGroup);
    // A variant may be of the other split or there already, and some bases have few free ones.
    for (int added = 1, tries = 0;
         added < size && tries < 100 && static_cast<int>(catalogue.items.size()) < items; ++tries) {
      if (add(Variant(base, random), group)) ++added;
    }
  }
  return catalogue;
}

std::string FullName(const Item& item, Language language) {
  return absl::StrCat(item.name, " ", KindWord(item.look.kind).In(language));
}

std::string Description(const Look& look, Language language, Random& random) {
  const int wording = random.Below(5);
  return language == Language::kEnglish ? EnglishDescription(look, wording)
                                        : ChineseDescription(look, wording);
}

std::string PriceText(int cents) { return absl::StrFormat("%d.%02d", cents / 100, cents % 100); }

}  // namespace sightline::demo_world
