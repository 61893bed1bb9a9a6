#include "services/query/places.h"

#include <unicode/locid.h>
#include <unicode/strenum.h>
#include <unicode/timezone.h>
#include <unicode/tznames.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <memory>
#include <span>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "base/utf8.h"
#include "services/query/terms.h"
#include "services/query/words.h"

namespace sightline::query {
namespace {

constexpr size_t kMostWordsOfPlace = 4;
constexpr size_t kLeastWordBytes = 6;  // two characters of Han

struct Province {
  const char* simplified;
  const char* traditional;
  const char* english;
};
constexpr Province kProvinces[] = {
    {"北京", "北京", "Beijing"},   {"天津", "天津", "Tianjin"},
    {"重庆", "重慶", "Chongqing"}, {"河北", "河北", "Hebei"},
    {"山西", "山西", "Shanxi"},    {"辽宁", "遼寧", "Liaoning"},
    {"吉林", "吉林", "Jilin"},     {"黑龙江", "黑龍江", "Heilongjiang"},
    {"江苏", "江蘇", "Jiangsu"},   {"浙江", "浙江", "Zhejiang"},
    {"安徽", "安徽", "Anhui"},     {"福建", "福建", "Fujian"},
    {"江西", "江西", "Jiangxi"},   {"山东", "山東", "Shandong"},
    {"河南", "河南", "Henan"},     {"湖北", "湖北", "Hubei"},
    {"湖南", "湖南", "Hunan"},     {"广东", "廣東", "Guangdong"},
    {"海南", "海南", "Hainan"},    {"四川", "四川", "Sichuan"},
    {"贵州", "貴州", "Guizhou"},   {"云南", "雲南", "Yunnan"},
    {"陕西", "陝西", "Shaanxi"},   {"甘肃", "甘肅", "Gansu"},
    {"青海", "青海", "Qinghai"},   {"内蒙古", "內蒙古", "Inner Mongolia"},
    {"广西", "廣西", "Guangxi"},   {"西藏", "西藏", "Tibet"},
    {"宁夏", "寧夏", "Ningxia"},   {"新疆", "新疆", "Xinjiang"},
};

// The names of one place, normalised.
using Names = std::vector<std::string>;

class Places {
 public:
  Places() {
    const icu::Locale locales[] = {icu::Locale("zh_Hans"), icu::Locale("zh_Hant"),
                                   icu::Locale("en")};
    for (const char* const* code = icu::Locale::getISOCountries(); *code != nullptr; ++code) {
      // Texts in Chinese mostly leave it unsaid, or say "our country".
      if (absl::string_view(*code) == "CN") continue;
      const icu::Locale country("", *code);
      Names names;
      for (const icu::Locale& locale : locales) {
        icu::UnicodeString name;
        AddName(country.getDisplayCountry(locale, name), names);
      }
      Add(std::move(names));
    }
    AddCities(locales);
    for (const Province& province : kProvinces) {
      Add({NormalisedText(province.simplified), NormalisedText(province.traditional),
           NormalisedText(province.english)});
    }
  }

  // Null where `name`, normalised, is no place's, with or without the word for province or city.
  const Names* Find(absl::string_view name) const {
    auto found = by_name_.find(name);
    for (const absl::string_view kind : {"省", "市"}) {
      if (found != by_name_.end()) break;
      if (absl::ConsumeSuffix(&name, kind)) found = by_name_.find(name);
    }
    return found == by_name_.end() ? nullptr : &places_[found->second];
  }

 private:
  static void AddName(const icu::UnicodeString& name, Names& out) {
    std::string text;
    name.toUTF8String(text);
    if (!text.empty()) out.push_back(NormalisedText(text));
  }

  // Those that time zones are named after.
  void AddCities(std::span<const icu::Locale> locales) {
    UErrorCode code = U_ZERO_ERROR;
    const std::unique_ptr<icu::StringEnumeration> zones(icu::TimeZone::createTimeZoneIDEnumeration(
        UCAL_ZONE_TYPE_CANONICAL_LOCATION, nullptr, nullptr, code));
    std::vector<std::unique_ptr<icu::TimeZoneNames>> texts;
    for (const icu::Locale& locale : locales) {
      texts.emplace_back(icu::TimeZoneNames::createInstance(locale, code));
    }
    if (U_FAILURE(code)) return;
    for (const icu::UnicodeString* zone = zones->snext(code); zone != nullptr && U_SUCCESS(code);
         zone = zones->snext(code)) {
      Names names;
      for (const auto& text : texts) {
        icu::UnicodeString name;
        AddName(text->getExemplarLocationName(*zone, name), names);
      }
      Add(std::move(names));
    }
  }

  // Names that two places have are the first's.
  void Add(Names names) {
    for (const std::string& name : names) by_name_.emplace(name, places_.size());
    places_.push_back(std::move(names));
  }

  std::vector<Names> places_;
  absl::flat_hash_map<std::string, size_t> by_name_;  // places in `places_`
};

// The words of a text, and what is between two of them.
class Words {
 public:
  explicit Words(absl::string_view text) : text_(text), spans_(SplitWords(text)) {}

  size_t size() const { return spans_.size(); }
  std::string Text(size_t first, size_t count) const {
    const size_t begin = spans_[first].begin;
    return std::string(text_.substr(begin, spans_[first + count - 1].end - begin));
  }
  std::string operator[](size_t i) const { return Text(i, 1); }
  std::string Between(size_t left, size_t right) const {
    return std::string(text_.substr(spans_[left].end, spans_[right].begin - spans_[left].end));
  }
  // Nothing stands between the two.
  bool Touch(size_t left, size_t right) const { return spans_[left].end == spans_[right].begin; }

 private:
  const absl::string_view text_;
  const std::vector<Span> spans_;
};

bool IsHan(const std::string& word) {
  return static_cast<unsigned char>(word[0]) >= 0x80 && IsMostlyCjk(word);
}

bool IsHanWord(const std::string& word) { return word.size() >= kLeastWordBytes && IsHan(word); }

// Behind these a noun follows. The dictionary has verbs with one as words ("存放在").
bool IsPreposition(const std::string& word) {
  static constexpr absl::string_view kEnds[] = {"从", "從", "自", "由", "到",
                                                "往", "至", "于", "於", "在"};
  return std::ranges::any_of(kEnds,
                             [&](absl::string_view end) { return absl::EndsWith(word, end); });
}

// Words that qualify nothing.
bool IsParticle(const std::string& word) {
  static const auto* const words = new absl::flat_hash_set<std::string>{
      "的", "了", "着", "著", "和", "与", "與", "或", "及", "是", "有", "个", "個",
      "一", "这", "這", "那", "其", "该", "該", "本", "某", "各", "每", "们", "們"};
  return IsPreposition(word) || words->contains(word);
}

// Two characters or more of Han that stand right before the word `noun` and may qualify it: one
// word, or two of a character each, which the dictionary does not know together ("河边"). Empty
// when there are none.
std::string QualifierOf(const Words& words, size_t noun, size_t& first) {
  std::string out;
  for (first = noun; first > 0 && words.Touch(first - 1, first) && out.size() < kLeastWordBytes;) {
    const std::string word = words[first - 1];
    if (!IsHan(word) || IsParticle(word)) return "";
    out = word + out;
    --first;
  }
  return out.size() < kLeastWordBytes ? "" : out;
}

// The Han that stands behind word `i` with a blank, a colon or the bar of a table between, as the
// value of a property ("客户 陈梅"); at most `most` words of it.
std::string ValueBehind(const Words& words, size_t i, size_t most) {
  std::string out;
  if (i + 1 >= words.size() || words.Touch(i, i + 1)) return out;
  const std::string gap = words.Between(i, i + 1);
  if (gap != " " && gap != ":" && gap != ": " && gap != " | ") return out;
  for (size_t at = i + 1; at < words.size() && at <= i + most; ++at) {
    if ((at > i + 1 && !words.Touch(at - 1, at)) || !IsHan(words[at])) break;
    out += words[at];
  }
  return out;
}

// True when the text has `noun` behind another word of two characters or more, or as a property
// with a value.
bool IsQualified(const Words& words, const std::string& noun) {
  size_t first = 0;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] != noun) continue;
    if (!QualifierOf(words, i, first).empty() || !ValueBehind(words, i, 2).empty()) return true;
  }
  return false;
}

}  // namespace

std::string MissingPlace(absl::string_view claim, absl::string_view passages) {
  static const auto* const places = new Places();
  const std::string said = NormalisedText(claim);
  const std::string there = NormalisedText(passages);
  const Words words(said);
  for (size_t i = 0; i < words.size();) {
    const Names* names = nullptr;
    size_t count = std::min(kMostWordsOfPlace, words.size() - i);
    for (; count > 0; --count) {
      const std::string name = words.Text(i, count);
      if (!IsHanWord(name)) continue;
      names = places->Find(name);
      if (names != nullptr) break;
    }
    if (names == nullptr) {
      ++i;
      continue;
    }
    const bool known = std::ranges::any_of(
        *names, [&](const std::string& name) { return absl::StrContains(there, name); });
    if (!known) return words.Text(i, count);
    i += count;
  }
  return "";
}

std::string OtherQualifier(absl::string_view claim, absl::string_view passages) {
  const std::string said = NormalisedText(claim);
  const std::string there = NormalisedText(passages);
  const Words words(said);
  const Words of_passages(there);
  for (size_t i = 1; i < words.size(); ++i) {
    const std::string noun = words[i];
    size_t first = 0;
    if (!IsHanWord(noun)) continue;
    const std::string qualifier = QualifierOf(words, i, first);
    if (qualifier.empty() || first == 0 || !words.Touch(first - 1, first)) continue;
    if (!IsPreposition(words[first - 1]) || absl::StrContains(there, qualifier)) continue;
    if (IsQualified(of_passages, noun)) return qualifier;
  }
  return "";
}

std::string OtherValue(absl::string_view claim, absl::string_view passages) {
  const std::string said = NormalisedText(claim);
  const std::string there = NormalisedText(passages);
  const Words words(said);
  const Words of_passages(there);
  for (size_t i = 1; i + 1 < words.size(); ++i) {
    if ((words[i] != "是" && words[i] != "为" && words[i] != "為") || !IsHanWord(words[i - 1]))
      continue;
    // To the end of the clause, nothing but Han.
    std::string value;
    size_t at = i + 1;
    for (; at < words.size() && words.Touch(at - 1, at) && IsHan(words[at]); ++at) {
      if (IsParticle(words[at])) break;
      value += words[at];
    }
    const bool to_end =
        at == words.size() || (!words.Touch(at - 1, at) && words.Between(at - 1, at)[0] != ' ');
    if (!to_end || value.size() < kLeastWordBytes || absl::StrContains(there, value)) continue;
    for (size_t k = 0; k < of_passages.size(); ++k) {
      if (of_passages[k] != words[i - 1]) continue;
      if (!ValueBehind(of_passages, k, kMostWordsOfPlace).empty()) return value;
    }
  }
  return "";
}

}  // namespace sightline::query
