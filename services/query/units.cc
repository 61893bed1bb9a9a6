#include "services/query/units.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace sightline::query {
namespace {

struct Writing {
  absl::string_view text;
  absl::string_view unit;
};

// Of one text several may stand here: it is open then which is meant. Chinese writings that also
// end dates ("日", "月", "年") are left out.
constexpr Writing kWritings[] = {
    {"€", "currency:eur"},
    {"eur", "currency:eur"},
    {"euro", "currency:eur"},
    {"euros", "currency:eur"},
    {"欧元", "currency:eur"},
    {"$", "currency:usd"},
    {"usd", "currency:usd"},
    {"dollar", "currency:usd"},
    {"dollars", "currency:usd"},
    {"美元", "currency:usd"},
    {"£", "currency:gbp"},
    {"gbp", "currency:gbp"},
    {"英镑", "currency:gbp"},
    {"pound", "currency:gbp"},
    {"pounds", "currency:gbp"},
    {"pound", "mass:lb"},
    {"pounds", "mass:lb"},
    {"¥", "currency:cny"},
    {"¥", "currency:jpy"},
    {"cny", "currency:cny"},
    {"rmb", "currency:cny"},
    {"yuan", "currency:cny"},
    {"元", "currency:cny"},
    {"人民币", "currency:cny"},
    {"jpy", "currency:jpy"},
    {"yen", "currency:jpy"},
    {"日元", "currency:jpy"},
    {"chf", "currency:chf"},
    {"francs", "currency:chf"},
    {"瑞士法郎", "currency:chf"},
    {"%", "share:percent"},
    {"percent", "share:percent"},
    {"per cent", "share:percent"},
    {"permille", "share:permille"},
    {"‰", "share:permille"},
    {"mm", "length:mm"},
    {"millimetre", "length:mm"},
    {"millimetres", "length:mm"},
    {"millimeter", "length:mm"},
    {"millimeters", "length:mm"},
    {"毫米", "length:mm"},
    {"cm", "length:cm"},
    {"centimetre", "length:cm"},
    {"centimetres", "length:cm"},
    {"centimeter", "length:cm"},
    {"centimeters", "length:cm"},
    {"厘米", "length:cm"},
    {"m", "length:m"},
    {"metre", "length:m"},
    {"metres", "length:m"},
    {"meter", "length:m"},
    {"meters", "length:m"},
    {"米", "length:m"},
    {"km", "length:km"},
    {"kilometre", "length:km"},
    {"kilometres", "length:km"},
    {"kilometer", "length:km"},
    {"kilometers", "length:km"},
    {"公里", "length:km"},
    {"千米", "length:km"},
    {"inch", "length:inch"},
    {"inches", "length:inch"},
    {"英寸", "length:inch"},
    {"foot", "length:foot"},
    {"feet", "length:foot"},
    {"ft", "length:foot"},
    {"英尺", "length:foot"},
    {"mile", "length:mile"},
    {"miles", "length:mile"},
    {"英里", "length:mile"},
    {"mg", "mass:mg"},
    {"毫克", "mass:mg"},
    {"g", "mass:g"},
    {"gram", "mass:g"},
    {"grams", "mass:g"},
    {"克", "mass:g"},
    {"kg", "mass:kg"},
    {"kilo", "mass:kg"},
    {"kilos", "mass:kg"},
    {"kilogram", "mass:kg"},
    {"kilograms", "mass:kg"},
    {"千克", "mass:kg"},
    {"公斤", "mass:kg"},
    {"t", "mass:t"},
    {"tonne", "mass:t"},
    {"tonnes", "mass:t"},
    {"ton", "mass:t"},
    {"tons", "mass:t"},
    {"吨", "mass:t"},
    {"lb", "mass:lb"},
    {"lbs", "mass:lb"},
    {"oz", "mass:oz"},
    {"ounce", "mass:oz"},
    {"ounces", "mass:oz"},
    {"ml", "volume:ml"},
    {"millilitres", "volume:ml"},
    {"milliliters", "volume:ml"},
    {"毫升", "volume:ml"},
    {"l", "volume:l"},
    {"litre", "volume:l"},
    {"litres", "volume:l"},
    {"liter", "volume:l"},
    {"liters", "volume:l"},
    {"升", "volume:l"},
    {"ms", "time:ms"},
    {"millisecond", "time:ms"},
    {"milliseconds", "time:ms"},
    {"毫秒", "time:ms"},
    {"s", "time:s"},
    {"sec", "time:s"},
    {"second", "time:s"},
    {"seconds", "time:s"},
    {"秒", "time:s"},
    {"min", "time:min"},
    {"minute", "time:min"},
    {"minutes", "time:min"},
    {"分钟", "time:min"},
    {"h", "time:h"},
    {"hour", "time:h"},
    {"hours", "time:h"},
    {"小时", "time:h"},
    {"day", "time:day"},
    {"days", "time:day"},
    {"天", "time:day"},
    {"week", "time:week"},
    {"weeks", "time:week"},
    {"month", "time:month"},
    {"months", "time:month"},
    {"个月", "time:month"},
    {"year", "time:year"},
    {"years", "time:year"},
    {"°c", "temperature:c"},
    {"摄氏度", "temperature:c"},
    {"°f", "temperature:f"},
    {"华氏度", "temperature:f"},
    {"kb", "data:kb"},
    {"mb", "data:mb"},
    {"gb", "data:gb"},
    {"tb", "data:tb"},
    {"w", "power:w"},
    {"watt", "power:w"},
    {"watts", "power:w"},
    {"瓦", "power:w"},
    {"kw", "power:kw"},
    {"千瓦", "power:kw"},
};

constexpr absl::string_view kCurrency = "currency:";

// Of those whose text `fits`, the ones with the longest.
template <typename Fits>
Units LongestThatFit(const Fits& fits) {
  size_t longest = 0;
  for (const Writing& writing : kWritings) {
    if (fits(writing)) longest = std::max(longest, writing.text.size());
  }
  Units units;
  if (longest == 0) return units;
  for (const Writing& writing : kWritings) {
    if (writing.text.size() == longest && fits(writing)) units.push_back(writing.unit);
  }
  return units;
}

bool IsWord(absl::string_view text) { return absl::ascii_isalpha(text.front()); }

absl::string_view Dimension(absl::string_view unit) { return unit.substr(0, unit.find(':')); }

}  // namespace

Units UnitsOfNumber(absl::string_view before, absl::string_view after) {
  // A currency in front goes first: "€5 m" are euros.
  absl::ConsumeSuffix(&before, " ");
  Units units = LongestThatFit([&](const Writing& writing) {
    if (!absl::StartsWith(writing.unit, kCurrency)) return false;
    if (!absl::EndsWith(before, writing.text)) return false;
    const absl::string_view rest = before.substr(0, before.size() - writing.text.size());
    return !IsWord(writing.text) || rest.empty() || !absl::ascii_isalpha(rest.back());
  });
  if (!units.empty()) return units;
  // "3-year" and "3 years" are one.
  if (!absl::ConsumePrefix(&after, " ")) absl::ConsumePrefix(&after, "-");
  return LongestThatFit([&](const Writing& writing) {
    if (!absl::StartsWith(after, writing.text)) return false;
    const absl::string_view rest = after.substr(writing.text.size());
    return !IsWord(writing.text) || rest.empty() || !absl::ascii_isalpha(rest.front());
  });
}

bool AreOtherUnits(const Units& a, const Units& b) {
  bool one_dimension = false;
  for (const absl::string_view left : a) {
    for (const absl::string_view right : b) {
      if (left == right) return false;
      one_dimension = one_dimension || Dimension(left) == Dimension(right);
    }
  }
  return one_dimension;
}

}  // namespace sightline::query
