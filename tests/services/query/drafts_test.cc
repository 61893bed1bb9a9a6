#include "services/query/drafts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace sightline::query {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DraftsTest : public ::testing::Test {
 protected:
  void AddText(const std::string& text) { hits_.emplace_back().passage.text = text; }
  void AddPicture(const std::string& written) {
    index::Passage& passage = hits_.emplace_back().passage;
    passage.kind = index::PassageKind::kPage;
    passage.blob_hash = written;
  }
  DraftCheck Check(const std::string& draft) {
    return CheckDraft(
        draft, hits_,
        [](const index::Passage& picture, bool, const edge::CallLimits&) {
          return absl::StatusOr<std::string>(picture.blob_hash == "?" ? "" : picture.blob_hash);
        },
        {});
  }

  std::vector<Hit> hits_;
};

TEST_F(DraftsTest, WhatADraftCites) {
  for (int i = 0; i < 3; ++i) AddText("The mill was built in 1850.");
  const DraftCheck check = Check("It was built in 1850 [3]. It is a mill [1][3]. More [7].");
  EXPECT_THAT(check.cited, ElementsAre(1, 3));
  EXPECT_FALSE(check.HasFaults());
  EXPECT_EQ(check.Standing(), 2);
  EXPECT_EQ(Check("Nobody knows.").Standing(), 0);
}

TEST_F(DraftsTest, APassageThatHasNoneOfTheNamesIsForeign) {
  AddText("The Orsen cup costs 3.50.");
  AddText("The Pelo cup costs 9.75.");
  AddPicture("Mije cup\nPrice 8.00");
  const DraftCheck check =
      Check("The Orsen cup costs 3.50 [1]. The Orsen cup costs 9.75 [2]. The Orsen cup is 8 [3].");
  EXPECT_THAT(check.foreign, ElementsAre(2, 3));
  EXPECT_THAT(check.misread, IsEmpty());
  EXPECT_EQ(check.Standing(), 0);
}

TEST_F(DraftsTest, OneSentenceThatNamesItIsEnough) {
  AddText("The Orsen cup costs 3.50.");
  AddText("The Pelo cup costs 9.75.");
  EXPECT_FALSE(Check("The Orsen cup costs 3.50 [1]. The Pelo cup costs 9.75 [2]. "
                     "The Pelo cup costs more [1][2].")
                   .HasFaults());
}

TEST_F(DraftsTest, OfSeveralPicturesTheOneThatIsAboutSomethingElseIsForeign) {
  AddPicture("Orsen cup\n2021-10-04\n3.50");
  AddPicture("Orvil cup\n2023-08-02\n4.75");
  const DraftCheck check =
      Check("On 2021-10-04 the Orsen cup was 3.50, on 2023-08-02 it was 4.75: it rose [1][2].");
  EXPECT_THAT(check.foreign, ElementsAre(2));
}

TEST_F(DraftsTest, APictureThatSaysOtherwiseIsMisread) {
  AddPicture("Orsen cups sold\nApril 120\nMay 480");
  const DraftCheck check = Check("In April, 480 Orsen cups were sold [1].");
  EXPECT_THAT(check.foreign, IsEmpty());
  ASSERT_EQ(check.misread.size(), 1u);
  EXPECT_EQ(check.misread[0].number, 1);
  EXPECT_EQ(check.misread[0].words, "Orsen cups sold\nApril 120\nMay 480");
  EXPECT_EQ(check.Standing(), 1);
  EXPECT_FALSE(Check("In April, 120 Orsen cups were sold [1].").HasFaults());
}

TEST_F(DraftsTest, WhatIsSeenIsNotMisread) {
  AddPicture("Orsen bread\nprice 3.50");
  AddPicture("There is no text in this image.");
  EXPECT_FALSE(Check("It is red [1]. It rose from 20 to 12 [2]. The Orsen cup is white [1][2].")
                   .misread.size());
}

TEST_F(DraftsTest, SourcesAndEndingsTellWhatAPassageIsAbout) {
  AddText("Founded in 1950.");
  hits_[0].passage.source = "files/Lumo House.md";
  AddText("German exports grew.");
  EXPECT_FALSE(Check("The Lumo House was founded in 1950 [1]. The exports of Germany grew [2].")
                   .HasFaults());
}

TEST_F(DraftsTest, ACaptionIsNotAllThatAPhotoShows) {
  AddPicture("");
  hits_[0].passage.kind = index::PassageKind::kImage;
  hits_[0].passage.text = "In front of the station";
  EXPECT_FALSE(Check("The sign says Orsen [1].").HasFaults());
}

TEST_F(DraftsTest, TextsAreNotMisread) {
  AddText("Orsen cups: April 120, May 480.");
  EXPECT_FALSE(Check("The Orsen cup was founded in 1950 [1].").HasFaults());
}

TEST_F(DraftsTest, WhatTellsNothingIsNotJudged) {
  AddPicture("?");
  AddText("奥森杯子的价格是 3.50 元。");
  AddText("It costs 3.50.");
  EXPECT_FALSE(
      Check("The Orsen cup is red [1]. The Orsen cup costs 3.50 [2]. It is red [3].").HasFaults());
}

TEST_F(DraftsTest, WithoutAReaderPicturesAreNotJudged) {
  AddPicture("Pelo cup 9.75");
  hits_[0].passage.heading = "Results";
  EXPECT_FALSE(CheckDraft("The Orsen cup costs 3.50 [1].", hits_, nullptr, {}).HasFaults());
}

}  // namespace
}  // namespace sightline::query
