#include "services/query/json_leaves.h"

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace sightline::query {
namespace {

constexpr int kMaxDepth = 256;

// Goes over a text that is known to be JSON; the library's own reader keeps no places.
class Scanner {
 public:
  explicit Scanner(absl::string_view text) : text_(text) {}

  // False when it nests too deep.
  bool Value(const std::string& pointer, const std::string& name, int depth) {
    if (depth > kMaxDepth) return false;
    Blanks();
    const char first = At();
    if (first == '{') return Members(pointer, depth);
    if (first == '[') return Elements(pointer, name, depth);
    JsonLeaf leaf;
    leaf.pointer = pointer;
    leaf.name = name;
    leaf.begin = at_;
    if (first == '"') {
      leaf.kind = JsonLeaf::Kind::kString;
      leaf.value = String();
    } else {
      while (at_ < text_.size() &&
             (absl::ascii_isalnum(At()) || At() == '-' || At() == '+' || At() == '.')) {
        ++at_;
      }
      leaf.value = std::string(text_.substr(leaf.begin, at_ - leaf.begin));
      leaf.kind = first == 'n'                   ? JsonLeaf::Kind::kNull
                  : first == 't' || first == 'f' ? JsonLeaf::Kind::kBool
                                                 : JsonLeaf::Kind::kNumber;
    }
    leaf.end = at_;
    leaves_.push_back(std::move(leaf));
    return true;
  }

  std::vector<JsonLeaf> Take() { return std::move(leaves_); }

 private:
  char At() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void Blanks() {
    while (at_ < text_.size() && absl::ascii_isspace(text_[at_])) ++at_;
  }

  std::string String() {
    const size_t begin = at_++;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    ++at_;
    return nlohmann::json::parse(text_.substr(begin, at_ - begin)).get<std::string>();
  }

  bool Members(const std::string& pointer, int depth) {
    for (++at_;; ++at_) {  // behind the brace or a comma
      Blanks();
      if (At() == '}') break;
      const std::string name = String();
      Blanks();
      ++at_;  // the colon
      const std::string step = absl::StrReplaceAll(name, {{"~", "~0"}, {"/", "~1"}});
      if (!Value(absl::StrCat(pointer, "/", step), name, depth + 1)) return false;
      Blanks();
      if (At() == '}') break;
    }
    ++at_;
    return true;
  }

  bool Elements(const std::string& pointer, const std::string& name, int depth) {
    ++at_;
    for (int i = 0;; ++i, ++at_) {
      Blanks();
      if (At() == ']') break;
      if (!Value(absl::StrCat(pointer, "/", i), name, depth + 1)) return false;
      Blanks();
      if (At() == ']') break;
    }
    ++at_;
    return true;
  }

  const absl::string_view text_;
  size_t at_ = 0;
  std::vector<JsonLeaf> leaves_;
};

}  // namespace

std::vector<JsonLeaf> JsonLeaves(absl::string_view text) {
  if (!nlohmann::json::accept(text)) return {};
  Scanner scanner(text);
  if (!scanner.Value("", "", 0)) return {};
  return scanner.Take();
}

}  // namespace sightline::query
