#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

// Names in Chinese, which no capital tells. Ill-formed UTF-8 is read as U+FFFD. Pure functions; any
// thread.
namespace sightline::query {

// The first place that `claim` names in Chinese and `passages` do not, in Chinese of either script
// or in English: countries (but China) and cities as ICU knows them, and China's provinces. Empty
// when all are there.
std::string MissingPlace(absl::string_view claim, absl::string_view passages);

// What of `claim` stands between a Chinese preposition and a noun ("从山丘仓库", from the hill
// warehouse), where `passages` have that noun qualified otherwise ("港口仓库", or "仓库 港口" as a
// property) and do not know those characters at all; the first. Empty when there is none.
std::string OtherQualifier(absl::string_view claim, absl::string_view passages);

// What `claim` says in Chinese that something is ("客户是周明", the customer is Zhou Ming), where
// `passages` have that something as a property with another value ("客户 陈梅") and do not know
// those characters at all; the first. Empty when there is none.
std::string OtherValue(absl::string_view claim, absl::string_view passages);

}  // namespace sightline::query
