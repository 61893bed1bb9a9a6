#define PCRE2_CODE_UNIT_WIDTH 8
#include "model/pretokenizer.h"

#include <pcre2.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace sightline::model {
namespace {

constexpr size_t kMaxPatternBytes = 4096;
// PCRE2's \s also takes U+180E, which lost the White_Space property in Unicode 6.3.
constexpr absl::string_view kWhiteSpace =
    "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}"
    "\\x{205f}\\x{3000}";
constexpr uint32_t kCompileOptions = PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C;
// A step a character for each alternative, and then some; probes of this length tell n from n
// squared.
constexpr int kProbeChars = 512;
constexpr int64_t kMaxStepsPerChar = 96;

struct FreeCode {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct FreeData {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
struct FreeContext {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};
using CodePtr = std::unique_ptr<pcre2_code, FreeCode>;
using DataPtr = std::unique_ptr<pcre2_match_data, FreeData>;
using ContextPtr = std::unique_ptr<pcre2_match_context, FreeContext>;

// `pattern` with \s and \S spelt out.
absl::StatusOr<std::string> SpellOutWhiteSpace(absl::string_view pattern) {
  std::string out;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      const char escaped = pattern[++i];
      if (escaped == 's') {
        absl::StrAppend(&out, in_class ? "" : "[", kWhiteSpace, in_class ? "" : "]");
      } else if (escaped == 'S' && !in_class) {
        absl::StrAppend(&out, "[^", kWhiteSpace, "]");
      } else if (escaped == 'S' || escaped == 'Q') {
        return absl::FailedPreconditionError(absl::StrCat(
            "pattern: \\", std::string(1, escaped), " at byte ", i - 1, " is not supported there"));
      } else {
        out += {c, escaped};
      }
      continue;
    }
    if (c == '[') in_class = true;
    if (c == ']') in_class = false;
    out += c;
  }
  return out;
}

absl::StatusOr<CodePtr> Compile(const std::string& pattern, uint32_t options) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  CodePtr code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), options,
                             &error, &offset, nullptr));
  if (code == nullptr) {
    PCRE2_UCHAR message[128] = {};
    pcre2_get_error_message(error, message, sizeof(message));
    return absl::FailedPreconditionError(
        absl::StrCat("pattern: byte ", offset, ": ", reinterpret_cast<const char*>(message)));
  }
  return code;
}

size_t CharLength(absl::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80) ++end;
  return end - at;
}

// Walks over `text` as Split promises. Returns PCRE2's error, or 0.
template <typename Word>
int Walk(const pcre2_code* code, pcre2_match_data* data, pcre2_match_context* context,
         absl::string_view text, const Word& word) {
  size_t gap = 0;  // start of what no match has taken yet
  size_t at = 0;
  while (at < text.size()) {
    const int count = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at,
                                  PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY_ATSTART, data, context);
    if (count < 0 && count != PCRE2_ERROR_NOMATCH) return count;
    const PCRE2_SIZE* match = pcre2_get_ovector_pointer(data);
    if (count == PCRE2_ERROR_NOMATCH || match[1] <= match[0] || match[0] != at) {
      at += CharLength(text, at);
      continue;
    }
    if (gap < at) word(text.substr(gap, at - gap));
    word(text.substr(at, match[1] - at));
    at = gap = match[1];
  }
  if (gap < text.size()) word(text.substr(gap));
  return 0;
}

struct StepCounter {
  int64_t steps = 0;
  int64_t limit = 0;
};

int CountStep(pcre2_callout_block*, void* counter) {
  auto* steps = static_cast<StepCounter*>(counter);
  return ++steps->steps > steps->limit ? PCRE2_ERROR_CALLOUT : 0;
}

}  // namespace

const char Pretokenizer::kQwenPattern[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| "
    "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
    "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

struct Pretokenizer::Code {
  CodePtr fast;      // compiled to machine code where the system allows that
  CodePtr counting;  // calls back at each item of the pattern
};

Pretokenizer::Pretokenizer(std::unique_ptr<Code> code) : code_(std::move(code)) {}
Pretokenizer::~Pretokenizer() = default;

absl::StatusOr<std::unique_ptr<Pretokenizer>> Pretokenizer::Create(absl::string_view pattern) {
  if (pattern.size() > kMaxPatternBytes) {
    return absl::FailedPreconditionError(absl::StrCat(
        "pattern: ", pattern.size(), " bytes, at most ", kMaxPatternBytes, " are read"));
  }
  SL_ASSIGN_OR_RETURN(const std::string spelt_out, SpellOutWhiteSpace(pattern));
  auto code = std::make_unique<Code>();
  // Anchored: a word starts where the last one ended, so nothing is searched twice.
  SL_ASSIGN_OR_RETURN(code->fast, Compile(spelt_out, kCompileOptions | PCRE2_ANCHORED));
  pcre2_jit_compile(code->fast.get(), PCRE2_JIT_COMPLETE);  // without it pcre2_match interprets
  SL_ASSIGN_OR_RETURN(code->counting,
                      Compile(spelt_out, kCompileOptions | PCRE2_ANCHORED | PCRE2_AUTO_CALLOUT |
                                             PCRE2_NO_START_OPTIMIZE));
  auto made = std::unique_ptr<Pretokenizer>(new Pretokenizer(std::move(code)));

  std::vector<std::string> units = {
      "\t", "\n", "\r\n", "\u00a0", "\u0301", "é",  "中", "٣",
      " a", "a ", "a1",   " \n",    "\n ",    "'S", "!a", "\U0001F468\u200D"};
  for (char c = ' '; c <= '~'; ++c) units.emplace_back(1, c);
  for (const std::string& unit : units) {
    std::string probe;
    for (int i = 0; i < kProbeChars; ++i) probe += unit;
    // Backtracking shows where a match fails late: at the end, or at a character unlike the others.
    for (const char* end : {"", "\x01"}) {
      const int64_t limit = kMaxStepsPerChar * static_cast<int64_t>(probe.size());
      if (made->CountSteps(probe + end, limit) <= limit) continue;
      return absl::FailedPreconditionError(absl::StrCat("pattern: takes over ", limit, " steps on ",
                                                        kProbeChars, " times \"", unit, "\""));
    }
  }
  return made;
}

absl::Status Pretokenizer::Split(absl::string_view text,
                                 const std::function<void(absl::string_view word)>& word) const {
  const DataPtr data(pcre2_match_data_create_from_pattern(code_->fast.get(), nullptr));
  const ContextPtr context(pcre2_match_context_create(nullptr));
  if (data == nullptr || context == nullptr) {
    return absl::ResourceExhaustedError("pre-tokenizer: out of memory");
  }
  const uint64_t limit = 100000 + 16 * static_cast<uint64_t>(text.size());
  pcre2_set_match_limit(context.get(),
                        static_cast<uint32_t>(std::min<uint64_t>(limit, UINT32_MAX)));
  const int error = Walk(code_->fast.get(), data.get(), context.get(), text, word);
  if (error != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("pre-tokenizer: the pattern gave up on this text, PCRE2 error ", error));
  }
  return absl::OkStatus();
}

int64_t Pretokenizer::CountSteps(absl::string_view text, int64_t limit) const {
  const DataPtr data(pcre2_match_data_create_from_pattern(code_->counting.get(), nullptr));
  const ContextPtr context(pcre2_match_context_create(nullptr));
  if (data == nullptr || context == nullptr) return limit + 1;
  StepCounter counter = {0, limit};
  pcre2_set_callout(context.get(), CountStep, &counter);
  const int error =
      Walk(code_->counting.get(), data.get(), context.get(), text, [&](absl::string_view) {});
  return error != 0 ? limit + 1 : counter.steps;
}

}  // namespace sightline::model
