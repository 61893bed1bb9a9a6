#include "services/query/conversation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/edge/error_details.h"
#include "tests/support/status_matchers.h"

namespace sightline::query {
namespace {

using ::sightline::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::Field;

class ReadHistoryTest : public ::testing::Test {
 protected:
  v1::Turn& Add(const std::string& role, const std::string& text) {
    v1::Turn& turn = *turns_.Add();
    turn.set_role(role);
    if (!text.empty()) turn.add_content()->set_text(text);
    return turn;
  }
  absl::StatusOr<Conversation> Read() {
    const PictureDecoder decode = [this](absl::string_view bytes,
                                         absl::Time) -> absl::StatusOr<ImagePtr> {
      ++decoded_;
      return std::make_shared<Image>(
          Image{static_cast<int>(bytes.size()), 1, 3, std::vector<uint8_t>(3 * bytes.size())});
    };
    return ReadHistory(turns_, "history", limits_, {}, decode, absl::InfiniteFuture());
  }
  void ExpectRefused(const std::string& reason, const std::string& field) {
    const auto read = Read();
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(edge::Reason(read.status()), reason);
    ASSERT_FALSE(edge::Fields(read.status()).empty());
    EXPECT_EQ(edge::Fields(read.status())[0].field, field);
  }

  google::protobuf::RepeatedPtrField<v1::Turn> turns_;
  ConversationLimits limits_;
  int decoded_ = 0;
};

TEST_F(ReadHistoryTest, EveryTurnIsCheckedBeforeAnyPictureIsDecoded) {
  Add("user", "one").add_content()->set_image("123");
  Add("narrator", "two");
  ExpectRefused("bad_role", "history[1].role");
  turns_[1].set_role("user");
  turns_[1].mutable_content(0)->set_weight(2);
  ExpectRefused("not_supported", "history[1].content[0]");
  EXPECT_EQ(decoded_, 0);
}

TEST_F(ReadHistoryTest, PicturesKeepTheirPlaceAmongTheParts) {
  v1::Turn& turn = Add("user", "one");
  turn.add_content()->set_image("123");
  turn.add_content()->set_text("two");
  turn.add_content()->set_image("12");
  Add("assistant", "yes [1]");
  const auto read = Read();
  ASSERT_THAT(read, IsOk());
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ((*read)[0].text, "one\ntwo");
  EXPECT_THAT((*read)[0].pictures,
              ElementsAre(Field(&TurnPicture::part, 1), Field(&TurnPicture::part, 3)));
  EXPECT_EQ((*read)[0].pictures[0].image->width, 3);
  EXPECT_FALSE((*read)[1].by_user);
}

TEST_F(ReadHistoryTest, ATurnMaySayNothing) {
  Add("assistant", "");
  Add("assistant", " \n");
  const auto read = Read();
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ((*read)[1].text, "");
}

TEST_F(ReadHistoryTest, TooManyTurnsAreRefusedBeforeAnyIsDecoded) {
  limits_.max_turns = 1;
  Add("user", "").add_content()->set_image("1");
  Add("user", "x");
  ExpectRefused("too_many_turns", "history");
  EXPECT_EQ(decoded_, 0);
}

TEST_F(ReadHistoryTest, RolesAreOfUsersAndAssistants) {
  Add("user", "x");
  Add("system", "x");
  ExpectRefused("bad_role", "history[1].role");
}

TEST_F(ReadHistoryTest, AnAssistantsTurnIsText) {
  Add("assistant", "see").add_content()->set_image("1");
  ExpectRefused("not_supported", "history[0].content[1]");
}

TEST_F(ReadHistoryTest, TextAndPicturesOfAllTurnsTogetherAreBounded) {
  limits_.max_text_bytes = 5;
  Add("user", "abc");
  Add("assistant", "def");
  ExpectRefused("text_too_long", "history[1].content[0]");
  turns_.Clear();
  limits_.max_pictures = 1;
  Add("user", "").add_content()->set_image("1");
  Add("user", "").add_content()->set_image("1");
  ExpectRefused("too_many_pictures", "history[1].content[0]");
}

TEST_F(ReadHistoryTest, WeightsAndStoredPartsAreForQueries) {
  Add("user", "").add_content()->set_passage_id("1");
  ExpectRefused("not_supported", "history[0].content[0]");
}

}  // namespace
}  // namespace sightline::query
