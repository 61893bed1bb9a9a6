#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/index/corpus_fixture.h"

namespace sightline::index {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The generation that is to follow a collection.
class CorpusGenerationTest : public CorpusFixture {
 protected:
  static constexpr int kNextDimension = 8;

  void SetUp() override {
    CorpusFixture::SetUp();
    Put(OnePassage("a", "apple one", 1));
    Put(OnePassage("b", "apple two", 2));
    Put(OnePassage("b", "apple three", 3));  // its second version
  }

  // The same document with the vector of another model.
  void Copy(const std::string& id) {
    ASSERT_OK_AND_ASSIGN(const Document document, corpus_->GetDocument("c", id));
    ASSERT_OK_AND_ASSIGN(const auto passages, corpus_->DocumentPassages("c", id));
    DocumentWrite write;
    write.document = document;
    for (const Passage& passage : passages) {
      write.passages.push_back({passage, UnitVector(id == "a" ? 70 : 71, kNextDimension)});
    }
    EXPECT_THAT(corpus_->PutInGeneration(std::move(write)), IsOk());
  }
  bool Holds(const std::string& id) {
    const auto document = corpus_->GetDocument("c", id);
    EXPECT_THAT(document, IsOk());
    return *corpus_->GenerationHolds(*document);
  }
  absl::Status Switch() { return corpus_->SwitchGeneration("c", *corpus_->State("c")); }
};

TEST_F(CorpusGenerationTest, TakesThePlaceWholeAndKeepsWhatDocumentsAre) {
  ASSERT_OK_AND_ASSIGN(const Document before, corpus_->GetDocument("c", "b"));
  ASSERT_THAT(corpus_->BeginGeneration("c", "other", kNextDimension), IsOk());
  EXPECT_THAT(Switch(), StatusIs(absl::StatusCode::kAborted)) << "it holds nothing yet";
  Copy("a");
  Copy("b");
  EXPECT_TRUE(Holds("b"));
  // Nobody sees it.
  EXPECT_EQ(corpus_->GetCollection("c")->model_fingerprint, "model");
  EXPECT_EQ(corpus_->ListCollections()->size(), 1u);
  EXPECT_THAT(Find(TextQuery("apple")), ::testing::UnorderedElementsAre("a", "b"));
  EXPECT_EQ(corpus_->Stats("c")->next_documents, 2);
  ExpectSound();

  ASSERT_THAT(Switch(), IsOk());
  EXPECT_EQ(corpus_->GetCollection("c")->model_fingerprint, "other");
  EXPECT_THAT(Find(DenseQuery(UnitVector(70, kNextDimension), 1)), ElementsAre("a"));
  EXPECT_THAT(Find(TextQuery("three")), ElementsAre("b"));
  ASSERT_OK_AND_ASSIGN(const Document after, corpus_->GetDocument("c", "b"));
  EXPECT_EQ(after.version, 2);
  EXPECT_EQ(after.created, before.created);
  EXPECT_EQ(after.updated, before.updated);
  EXPECT_FALSE(corpus_->Stats("c")->next_documents.has_value());
  EXPECT_THAT(Switch(), StatusIs(absl::StatusCode::kNotFound));
  ExpectSound();
  Reopen();
  EXPECT_THAT(Find(DenseQuery(UnitVector(70, kNextDimension), 1)), ElementsAre("a"));
  ExpectSound();
}

TEST_F(CorpusGenerationTest, WhatChangedMeanwhileIsMissed) {
  ASSERT_THAT(corpus_->BeginGeneration("c", "other", kNextDimension), IsOk());
  ASSERT_OK_AND_ASSIGN(const CollectionState state, corpus_->State("c"));
  Copy("a");
  Copy("b");
  Put(OnePassage("a", "apple again", 4));
  EXPECT_FALSE(Holds("a"));
  EXPECT_THAT(corpus_->SwitchGeneration("c", state), StatusIs(absl::StatusCode::kAborted));
  ASSERT_THAT(corpus_->DeleteDocument("c", "b"), IsOk());
  Copy("a");
  EXPECT_THAT(Switch(), StatusIs(absl::StatusCode::kAborted)) << "it still had b";
  EXPECT_THAT(Switch(), IsOk());
  EXPECT_THAT(Find(TextQuery("apple")), ElementsAre("a"));
  ExpectSound();
}

TEST_F(CorpusGenerationTest, GoesOnAfterARestartAndBeginsAnewForAnotherModel) {
  ASSERT_THAT(corpus_->BeginGeneration("c", "other", kNextDimension), IsOk());
  Copy("a");
  Reopen();
  ExpectSound();
  ASSERT_THAT(corpus_->BeginGeneration("c", "other", kNextDimension), IsOk());
  EXPECT_TRUE(Holds("a"));
  ASSERT_THAT(corpus_->BeginGeneration("c", "third", kNextDimension), IsOk());
  EXPECT_FALSE(Holds("a"));
  ExpectSound();
}

TEST_F(CorpusGenerationTest, GoesWithItsCollectionAndWithAnErasure) {
  ASSERT_THAT(corpus_->BeginGeneration("c", "other", kNextDimension), IsOk());
  Copy("a");
  const std::vector<std::string> erased = {"a"};
  EraseOptions verify;
  verify.verify = true;
  ASSERT_OK_AND_ASSIGN(const EraseReport report, corpus_->Erase("c", erased, verify));
  EXPECT_THAT(report.traces, IsEmpty());
  EXPECT_FALSE(corpus_->Stats("c")->next_documents.has_value());
  ASSERT_THAT(corpus_->BeginGeneration("c", "other", kNextDimension), IsOk());
  Copy("b");
  ASSERT_THAT(corpus_->DeleteCollection("c"), IsOk());
  EXPECT_THAT(corpus_->BeginGeneration("c", "other", kNextDimension),
              StatusIs(absl::StatusCode::kNotFound));
  ExpectSound();
  Reopen();
  ExpectSound();
}

}  // namespace
}  // namespace sightline::index
