#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace sightline::query {

// True when a table of `passages` says otherwise than `claim`:
// - it gives another value to what the claim names: the claim holds the words of a cell, which
// makes
//   its row the row spoken of, and of another column it holds not that row's value but another
//   row's, which stands nowhere outside the table. Values count whole, by their words and numbers;
//   a claim that names several rows may have the values of each;
// - its rows are a name and a number each, and the claim has one of them to be the most or the
// least
//   ("sold best in May") of what the text around the table speaks of ("units sold"), where the
//   numbers have another.
// Tables are those of Markdown, and two or more neighbouring lines of words and equally many
// numbers, which may stand on lines of their own, as the text layer of a page gives them. Pure; any
// thread.
bool ContradictsTable(absl::string_view claim, const std::vector<std::string>& passages);

}  // namespace sightline::query
