#pragma once

#include <cstdint>
#include <span>

#include "absl/strings/string_view.h"

// Words that build questions and sentences and say nothing of their subject: "what", "the", 的.
// Pure functions; any thread.
namespace sightline {

// English ones, in lower case.
std::span<const absl::string_view> EnglishFunctionWords();
bool IsEnglishFunctionWord(absl::string_view word);

// A character of Chinese or Japanese that builds such words.
bool IsFunctionCharacter(int32_t code_point);

}  // namespace sightline
