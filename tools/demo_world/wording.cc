#include "tools/demo_world/wording.h"

#include <array>
#include <cstddef>
#include <span>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"

namespace sightline::demo_world {
namespace {

using Fact = World::Fact;
using Kind = Fact::Kind;
using Choices = std::array<const char*, 4>;  // nullptr behind the last

// $0 the subject inside a sentence ("the Lumo mug"; in Chinese with the blank that follows Latin
// letters), $1 the value, $2 the detail, $3 several of the item ("Lumo mugs"), $4 the subject at
// the start of a sentence. Statements stand in texts, the short ones behind another sentence about
// the same thing.
struct Wording {
  Choices questions;
  const char* answer;
  Choices places;
  Choices statements;
  Choices short_statements;
};

// In the order of Kind.
constexpr Wording kEnglish[] = {
    // kPrice
    {{"What does $0 cost?", "What is the price of $0?", "How much is $0?",
      "How much does $0 cost?"},
     "$4 costs $1.",
     {"Where does it say what $0 costs?", "Where is the price of $0 written?",
      "Where is the price of $0?"},
     {"$4 costs $1.", "The price of $0 is $1.", "$4 sells for $1.", "You can buy $0 for $1."},
     {"It costs $1.", "Its price is $1.", "It sells for $1."}},
    // kStock
    {{"How many $3 are in stock?", "What is the stock of $0?", "How many $3 do we have?",
      "How many $3 are left?"},
     "The stock of $0 is $1.",
     {"Where does it say how many $3 are in stock?", "Where is the stock of $0 written?",
      "Where is the stock of $0?"},
     {"There are $1 $3 in stock.", "The stock of $0 is $1.", "We have $1 $3.", "$1 $3 are left."},
     {"There are $1 in stock.", "Its stock is $1.", "$1 are left."}},
    // kMaker
    {{"Who makes $0?", "Who is the maker of $0?", "Which maker does $0 come from?"},
     "$4 is made by $1.",
     {"Where does it say who makes $0?", "Where is the maker of $0 written?"},
     {"$4 is made by $1.", "$1 makes $0.", "The maker of $0 is $1."},
     {"It is made by $1.", "$1 makes it.", "Its maker is $1."}},
    // kWarehouse
    {{"Which warehouse does $0 ship from?", "In which warehouse is $0?", "Where is $0 stored?",
      "Which warehouse holds $0?"},
     "$4 ships from the $1 warehouse.",
     {"Where does it say where $0 ships from?", "Where is the warehouse of $0 written?"},
     {"$4 ships from the $1 warehouse.", "The $1 warehouse holds $0.",
      "$4 is stored in the $1 warehouse."},
     {"It ships from the $1 warehouse.", "The $1 warehouse holds it.",
      "It is stored in the $1 warehouse."}},
    // kMakerCity
    {{"In which city is $0?", "Where is the workshop of $0?", "Which city does $0 work in?"},
     "$4 is in $1.",
     {},
     {"$4 is a maker in $1.", "The workshop of $0 is in $1.", "$4 works in $1."},
     {}},
    // kMakerFounded
    {{"When was $0 founded?", "In which year was $0 founded?", "In which year did $0 begin?"},
     "$4 was founded in $1.",
     {},
     {"$4 was founded in $1.", "$4 began in $1.", "The year $1 saw the start of $0."},
     {"It was founded in $1.", "It began in $1.", "Its first year was $1."}},
    // kChart
    {{"How many $3 were sold in $2?", "How many units of $0 were sold in $2?",
      "What were the sales of $0 in $2?"},
     "In $2, $1 $3 were sold.",
     {"Where does it say how many $3 were sold in $2?", "Where are the sales of $0 in $2?"},
     {},
     {}},
    // kMakerChart
    {{"How many units did $0 sell in $2?", "How much did $0 sell in $2?",
      "What were the sales of $0 in $2?"},
     "In $2, $0 sold $1 units.",
     {"Where does it say how much $0 sold in $2?", "Where are the sales of $0 in $2?"},
     {},
     {}},
    // kBestSold
    {{"In which $2 did $0 sell best?", "Which was the best $2 of $0?",
      "Which $2 had the highest sales of $0?"},
     "$4 sold best in $1.",
     {},
     {},
     {}},
    // kTotal
    {{"What is the total of $0?", "How much is $0 in total?", "What does $0 come to?"},
     "The total of $0 is $1.",
     {},
     {},
     {}},
    // kInvoiceDate
    {{"What is the date of $0?", "Which date is on $0?", "From which day is $0?"},
     "The date of $0 is $1.",
     {},
     {},
     {}},
    // kCustomer
    {{"Who is $0 for?", "Who is the customer of $0?", "Whose name is on $0?"},
     "$4 is for $1.",
     {},
     {},
     {}},
    // kQuantity
    {{"How many $3 are on invoice $2?", "How many $3 does invoice $2 list?",
      "What is the quantity of $0 on invoice $2?"},
     "The quantity of $0 on invoice $2 is $1.",
     {"Where does it say how many $3 are on invoice $2?", "Where is $0 on invoice $2?"},
     {},
     {}},
    // kSalePrice
    {{"What is the sale price of $0?", "How much is $0 on sale?", "What does $0 cost in the sale?"},
     "The sale price of $0 is $1.",
     {"Where is the sale price of $0 written?", "Where is the sale price of $0?"},
     {},
     {}},
    // kDatedPrice
    {{"What did $0 cost on $2?", "What was the price of $0 on $2?"},
     "$4 cost $1 on $2.",
     {},
     {},
     {}},
    // kHours
    {{"When is $0 open on $2?", "What are the hours of $0 on $2?", "On $2, when is $0 open?"},
     "$4 is open $1 on $2.",
     {"Where does it say when $0 is open on $2?", "Where are the hours of $0 on $2?"},
     {},
     {}},
};

constexpr Wording kChinese[] = {
    // kPrice
    {{"$0多少钱？", "$0的价格是多少？", "$0卖多少钱？", "买 $0要多少钱？"},
     "$0的价格是 $1 元。",
     {"哪里写着$0的价格？", "$0的价格写在哪里？", "$0的价格在哪里？"},
     {"$0的价格是 $1 元。", "$0卖 $1 元。", "买 $0要 $1 元。", "$0每个 $1 元。"},
     {"它的价格是 $1 元。", "它卖 $1 元。", "每个 $1 元。"}},
    // kStock
    {{"$0还有多少库存？", "$0的库存是多少？", "$0还剩多少？", "仓库里有多少 $0？"},
     "$0的库存是 $1。",
     {"哪里写着$0的库存？", "$0的库存写在哪里？", "$0的库存在哪里？"},
     {"$0的库存是 $1。", "$0还有 $1 个。", "我们有 $1 个 $0。", "$0还剩 $1 个。"},
     {"它的库存是 $1。", "还有 $1 个。", "还剩 $1 个。"}},
    // kMaker
    {{"$0是谁制造的？", "$0的厂家是谁？", "谁制造 $0？"},
     "$0的厂家是 $1。",
     {"哪里写着$0的厂家？", "$0的厂家写在哪里？", "$0的厂家在哪里写着？"},
     {"$0的厂家是 $1。", "$0由 $1 制造。", "$1 制造 $0。"},
     {"它的厂家是 $1。", "它由 $1 制造。", "厂家是 $1。"}},
    // kWarehouse
    {{"$0从哪个仓库发货？", "$0在哪个仓库？", "$0存放在哪里？", "哪个仓库有 $0？"},
     "$0从$1仓库发货。",
     {"哪里写着$0的仓库？", "$0的仓库写在哪里？", "$0的仓库在哪里写着？"},
     {"$0从$1仓库发货。", "$0存放在$1仓库。", "$1仓库存放 $0。"},
     {"它从$1仓库发货。", "它存放在$1仓库。", "它在$1仓库。"}},
    // kMakerCity
    {{"$0在哪个城市？", "$0的工坊在哪里？", "$0位于哪个城市？"},
     "$0位于$1。",
     {},
     {"$0位于$1。", "$0的工坊在$1。", "$0是$1的厂家。"},
     {}},
    // kMakerFounded
    {{"$0是哪一年成立的？", "$0成立于哪一年？", "$0哪一年开始？"},
     "$0成立于 $1 年。",
     {},
     {"$0成立于 $1 年。", "$0是 $1 年成立的。", "$0从 $1 年开始。"},
     {"它成立于 $1 年。", "它是 $1 年成立的。", "它从 $1 年开始。"}},
    // kChart
    {{"$2卖出了多少个 $0？", "$0在$2的销量是多少？", "$0在$2卖出了多少个？"},
     "$0在$2的销量是 $1。",
     {"哪里写着$0在$2的销量？", "$0在$2的销量写在哪里？"},
     {},
     {}},
    // kMakerChart
    {{"$0在$2的销量是多少？", "$0在$2卖出了多少？", "$2 $0卖出了多少？"},
     "$0在$2的销量是 $1。",
     {"哪里写着 $0在$2的销量？", "$0在$2的销量写在哪里？"},
     {},
     {}},
    // kBestSold
    {{"$0销量最高的$2是哪个？", "$0在哪个$2卖得最好？", "哪个$2 $0的销量最高？"},
     "$0销量最高的$2是$1。",
     {},
     {},
     {}},
    // kTotal
    {{"$0的总额是多少？", "$0一共多少钱？", "$0合计多少？"}, "$0的总额是 $1 元。", {}, {}, {}},
    // kInvoiceDate
    {{"$0的日期是什么？", "$0是哪一天的？", "$0上写着什么日期？"}, "$0的日期是 $1。", {}, {}, {}},
    // kCustomer
    {{"$0的客户是谁？", "$0是给谁的？", "$0上写着谁的名字？"}, "$0的客户是$1。", {}, {}, {}},
    // kQuantity
    {{"发票 $2 上有多少个 $0？", "发票 $2 上 $0的数量是多少？", "$0在发票 $2 上有几个？"},
     "发票 $2 上 $0的数量是 $1。",
     {"哪里写着发票 $2 上 $0的数量？", "发票 $2 上 $0在哪里？"},
     {},
     {}},
    // kSalePrice
    {{"$0的特价是多少？", "$0特价多少钱？", "特价的 $0多少钱？"},
     "$0的特价是 $1 元。",
     {"哪里写着$0的特价？", "$0的特价写在哪里？"},
     {},
     {}},
    // kDatedPrice
    {{"$0在 $2 的价格是多少？", "$2 $0多少钱？"}, "$0在 $2 的价格是 $1 元。", {}, {}, {}},
    // kHours
    {{"$0$2几点营业？", "$0$2的营业时间是什么？", "$2$0什么时候开门？"},
     "$0$2的营业时间是 $1。",
     {"哪里写着$0$2的营业时间？", "$0$2的营业时间写在哪里？"},
     {},
     {}},
};

static_assert(std::size(kEnglish) == Fact::kKinds && std::size(kChinese) == Fact::kKinds);

const Wording& WordingOf(Kind kind, Language language) {
  const auto index = static_cast<size_t>(kind);
  return language == Language::kEnglish ? kEnglish[index] : kChinese[index];
}

// Empty when there is no choice.
const char* Pick(const Choices& choices, Random& random) {
  int count = 0;
  while (count < static_cast<int>(choices.size()) && choices[count] != nullptr) ++count;
  return count == 0 ? "" : choices[random.Below(count)];
}

const char* PickOf(std::span<const char* const> choices, Random& random) {
  return random.Pick(choices);
}

std::string Capitalized(std::string text) {
  if (!text.empty()) text[0] = absl::ascii_toupper(static_cast<unsigned char>(text[0]));
  return text;
}

// In Chinese with the blank that stands between Latin letters and what follows.
std::string Spaced(const std::string& name, Language language) {
  const bool blank = language == Language::kChinese && !name.empty() &&
                     absl::ascii_isalnum(static_cast<unsigned char>(name.back()));
  return blank ? absl::StrCat(name, " ") : name;
}

// The subject inside a sentence.
std::string Named(const Fact& fact, Language language) {
  if (language == Language::kChinese) return Spaced(fact.subject, language);
  const bool article = fact.item >= 0 || fact.kind == Kind::kHours;
  return article ? absl::StrCat("the ", fact.subject) : fact.subject;
}

std::string Filled(const char* wording, const Fact& fact, Language language) {
  const std::string subject = Named(fact, language);
  return absl::Substitute(wording, subject, fact.value, fact.detail,
                          absl::StrCat(fact.subject, "s"), Capitalized(subject));
}

// "white dots", "a band".
std::string PatternPhrase(const Look& look, bool second, Language language) {
  const std::string words = absl::StrCat(second ? ColorWord(look.second).In(language) : "",
                                         second && language == Language::kEnglish ? " " : "",
                                         PatternWord(look.pattern).In(language));
  // Of the patterns only a band is one thing.
  const bool plural = absl::EndsWith(words, "s");
  return language == Language::kChinese || plural ? words : absl::StrCat("a ", words);
}

std::string WithArticle(absl::string_view noun) {
  const bool vowel = absl::string_view("aeiou").find(noun[0]) != absl::string_view::npos;
  return absl::StrCat(vowel ? "an " : "a ", noun);
}

}  // namespace

std::string Statement(const Fact& fact, Language language, bool follows, Random& random) {
  const Wording& wording = WordingOf(fact.kind, language);
  const bool short_form = follows && wording.short_statements[0] != nullptr;
  return Filled(Pick(short_form ? wording.short_statements : wording.statements, random), fact,
                language);
}

std::string MakerStatement(const Fact& city, const Fact& founded, Language language,
                           Random& random) {
  static constexpr const char* kEnglishForms[] = {
      "$0 is a maker in $1, founded in $2.",
      "$0 was founded in $1 in $2.",
      "$0 has worked in $1 since $2.",
  };
  static constexpr const char* kChineseForms[] = {
      "$0 是$1的厂家，成立于 $2 年。",
      "$0 于 $2 年在$1成立。",
      "$0 位于$1，从 $2 年开始。",
  };
  const char* const form =
      PickOf(language == Language::kEnglish ? kEnglishForms : kChineseForms, random);
  return absl::Substitute(form, city.subject, city.value, founded.value);
}

std::string FactQuestion(const Fact& fact, Language language, Random& random) {
  return Capitalized(
      Filled(Pick(WordingOf(fact.kind, language).questions, random), fact, language));
}

std::string FactAnswer(const Fact& fact, Language language) {
  return Filled(WordingOf(fact.kind, language).answer, fact, language);
}

std::string WhereQuestion(const Fact& fact, Language language, Random& random) {
  return Filled(Pick(WordingOf(fact.kind, language).places, random), fact, language);
}

std::string PairQuestion(const Fact& first, const Fact& second, Language language, Random& random) {
  const bool english = language == Language::kEnglish;
  const absl::string_view mark = english ? "?" : "？";
  std::string one = FactQuestion(first, language, random);
  one.resize(one.size() - mark.size());
  std::string two = FactQuestion(second, language, random);
  if (english) two[0] = absl::ascii_tolower(static_cast<unsigned char>(two[0]));
  return absl::StrCat(one, english ? " and " : "，", two);
}

std::string DearerQuestion(const Fact& first, const Fact& second, bool less, Language language,
                           Random& random) {
  static constexpr const char* kEnglishForms[] = {
      "Which costs $2, $0 or $1?",
      "Does $0 or $1 cost $2?",
  };
  static constexpr const char* kChineseForms[] = {
      "$0和 $1哪个更$2？",
      "哪个更$2，$0还是 $1？",
  };
  const bool english = language == Language::kEnglish;
  const char* const form = PickOf(english ? kEnglishForms : kChineseForms, random);
  const char* const degree = english ? (less ? "less" : "more") : (less ? "便宜" : "贵");
  return absl::Substitute(form, Named(first, language), Named(second, language), degree);
}

std::string DearerAnswer(const Fact& fact, bool less, Language language) {
  const std::string subject = Capitalized(Named(fact, language));
  return language == Language::kEnglish
             ? absl::StrCat(subject, less ? " costs less." : " costs more.")
             : absl::StrCat(subject, less ? "更便宜。" : "更贵。");
}

std::string MakerOfItemQuestion(const Fact& maker, const Fact& of_maker, bool named,
                                Language language, Random& random) {
  const bool city = of_maker.kind == Kind::kMakerCity;
  static constexpr const char* kEnglishForms[2][2][2] = {
      {{"When was the maker of $0 founded?", "In which year was the maker of $0 founded?"},
       {"In which city is the maker of $0?", "Where is the maker of $0?"}},
      {{"Who makes $0, and when was $1 founded?", "Who is the maker of $0 and when did $1 begin?"},
       {"Who makes $0, and in which city is $1?",
        "Who is the maker of $0 and where is the workshop of $1?"}},
  };
  static constexpr const char* kChineseForms[2][2][2] = {
      {{"$0的厂家是哪一年成立的？", "$0的厂家成立于哪一年？"},
       {"$0的厂家在哪个城市？", "$0的厂家位于哪里？"}},
      {{"$0的厂家是谁，$1成立于哪一年？", "谁制造 $0，$1是哪一年成立的？"},
       {"$0的厂家是谁，$1在哪个城市？", "谁制造 $0，$1位于哪个城市？"}},
  };
  const auto& forms = language == Language::kEnglish ? kEnglishForms : kChineseForms;
  return absl::Substitute(PickOf(forms[named][city], random), Named(maker, language),
                          Named(of_maker, language));
}

std::string ChangeQuestion(const Fact& before, Language language, Random& random) {
  static constexpr const char* kEnglishForms[] = {
      "How did the price of $0 change?",
      "What changed on the label of $0?",
      "Did the price of $0 rise or fall?",
  };
  static constexpr const char* kChineseForms[] = {
      "$0的价格有什么变化？",
      "$0的标签改了什么？",
      "$0涨价了还是降价了？",
  };
  return absl::Substitute(
      PickOf(language == Language::kEnglish ? kEnglishForms : kChineseForms, random),
      Named(before, language));
}

std::string ChangeAnswer(const Fact& before, const Fact& after, bool rose, Language language) {
  // In the order in which it can be found out: what each date says, then what that means.
  const char* const form = language == Language::kEnglish
                               ? "On $2 the price of $0 was $1, on $4 it was $3: it $5."
                               : "$0的价格在 $2 是 $1 元，在 $4 是 $3 元：$5了。";
  const char* const verb =
      language == Language::kEnglish ? (rose ? "rose" : "fell") : (rose ? "升" : "降");
  return absl::Substitute(form, Named(before, language), before.value, before.detail, after.value,
                          after.detail, verb);
}

std::string PageRequest(const PageContent& page, Random& random) {
  const bool english = page.language == Language::kEnglish;
  const auto pick = [&](std::initializer_list<const char*> in_english,
                        std::initializer_list<const char*> in_chinese) {
    const auto& from = english ? in_english : in_chinese;
    return PickOf({from.begin(), from.size()}, random);
  };
  const std::string title = Spaced(page.title, page.language);
  const std::string head = page.head.empty() ? "" : Spaced(page.head[0], page.language);
  switch (page.kind) {
    case PageKind::kLabel:
      if (!page.head.empty()) {
        return absl::Substitute(pick({"label of the $0 from $1", "the $0 label of $1"},
                                     {"$1的 $0标签", "$0在 $1的标签"}),
                                title, head);
      }
      return absl::Substitute(
          pick({"label of the $0", "the $0 label", "what is on the label of the $0?"},
               {"$0的标签", "贴在 $0上的标签", "$0的标签上写着什么？"}),
          title);
    case PageKind::kPriceList:
      return absl::Substitute(pick({"price list of $0", "prices of $0", "what $0 charges"},
                                   {"$0的价目表", "$0的价格", "$0卖什么，多少钱"}),
                              head);
    case PageKind::kInvoice:
      // The customer stands behind a word.
      if (random.Chance(0.4)) {
        const std::string& line = page.head[1];
        return absl::Substitute(
            pick({"invoice for $0", "what did $0 buy?"}, {"给$0的发票", "$0买了什么？"}),
            line.substr(line.find(' ') + 1));
      }
      return absl::Substitute(
          pick({"invoice $0", "the invoice with number $0", "what is on invoice $0?"},
               {"发票 $0", "号码是 $0 的发票", "发票 $0 上有什么？"}),
          page.title.substr(page.title.rfind(' ') + 1));
    case PageKind::kStockTable:
      return absl::Substitute(
          pick({"stock in the $0", "stock table of the $0", "what is in the $0?"},
               {"$0的库存表", "$0的库存", "$0里有什么？"}),
          head);
    case PageKind::kBarChart:
      return absl::Substitute(pick({"chart of $0 sales", "bar chart for $0", "sales chart, $0"},
                                   {"$0销量图", "$0的图表", "关于 $0销量的图"}),
                              title);
    case PageKind::kSign:
      if (page.title == kSale.In(page.language)) {
        return absl::Substitute(pick({"sale sign for the $0", "sale of the $0", "offer for the $0"},
                                     {"$0的特价牌", "$0特价", "$0的优惠"}),
                                head);
      }
      return absl::Substitute(pick({"opening hours of the $0", "sign of the $0", "hours of the $0"},
                                   {"$0的营业时间", "$0的牌子", "$0什么时候营业"}),
                              title);
  }
  return "";
}

std::string LookPhrase(const Look& look, const NamedParts& named, Language language) {
  const bool plain = look.pattern == 0;
  if (language == Language::kEnglish) {
    std::string phrase = "the";
    if (named.pattern && plain) absl::StrAppend(&phrase, " ", PatternWord(0).english);
    if (named.color) absl::StrAppend(&phrase, " ", ColorWord(look.color).english);
    if (named.material) absl::StrAppend(&phrase, " ", MaterialWord(look.material).english);
    absl::StrAppend(&phrase, " ", KindWord(look.kind).english);
    if (named.pattern && !plain) {
      absl::StrAppend(&phrase, " with ", PatternPhrase(look, named.second, language));
    }
    return phrase;
  }
  return absl::StrCat(
      !named.pattern ? ""
      : plain        ? absl::StrCat(PatternWord(0).chinese, "的")
                     : absl::StrCat("带", PatternPhrase(look, named.second, language), "的"),
      named.color ? ColorWord(look.color).chinese : "",
      named.material ? MaterialWord(look.material).chinese : "", KindWord(look.kind).chinese);
}

std::string FindQuestion(const std::string& phrase, Language language, Random& random) {
  static constexpr const char* kEnglishForms[] = {"Where is $0?", "Find $0.", "Show me $0."};
  static constexpr const char* kChineseForms[] = {"$0在哪里？", "找出$0。", "指出$0的位置。"};
  return absl::Substitute(
      PickOf(language == Language::kEnglish ? kEnglishForms : kChineseForms, random), phrase);
}

std::string ChangeRequest(const Look& from, const Look& to, Language language, Random& random) {
  const bool english = language == Language::kEnglish;
  std::string change;
  if (from.kind != to.kind) {
    change = english ? absl::StrCat("as ", WithArticle(KindWord(to.kind).english))
                     : KindWord(to.kind).chinese;
  } else if (from.color != to.color) {
    change =
        english ? absl::StrCat("in ", ColorWord(to.color).english) : ColorWord(to.color).chinese;
  } else if (from.material != to.material) {
    change = english ? absl::StrCat("in ", MaterialWord(to.material).english)
                     : MaterialWord(to.material).chinese;
  } else {
    const std::string pattern = PatternPhrase(to, from.pattern == to.pattern, language);
    change = english ? absl::StrCat("with ", pattern) : pattern;
  }
  static constexpr const char* kEnglishForms[] = {"the same but $0", "the same $0",
                                                  "like this, but $0"};
  static constexpr const char* kChineseForms[] = {"一样的，但是$0", "同样的，换成$0",
                                                  "像这个，但是$0"};
  return absl::Substitute(PickOf(english ? kEnglishForms : kChineseForms, random), change);
}

std::string ExtractionRequest(Language language, Random& random) {
  static constexpr const char* kEnglishForms[] = {
      "Read this invoice as JSON.", "Write this invoice as JSON.", "The invoice as JSON, please."};
  static constexpr const char* kChineseForms[] = {"把这张发票读成 JSON。", "用 JSON 写出这张发票。",
                                                  "这张发票，用 JSON 回答。"};
  return PickOf(language == Language::kEnglish ? kEnglishForms : kChineseForms, random);
}

std::string WarehouseName(int warehouse, Language language) {
  return absl::StrCat(WarehouseWord(warehouse).In(language),
                      language == Language::kEnglish ? " warehouse" : "仓库");
}

std::string ShopName(int city, Language language) {
  return absl::StrCat(CityWord(city).In(language),
                      language == Language::kEnglish ? " shop" : "商店");
}

std::string MonthName(int month, Language language) {
  static constexpr const char* kMonths[] = {"January",   "February", "March",    "April",
                                            "May",       "June",     "July",     "August",
                                            "September", "October",  "November", "December"};
  return language == Language::kEnglish ? kMonths[month] : absl::StrCat(month + 1, "月");
}

std::string CustomerName(Language language, Random& random) {
  static constexpr const char* kFirst[] = {
      "Anna", "Ben", "Clara", "David", "Emma", "Felix", "Grace", "Henry", "Ida",  "Jack",
      "Kate", "Leo", "Mary",  "Noah",  "Olga", "Paul",  "Rosa",  "Simon", "Tina", "Victor"};
  static constexpr const char* kLast[] = {
      "Berg", "Cole",  "Diaz",  "Evans", "Fox",  "Gray", "Hill",  "Ito",  "Jones", "Klein",
      "Lane", "Moore", "North", "Owen",  "Park", "Reed", "Stone", "Todd", "West",  "Young"};
  static constexpr const char* kFamily[] = {"王", "李", "张", "刘", "陈", "杨", "黄", "赵",
                                            "周", "吴", "徐", "孙", "马", "朱", "林", "何"};
  static constexpr const char* kGiven[] = {"明", "芳", "伟", "娜", "静", "强", "丽", "军",
                                           "洋", "勇", "艳", "杰", "涛", "梅", "超", "霞"};
  if (language == Language::kEnglish) {
    return absl::StrCat(PickOf(kFirst, random), " ", PickOf(kLast, random));
  }
  const char* const family = PickOf(kFamily, random);
  const char* const given = PickOf(kGiven, random);
  return absl::StrCat(family, random.Chance(0.4) ? PickOf(kGiven, random) : "", given);
}

}  // namespace sightline::demo_world
