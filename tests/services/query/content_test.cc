#include "services/query/content.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "absl/strings/escaping.h"
#include "services/edge/error_details.h"
#include "tests/support/status_matchers.h"

namespace sightline::query {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A 4x2 picture whose pixel values are their index, whatever the bytes; "bad" is refused.
absl::StatusOr<ImagePtr> Decode(absl::string_view bytes, absl::Time) {
  if (bytes == "bad") {
    return edge::WithReason(absl::InvalidArgumentError("not a picture"), "bad_image");
  }
  auto image = std::make_shared<Image>(Image{4, 2, 3, {}});
  for (int i = 0; i < 4 * 2 * 3; ++i) image->pixels.push_back(static_cast<uint8_t>(i));
  return image;
}

class ReadContentTest : public ::testing::Test {
 protected:
  v1::Content& Add() { return *parts_.Add(); }
  absl::StatusOr<QueryContent> Read() const {
    return ReadContent(parts_, "query", limits_, Decode, absl::InfiniteFuture());
  }
  // The reason and field of the error that reading gives.
  std::string Fault() const {
    const auto content = Read();
    if (content.ok()) return "none";
    const auto fields = edge::Fields(content.status());
    return edge::Reason(content.status()) + " at " + (fields.empty() ? "" : fields[0].field);
  }

  google::protobuf::RepeatedPtrField<v1::Content> parts_;
  ContentLimits limits_ = {.max_pictures = 2, .max_text_bytes = 20, .max_picture_bytes = 100};
};

TEST_F(ReadContentTest, TextAndPicturesAreReadInOrder) {
  Add().set_text("red car");
  Add().set_image("bytes");
  Add().set_text("at night");
  ASSERT_OK_AND_ASSIGN(const QueryContent content, Read());
  EXPECT_THAT(content.texts, ElementsAre("red car", "at night"));
  EXPECT_EQ(content.JoinedText(), "red car\nat night");
  ASSERT_EQ(content.images.size(), 1u);
  EXPECT_EQ(content.images[0]->width, 4);
}

TEST_F(ReadContentTest, APictureThatShowsLittleIsWarnedOf) {
  Add().set_image("bytes");
  ASSERT_OK_AND_ASSIGN(const QueryContent content, Read());
  EXPECT_THAT(content.warnings, ElementsAre(HasSubstr("query[0].image: tiny: ")));
}

TEST_F(ReadContentTest, EmptyQueriesAndPartsAreErrors) {
  EXPECT_EQ(Fault(), "empty_query at query");
  Add().set_text("  \n");
  EXPECT_EQ(Fault(), "empty_query at query");
  Add();
  EXPECT_EQ(Fault(), "empty_part at query[1]");
}

TEST_F(ReadContentTest, LimitsAreInclusive) {
  Add().set_text(std::string(20, 'x'));
  Add().set_image("a");
  Add().set_image(std::string(100, 'b'));
  EXPECT_THAT(Read(), IsOk());
  Add().set_image("c");
  EXPECT_EQ(Fault(), "too_many_pictures at query[3].image");
}

TEST_F(ReadContentTest, TooMuchTextIsAnError) {
  Add().set_text(std::string(19, 'x'));
  Add().set_text("xy");
  EXPECT_EQ(Fault(), "text_too_long at query[1]");
}

TEST_F(ReadContentTest, TooLargeAndEmptyPicturesAreErrors) {
  Add().set_image(std::string(101, 'b'));
  EXPECT_EQ(Fault(), "too_large at query[0].image");
  parts_[0].set_image("");
  EXPECT_EQ(Fault(), "empty at query[0].image");
}

TEST_F(ReadContentTest, WhatTheDecoderRefusesNamesThePart) {
  Add().set_text("x");
  Add().set_image("bad");
  EXPECT_EQ(Fault(), "bad_image at query[1].image");
  EXPECT_THAT(Read(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("query[1].image")));
}

TEST_F(ReadContentTest, IllFormedTextIsAnError) {
  Add().set_text("a\xff");
  EXPECT_EQ(Fault(), "invalid_utf8 at query[0]");
}

TEST_F(ReadContentTest, AUrlInTextIsPlainTextWithAWarning) {
  Add().set_text("see HTTP://x.y/z");
  ASSERT_OK_AND_ASSIGN(const QueryContent content, Read());
  EXPECT_THAT(content.texts, ElementsAre("see HTTP://x.y/z"));
  EXPECT_THAT(content.warnings, ElementsAre(HasSubstr("not fetched")));
}

TEST_F(ReadContentTest, OnlyDataUrlsAreAcceptedAsImageUri) {
  Add().set_image_uri("data:image/png;base64," + absl::Base64Escape("pixels"));
  EXPECT_THAT(Read(), IsOk());
  for (const char* url :
       {"http://127.0.0.1/a.png", "https://x/a.png", "file:///etc/passwd", "a.png", ""}) {
    parts_[0].set_image_uri(url);
    EXPECT_THAT(Read(), StatusIs(absl::StatusCode::kFailedPrecondition)) << url;
    EXPECT_EQ(Fault(), "url_not_allowed at query[0].image_uri");
  }
}

TEST_F(ReadContentTest, CropIsTakenOutOfThePicture) {
  v1::Content& part = Add();
  part.set_image("bytes");
  part.mutable_crop()->set_x0(0.25);
  part.mutable_crop()->set_y0(0.5);
  part.mutable_crop()->set_x1(0.75);
  part.mutable_crop()->set_y1(1);
  ASSERT_OK_AND_ASSIGN(const QueryContent content, Read());
  EXPECT_EQ(content.images[0]->width, 2);
  EXPECT_EQ(content.images[0]->height, 1);
  EXPECT_THAT(content.images[0]->pixels, ElementsAre(15, 16, 17, 18, 19, 20));
}

TEST_F(ReadContentTest, CropsOutsideThePictureAreErrors) {
  v1::Content& part = Add();
  part.set_image("bytes");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const auto& [x0, x1] : std::vector<std::pair<float, float>>{
           {-0.1f, 0.5f}, {0.5f, 0.5f}, {0.6f, 0.5f}, {0, 1.1f}, {nan, 1}, {0, nan}}) {
    part.mutable_crop()->set_x0(x0);
    part.mutable_crop()->set_x1(x1);
    part.mutable_crop()->set_y0(0);
    part.mutable_crop()->set_y1(1);
    EXPECT_EQ(Fault(), "bad_crop at query[0].image.crop");
  }
  parts_[0].set_text("words");
  EXPECT_EQ(Fault(), "bad_crop at query[0].crop");
}

class ReadSearchContentTest : public ReadContentTest {
 protected:
  absl::StatusOr<QueryContent> ReadSearch() const {
    return ReadSearchContent(parts_, "query", limits_, Decode, absl::InfiniteFuture());
  }
  std::string SearchFault() const {
    const auto content = ReadSearch();
    if (content.ok()) return "none";
    return edge::Reason(content.status()) + " at " + edge::Fields(content.status())[0].field;
  }
};

TEST_F(ReadSearchContentTest, PartsOfWeightOneAreEncodedTogether) {
  Add().set_text("boots");
  Add().set_image("bytes");
  Add().set_text("red");
  parts_[2].set_weight(1);
  ASSERT_OK_AND_ASSIGN(const QueryContent content, ReadSearch());
  EXPECT_TRUE(content.parts.empty());
  EXPECT_THAT(content.texts, ElementsAre("boots", "red"));
  EXPECT_EQ(content.images.size(), 1u);
}

TEST_F(ReadSearchContentTest, AWeightSetsThePartsApartAndOnlyPositiveOnesAreTheQuestion) {
  Add().set_text("boots");
  Add().set_text("heels");
  parts_[1].set_weight(-0.5f);
  Add().set_image("bytes");
  parts_[2].set_weight(-1);
  Add().set_text("any");
  parts_[3].set_weight(0);
  ASSERT_OK_AND_ASSIGN(const QueryContent content, ReadSearch());
  EXPECT_THAT(content.texts, ElementsAre("boots"));
  EXPECT_TRUE(content.images.empty());
  ASSERT_EQ(content.parts.size(), 4u);
  EXPECT_EQ(content.parts[1].text, "heels");
  EXPECT_EQ(content.parts[1].weight, -0.5f);
  EXPECT_EQ(content.parts[1].field, "query[1]");
  EXPECT_NE(content.parts[2].image, nullptr);
}

TEST_F(ReadSearchContentTest, StoredPassagesAndDocumentsAreParts) {
  Add().set_passage_id("4294967297");
  Add().set_document_id("manual.pdf");
  ASSERT_OK_AND_ASSIGN(const QueryContent content, ReadSearch());
  EXPECT_TRUE(content.texts.empty());
  ASSERT_EQ(content.parts.size(), 2u);
  EXPECT_EQ(content.parts[0].passage_id, 4294967297u);
  EXPECT_EQ(content.parts[1].document_id, "manual.pdf");
}

TEST_F(ReadSearchContentTest, BadWeightsAndIdsNameTheirPart) {
  EXPECT_EQ(SearchFault(), "empty_query at query");
  Add().set_text("boots");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const float weight : {10.5f, -10.5f, nan}) {
    parts_[0].set_weight(weight);
    EXPECT_EQ(SearchFault(), "out_of_range at query[0].weight") << weight;
  }
  parts_[0].set_weight(-10);
  EXPECT_EQ(SearchFault(), "no_positive_part at query");
  parts_[0].set_weight(10);
  EXPECT_THAT(ReadSearch(), IsOk());
  Add().set_passage_id("+1");
  EXPECT_EQ(SearchFault(), "bad_passage_id at query[1].passage_id");
  parts_[1].set_document_id("");
  EXPECT_EQ(SearchFault(), "bad_document_id at query[1].document_id");
  parts_[1].set_document_id("a");
  EXPECT_THAT(ReadSearch(), IsOk());
  parts_[1].mutable_crop()->set_x1(1);
  EXPECT_EQ(SearchFault(), "bad_crop at query[1].crop");
}

TEST_F(ReadSearchContentTest, PartsEncodedApartAreBounded) {
  limits_.max_apart = 2;
  for (int i = 0; i < 3; ++i) Add().set_text("x");
  EXPECT_THAT(ReadSearch(), IsOk());
  parts_[0].set_weight(2);
  EXPECT_EQ(SearchFault(), "too_many_parts at query");
}

TEST_F(ReadSearchContentTest, PicturesBelowZeroCountAgainstTheLimitToo) {
  for (int i = 0; i < 3; ++i) {
    Add().set_image("bytes");
    parts_[i].set_weight(i == 0 ? 1 : -1);
  }
  EXPECT_EQ(SearchFault(), "too_many_pictures at query[2].image");
}

TEST_F(ReadSearchContentTest, OtherContentTakesNeitherWeightsNorStoredParts) {
  Add().set_text("boots");
  parts_[0].set_weight(1);
  EXPECT_EQ(Fault(), "not_supported at query[0]");
  parts_[0].clear_weight();
  EXPECT_THAT(Read(), IsOk());
  Add().set_document_id("a");
  EXPECT_EQ(Fault(), "not_supported at query[1]");
}

TEST(CropTest, KeepsAtLeastOnePixel) {
  const auto image = std::make_shared<Image>(Image{4, 2, 1, {0, 1, 2, 3, 4, 5, 6, 7}});
  const ImagePtr tiny = Crop(image, {0.999f, 0.999f, 0.9999f, 0.9999f});
  EXPECT_EQ(tiny->width, 1);
  EXPECT_EQ(tiny->height, 1);
  EXPECT_THAT(tiny->pixels, ElementsAre(7));
}

TEST(PictureOfDataUrlTest, ReadsStrictBase64Only) {
  const std::string head = "data:image/png;base64,";
  EXPECT_THAT(PictureOfDataUrl(head + "YWI=", 100), IsOk());
  EXPECT_THAT(PictureOfDataUrl("DATA:IMAGE/JPEG;BASE64,YWJj", 100), IsOk());
  for (const char* encoded :
       {"YWI", "YW I=", "YWI=\n", "YW_-", "YWI=YWI=", "YWJj=", "====", "Y==="}) {
    const auto bytes = PictureOfDataUrl(head + encoded, 100);
    EXPECT_THAT(bytes, StatusIs(absl::StatusCode::kInvalidArgument)) << encoded;
    EXPECT_EQ(edge::Reason(bytes.status()), "bad_data_url") << encoded;
  }
}

TEST(PictureOfDataUrlTest, OtherTypesAndFormsAreRefused) {
  const auto reason = [](const std::string& url) {
    return edge::Reason(PictureOfDataUrl(url, 10).status());
  };
  EXPECT_EQ(reason("data:text/html;base64,YWI="), "type_not_allowed");
  EXPECT_EQ(reason("data:;base64,YWI="), "type_not_allowed");
  EXPECT_EQ(reason("data:,YWI="), "type_not_allowed");
  EXPECT_EQ(reason("data:image/png,YWI="), "bad_data_url");
  EXPECT_EQ(reason("data:image/png;base64"), "bad_data_url");
  EXPECT_EQ(reason("data:image/png;base64," + std::string(40, 'A')), "too_large");
}

}  // namespace
}  // namespace sightline::query
