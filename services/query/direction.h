#pragma once

#include "absl/strings/string_view.h"

namespace sightline::query {

// True where `claim` says that something rose or fell, and its own two values say the opposite: "On
// 2021-04-18 the price was 152.74, on 2023-08-02 it was 174.50: it fell", "sales rose from 20 to
// 12". Read are two values that each stand beside a date, which may come in any order, with what
// became of "it" behind them, and "rose from … to …"; in English and Chinese. False wherever
// something is open: other units, a third number, a sign, a denial, both directions, a rank, whose
// numbers fall as it rises. Pure; any thread.
bool ContradictsItself(absl::string_view claim);

}  // namespace sightline::query
