#define PCRE2_CODE_UNIT_WIDTH 8
#include "services/query/content_rules.h"

#include <pcre2.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/utf8.h"

namespace sightline::query {
namespace {

constexpr size_t kMaxPatternBytes = 4096;
constexpr size_t kMaxNameBytes = 32;
constexpr uint32_t kMatchLimit = 1'000'000;  // steps of one call; a window is kMaxMatchBytes
constexpr uint32_t kCompileOptions = PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C;

struct Free {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};
using CodePtr = std::unique_ptr<pcre2_code, Free>;
using DataPtr = std::unique_ptr<pcre2_match_data, Free>;
using ContextPtr = std::unique_ptr<pcre2_match_context, Free>;

// How many bytes of a candidate are a match; 0 = none.
using Check = size_t (*)(absl::string_view candidate);

// The longest part from the front, up to a group's end, that has 13 to 19 digits and a check digit
// after ISO/IEC 7812-1: a card's number may have another number behind it.
size_t CardLength(absl::string_view candidate) {
  for (size_t end = candidate.size(); end > 0; --end) {
    if (!absl::ascii_isdigit(candidate[end - 1])) continue;
    if (end < candidate.size() && absl::ascii_isdigit(candidate[end])) continue;
    int digits = 0;
    int sum = 0;
    for (size_t i = end; i > 0; --i) {
      if (!absl::ascii_isdigit(candidate[i - 1])) continue;
      int digit = candidate[i - 1] - '0';
      if (digits % 2 == 1) digit = digit > 4 ? 2 * digit - 9 : 2 * digit;
      sum += digit;
      ++digits;
    }
    if (digits >= 13 && digits <= 19 && sum % 10 == 0) return end;
  }
  return 0;
}

struct KnownKind {
  absl::string_view name;
  absl::string_view pattern;
  Check check = nullptr;
};

constexpr KnownKind kKnownKinds[] = {
    {"card", "(?<![0-9])[0-9](?:[ -]?[0-9]){12,18}(?![0-9])", CardLength},
    {"email",
     "(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\\.[A-Za-z0-9-]{1,63})+"},
    // International with + or 00; (555) 123-4567 and the like; a trunk 0 with groups.
    {"phone",
     "(?<![0-9A-Za-z+.-])(?:(?:\\+|00)[1-9](?:[ ().-]{0,2}[0-9]){6,13}"
     "|(?:\\([0-9]{3}\\) ?|[0-9]{3}[ .-])[0-9]{3}[ .-][0-9]{4}"
     "|\\(?0[1-9][0-9]{0,3}\\)?[ /-][0-9]{3,8}(?:[ -][0-9]{2,5}){0,3})(?![0-9])"},
    // United States (SSN), United Kingdom (NINO), China (resident identity number).
    {"national_id",
     "(?<![0-9A-Za-z-])(?:(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}"
     "|[A-CEGHJ-PR-TW-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]"
     "|[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx])"
     "(?![0-9A-Za-z-])"},
};

// Scripts without spaces between words begin at U+2E80; their words have no edges to look for.
bool HasEdges(absl::string_view character) {
  return static_cast<unsigned char>(character[0]) < 0xE3 && character[0] != ' ';
}

// Any of the words, separated by ';', as whole words whatever their case; empty without words.
std::string WordsPattern(absl::string_view words) {
  constexpr absl::string_view kLetter = "[\\p{L}\\p{N}_]";
  std::string out;
  for (absl::string_view word : absl::StrSplit(words, ';')) {
    word = absl::StripAsciiWhitespace(word);
    if (word.empty()) continue;
    size_t last = word.size() - 1;
    while ((static_cast<unsigned char>(word[last]) & 0xC0) == 0x80) --last;
    absl::StrAppend(&out, out.empty() ? "(?i)(?:" : "|");
    if (HasEdges(word)) absl::StrAppend(&out, "(?<!", kLetter, ")");
    for (const char c : word) {
      if (absl::ascii_ispunct(c)) out.push_back('\\');
      out.push_back(c);
    }
    if (HasEdges(word.substr(last))) absl::StrAppend(&out, "(?!", kLetter, ")");
  }
  if (!out.empty()) out.push_back(')');
  return out;
}

absl::StatusOr<CodePtr> Compile(absl::string_view pattern) {
  if (pattern.empty() || pattern.size() > kMaxPatternBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected 1..", kMaxPatternBytes, " bytes behind the colon"));
  }
  int error = 0;
  PCRE2_SIZE offset = 0;
  CodePtr code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                             kCompileOptions, &error, &offset, nullptr));
  if (code == nullptr) {
    PCRE2_UCHAR message[128] = {};
    pcre2_get_error_message(error, message, sizeof(message));
    return absl::InvalidArgumentError(
        absl::StrCat("the regular expression, byte ", offset, ": ",
                     absl::string_view(reinterpret_cast<const char*>(message))));
  }
  // Without it pcre2_match interprets.
  pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD);
  return code;
}

bool IsName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isdigit(c) || absl::ascii_islower(c) || c == '_' || c == '-';
         });
}

// Cuts off and returns the word in front of `rest`.
absl::string_view TakeWord(absl::string_view& rest) {
  const size_t end = std::min(rest.find(' '), rest.size());
  const absl::string_view word = rest.substr(0, end);
  rest = absl::StripLeadingAsciiWhitespace(rest.substr(end));
  return word;
}

size_t AfterCharacter(absl::string_view text, size_t at) {
  do {
    ++at;
  } while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  return at;
}

}  // namespace

struct ContentRules::Rule {
  std::string name;
  RuleAction action = RuleAction::kMask;
  CodePtr code;
  Check check = nullptr;

  static absl::StatusOr<Rule> Parse(absl::string_view line);
};

absl::StatusOr<ContentRules::Rule> ContentRules::Rule::Parse(absl::string_view line) {
  Rule rule;
  const absl::string_view action = TakeWord(line);
  if (action == "block") {
    rule.action = RuleAction::kBlock;
  } else if (action != "mask") {
    return absl::InvalidArgumentError("expected mask or block in front");
  }
  const absl::string_view kind = TakeWord(line);
  for (const KnownKind& known : kKnownKinds) {
    if (kind != known.name) continue;
    if (!line.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("nothing goes behind ", kind));
    }
    rule.name = std::string(kind);
    rule.check = known.check;
    SL_ASSIGN_OR_RETURN(rule.code, Compile(known.pattern));
    return rule;
  }
  if (kind != "words" && kind != "regex") {
    return absl::InvalidArgumentError(
        "expected one of card, email, phone, national_id, words, regex");
  }
  const size_t colon = line.find(':');
  if (colon == absl::string_view::npos || !IsName(line.substr(0, colon))) {
    return absl::InvalidArgumentError(absl::StrCat("expected NAME: behind ", kind, ", of 1..",
                                                   kMaxNameBytes,
                                                   " small letters, digits, _ and -"));
  }
  rule.name = std::string(line.substr(0, colon));
  const absl::string_view value = absl::StripAsciiWhitespace(line.substr(colon + 1));
  SL_ASSIGN_OR_RETURN(rule.code,
                      Compile(kind == "words" ? WordsPattern(value) : std::string(value)));
  return rule;
}

ContentRules::ContentRules() = default;
ContentRules::~ContentRules() = default;

absl::StatusOr<std::shared_ptr<const ContentRules>> ContentRules::Parse(absl::string_view lines) {
  std::shared_ptr<ContentRules> out(new ContentRules());
  int number = 0;
  for (absl::string_view line : absl::StrSplit(lines, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    auto rule = Rule::Parse(line);
    if (!rule.ok()) return Annotate(rule.status(), absl::StrCat("line ", number));
    out->rules_.push_back(*std::move(rule));
  }
  if (out->rules_.empty()) return nullptr;
  return out;
}

size_t ContentRules::size() const { return rules_.size(); }
const std::string& ContentRules::name(size_t rule) const { return rules_[rule].name; }
RuleAction ContentRules::action(size_t rule) const { return rules_[rule].action; }

// Each place of the text is decided by the window of kMaxMatchBytes behind it and by nothing more.
// PCRE2_PARTIAL_HARD says when a place's outcome hangs on what follows the window; the window then
// moves up to that place, and only where it is as long as it gets is it taken as it stands.
absl::StatusOr<ContentRules::Step> ContentRules::Next(size_t rule, absl::string_view text,
                                                      size_t from, bool whole) const {
  const Rule& r = rules_[rule];
  const DataPtr data(pcre2_match_data_create_from_pattern(r.code.get(), nullptr));
  const ContextPtr context(pcre2_match_context_create(nullptr));
  if (data == nullptr || context == nullptr) {
    return absl::ResourceExhaustedError("content rules: out of memory");
  }
  pcre2_set_match_limit(context.get(), kMatchLimit);
  const PCRE2_SIZE* span = pcre2_get_ovector_pointer(data.get());
  while (from < text.size()) {
    const size_t edge = from + Utf8PrefixLength(text.substr(from), kMaxMatchBytes);
    const auto match = [&](uint32_t options) {
      return pcre2_match(r.code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), edge, from,
                         options | PCRE2_NOTEMPTY | PCRE2_NO_UTF_CHECK, data.get(), context.get());
    };
    const bool is_last = edge == text.size();
    int found = match(is_last && whole ? 0 : PCRE2_PARTIAL_HARD);
    if (found == PCRE2_ERROR_PARTIAL) {
      if (span[0] > from || is_last) {
        from = span[0];
        if (is_last) return Step{.match = {}, .decided = from};
        continue;
      }
      found = match(PCRE2_ANCHORED | PCRE2_NOTEOL);
      if (found == PCRE2_ERROR_NOMATCH) {
        from = AfterCharacter(text, from);
        continue;
      }
    }
    if (found == PCRE2_ERROR_NOMATCH) {
      from = edge;
      continue;
    }
    if (found < 0) {
      return absl::InternalError(absl::StrCat("content rule ", r.name, ": PCRE2 error ", found));
    }
    Match out = {span[0], span[1]};
    if (r.check != nullptr) {
      const size_t length = r.check(text.substr(out.begin, out.end - out.begin));
      if (length == 0) {
        from = AfterCharacter(text, out.begin);
        continue;
      }
      out.end = out.begin + length;
    }
    return Step{.match = out, .decided = out.end};
  }
  return Step{.match = {}, .decided = text.size()};
}

}  // namespace sightline::query
