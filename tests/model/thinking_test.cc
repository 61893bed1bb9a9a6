#include "model/thinking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/support/golden.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::GoldenPath;
using ::sightline::testing::StatusIs;

TEST(ThinkingTest, AnOpenMarkInTheGenerationPromptMeansThinking) {
  EXPECT_TRUE(TemplateOpensThinking(
      "…{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n<think>\\n' }}{%- endif %}"));
  EXPECT_TRUE(
      TemplateOpensThinking("…{{ 'assistant\\n<think>\\n' if add_generation_prompt else '' }}"));
}

TEST(ThinkingTest, OtherMentionsOfTheMarkDoNot) {
  // Of earlier turns.
  EXPECT_FALSE(
      TemplateOpensThinking("{{ '<think>' + old }}{% if add_generation_prompt %}"
                            "{{ '<|im_start|>assistant\\n' }}{% endif %}"));
  // A block that is closed at once: there the model does not think.
  EXPECT_FALSE(TemplateOpensThinking(
      "{% if add_generation_prompt %}{{ 'assistant\\n' }}{% if enable_thinking is false %}"
      "{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}{% endif %}"));
  EXPECT_FALSE(TemplateOpensThinking("<think>"));
  EXPECT_FALSE(TemplateOpensThinking(""));
}

TEST(ThinkingTest, ReadsTheFirstTemplateAFolderHas) {
  ASSERT_OK_AND_ASSIGN(const auto dir, TempDir::Create());
  const auto write = [&](const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteFileAtomic(dir->path() + "/" + name, text).ok());
  };
  EXPECT_EQ(*OpensThinking(dir->path()), false);
  write("tokenizer_config.json",
        R"({"chat_template": [{"name": "tools", "template": "x"},
            {"name": "default", "template": "{% if add_generation_prompt %}<think>\n"}]})");
  EXPECT_EQ(*OpensThinking(dir->path()), true);
  write("chat_template.json", R"({"chat_template": "{% if add_generation_prompt %}plain"})");
  EXPECT_EQ(*OpensThinking(dir->path()), false);
  write("chat_template.jinja", "{% if add_generation_prompt %}<think>\n");
  EXPECT_EQ(*OpensThinking(dir->path()), true);
}

TEST(ThinkingTest, RefusesFilesThatHoldNoTemplate) {
  ASSERT_OK_AND_ASSIGN(const auto dir, TempDir::Create());
  for (const char* text : {"{", R"({"chat_template": 7})"}) {
    ASSERT_TRUE(WriteFileAtomic(dir->path() + "/chat_template.json", text).ok());
    EXPECT_THAT(OpensThinking(dir->path()), StatusIs(absl::StatusCode::kFailedPrecondition));
  }
}

TEST(ThinkingTest, TheReferenceCheckpointsDoNotThink) {
  EXPECT_EQ(*OpensThinking(GoldenPath("tiny-dense")), false);
}

}  // namespace
}  // namespace sightline::model
