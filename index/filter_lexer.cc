#include "index/filter_lexer.h"

#include <charconv>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace sightline::index {
namespace {

bool StartsName(char c) {
  return absl::ascii_isalpha(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool ContinuesName(char c) { return StartsName(c) || absl::ascii_isdigit(c) || c == '-'; }

void AppendUtf8(uint32_t c, std::string& out) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xc0 | c >> 6));
    out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | c >> 12));
    out.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
  } else {
    out.push_back(static_cast<char>(0xf0 | c >> 18));
    out.push_back(static_cast<char>(0x80 | (c >> 12 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
  }
}

}  // namespace

absl::Status FilterFault(size_t position, absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat("filter: at byte ", position, ": ", message));
}

FilterToken FilterLexer::Token(FilterToken::Type type, size_t length) {
  FilterToken token;
  token.type = type;
  token.position = at_;
  token.text = std::string(text_.substr(at_, length));
  at_ += length;
  return token;
}

absl::StatusOr<FilterToken> FilterLexer::Next() {
  while (at_ < text_.size() && absl::ascii_isspace(text_[at_])) ++at_;
  if (at_ == text_.size()) return Token(FilterToken::Type::kEnd, 0);
  const char c = text_[at_];
  const char next = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
  switch (c) {
    case '(': return Token(FilterToken::Type::kOpen, 1);
    case ')': return Token(FilterToken::Type::kClose, 1);
    case ',': return Token(FilterToken::Type::kComma, 1);
    case '=': return Token(FilterToken::Type::kOperator, 1);
    case '<':
    case '>': return Token(FilterToken::Type::kOperator, next == '=' ? 2 : 1);
    case '!':
      if (next == '=') return Token(FilterToken::Type::kOperator, 2);
      return FilterFault(at_, "expected != after !");
    case '"':
    case '\'': return String();
    default: break;
  }
  if (absl::ascii_isdigit(c) || c == '-') return Number();
  if (StartsName(c) || c == '`') return Name();
  return FilterFault(at_, "unexpected character");
}

absl::Status FilterLexer::QuotedName(std::string& out) {
  const size_t start = at_++;
  const size_t end = text_.find('`', at_);
  if (end == absl::string_view::npos) return FilterFault(start, "the backquote is not closed");
  if (end == at_) return FilterFault(start, "empty name");
  absl::StrAppend(&out, text_.substr(at_, end - at_));
  at_ = end + 1;
  return absl::OkStatus();
}

absl::StatusOr<FilterToken> FilterLexer::Name() {
  FilterToken token = Token(FilterToken::Type::kName, 0);
  while (true) {
    if (at_ < text_.size() && text_[at_] == '`') {
      token.quoted = true;
      if (auto status = QuotedName(token.text); !status.ok()) return status;
    } else if (at_ < text_.size() && StartsName(text_[at_])) {
      const size_t start = at_;
      while (at_ < text_.size() && ContinuesName(text_[at_])) ++at_;
      absl::StrAppend(&token.text, text_.substr(start, at_ - start));
    } else {
      return FilterFault(at_, "expected a field name after the dot");
    }
    if (at_ == text_.size() || text_[at_] != '.') return token;
    token.text.push_back('.');
    ++at_;
  }
}

absl::StatusOr<FilterToken> FilterLexer::Number() {
  const size_t start = at_;
  size_t end = at_ + (text_[at_] == '-');
  bool whole = true;
  const auto digits = [&] {
    const size_t first = end;
    while (end < text_.size() && absl::ascii_isdigit(text_[end])) ++end;
    return end > first;
  };
  bool good = digits();
  if (good && end < text_.size() && text_[end] == '.') {
    whole = false;
    ++end;
    good = digits();
  }
  if (good && end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
    whole = false;
    ++end;
    if (end < text_.size() && (text_[end] == '+' || text_[end] == '-')) ++end;
    good = digits();
  }
  if (!good || (end < text_.size() && (ContinuesName(text_[end]) || text_[end] == '.'))) {
    return FilterFault(start, "malformed number");
  }
  FilterToken token = Token(FilterToken::Type::kValue, end - start);
  int64_t integer = 0;
  double real = 0;
  if (whole && absl::SimpleAtoi(token.text, &integer)) {
    token.value = integer;
  } else if (absl::SimpleAtod(token.text, &real) && std::isfinite(real)) {
    token.value = real;
  } else {
    return FilterFault(start, "number out of range");
  }
  return token;
}

absl::StatusOr<uint32_t> FilterLexer::HexDigits(size_t position) {
  uint32_t value = 0;
  const absl::string_view digits = text_.substr(at_, 4);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.size() != 4 || error != std::errc() || end != digits.data() + 4) {
    return FilterFault(position, "expected four hexadecimal digits after \\u");
  }
  at_ += 4;
  return value;
}

// After a backslash.
absl::Status FilterLexer::Escape(std::string& out) {
  const size_t start = at_ - 1;
  if (at_ == text_.size()) return FilterFault(start, "nothing after the backslash");
  const char c = text_[at_++];
  switch (c) {
    case '"':
    case '\'':
    case '\\':
    case '/': out.push_back(c); return absl::OkStatus();
    case 'n': out.push_back('\n'); return absl::OkStatus();
    case 't': out.push_back('\t'); return absl::OkStatus();
    case 'r': out.push_back('\r'); return absl::OkStatus();
    case 'b': out.push_back('\b'); return absl::OkStatus();
    case 'f': out.push_back('\f'); return absl::OkStatus();
    case 'u': break;
    default: return FilterFault(start, "unknown escape");
  }
  auto code = HexDigits(start);
  if (!code.ok()) return code.status();
  if (*code >= 0xd800 && *code < 0xdc00 && text_.substr(at_, 2) == "\\u") {
    at_ += 2;
    auto low = HexDigits(start);
    if (!low.ok()) return low.status();
    if (*low < 0xdc00 || *low >= 0xe000) return FilterFault(start, "lone surrogate");
    *code = 0x10000 + ((*code - 0xd800) << 10) + (*low - 0xdc00);
  }
  if (*code >= 0xd800 && *code < 0xe000) return FilterFault(start, "lone surrogate");
  AppendUtf8(*code, out);
  return absl::OkStatus();
}

absl::StatusOr<FilterToken> FilterLexer::String() {
  const size_t start = at_;
  const char quote = text_[at_];
  FilterToken token = Token(FilterToken::Type::kValue, 1);
  std::string value;
  while (at_ < text_.size()) {
    const char c = text_[at_++];
    if (c == quote) {
      token.text.clear();
      token.value = std::move(value);
      return token;
    }
    if (c == '\\') {
      if (auto status = Escape(value); !status.ok()) return status;
    } else {
      value.push_back(c);
    }
  }
  return FilterFault(start, "the string is not closed");
}

}  // namespace sightline::index
