#include "base/function_words.h"

#include <gtest/gtest.h>

namespace sightline {
namespace {

TEST(FunctionWordsTest, WordsThatSayNothingOfASubject) {
  for (const char* word : {"the", "what", "of"}) EXPECT_TRUE(IsEnglishFunctionWord(word)) << word;
  for (const char* word : {"invoice", "The", ""}) EXPECT_FALSE(IsEnglishFunctionWord(word)) << word;
  EXPECT_FALSE(EnglishFunctionWords().empty());
}

TEST(FunctionWordsTest, CharactersThatBuildSuchWords) {
  EXPECT_TRUE(IsFunctionCharacter(U'的'));
  EXPECT_TRUE(IsFunctionCharacter(U'の'));
  EXPECT_FALSE(IsFunctionCharacter(U'票'));
  EXPECT_FALSE(IsFunctionCharacter(0));
}

}  // namespace
}  // namespace sightline
