#include "services/query/tokens.h"

#include "absl/strings/ascii.h"

namespace sightline::query {

std::vector<Token> Tokenize(const std::string& text) {
  std::vector<Token> out;
  const auto digit_at = [&](size_t at) {
    return at < text.size() && absl::ascii_isdigit(text[at]);
  };
  for (size_t at = 0; at < text.size();) {
    if (absl::ascii_isdigit(text[at])) {
      std::string number;
      bool point = false;
      const size_t start = at;
      while (digit_at(at) || (digit_at(at + 1) && at < text.size() &&
                              (text[at] == ',' || (text[at] == '.' && !point)))) {
        // A comma joins only groups of three: "1,000" but not "3,4".
        if (text[at] == ',' &&
            !(digit_at(at + 2) && digit_at(at + 3) && !digit_at(at + 4) && !point)) {
          break;
        }
        point = point || text[at] == '.';
        if (text[at] != ',') number += text[at];
        ++at;
      }
      out.push_back({number, true, start, at});
    } else if (absl::ascii_isalpha(text[at])) {
      const size_t start = at;
      while (at < text.size() && absl::ascii_isalpha(text[at])) ++at;
      out.push_back({text.substr(start, at - start), false, start, at});
    } else {
      ++at;
    }
  }
  return out;
}

}  // namespace sightline::query
