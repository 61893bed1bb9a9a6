#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "index/metadata.h"

namespace sightline::index {

// kInvalidArgument "filter: at byte N: …".
absl::Status FilterFault(size_t position, absl::string_view message);

struct FilterToken {
  enum class Type { kEnd, kName, kValue, kOperator, kOpen, kClose, kComma };

  Type type = Type::kEnd;
  size_t position = 0;  // byte offset in the expression
  std::string text;     // of a name: the path; of an operator: itself
  bool quoted = false;  // a name with backquotes, which is never a keyword or built-in
  Scalar value;         // of kValue: a string or a number
};

// Cuts an expression of well-formed UTF-8 into tokens.
class FilterLexer {
 public:
  explicit FilterLexer(absl::string_view expression) : text_(expression) {}
  absl::StatusOr<FilterToken> Next();

 private:
  absl::StatusOr<FilterToken> Name();
  absl::StatusOr<FilterToken> Number();
  absl::StatusOr<FilterToken> String();
  absl::Status QuotedName(std::string& out);
  absl::Status Escape(std::string& out);
  absl::StatusOr<uint32_t> HexDigits(size_t position);
  FilterToken Token(FilterToken::Type type, size_t length);

  const absl::string_view text_;
  size_t at_ = 0;
};

}  // namespace sightline::index
