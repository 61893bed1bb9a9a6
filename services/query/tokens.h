#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace sightline::query {

struct Token {
  std::string text;
  bool is_number = false;
  size_t begin = 0;  // bytes [begin, end) of the text
  size_t end = 0;
};

// Words of Latin letters and numbers of a text as NormalisedText makes it, in order. A number keeps
// its point, not its thousands commas. Pure; any thread.
std::vector<Token> Tokenize(const std::string& text);

}  // namespace sightline::query
