// Pictures through the client and a real sandboxed child.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "ingest/media/media_client.h"
#include "tests/ingest/media/media_fixtures.h"
#include "tests/support/status_matchers.h"

namespace sightline::media {
namespace {

using ::sightline::media::testing::Encode;
using ::sightline::media::testing::ExtractAll;
using ::sightline::media::testing::Jpeg;
using ::sightline::media::testing::MakeClient;
using ::sightline::media::testing::Png;
using ::sightline::media::testing::PngHeaderOnly;
using ::sightline::media::testing::TestOptions;
using ::sightline::media::testing::TestPicture;
using ::sightline::testing::IsOk;
using vips::VImage;

constexpr absl::Time kNoDeadline = absl::InfiniteFuture();

class PictureTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { client_ = MakeClient().release(); }
  static void TearDownTestSuite() {
    delete client_;
    client_ = nullptr;
  }

  static std::string ReasonOf(absl::string_view bytes) {
    const auto decoded = client_->DecodeImage(bytes, kNoDeadline);
    return decoded.ok() ? "decoded" : ErrorReason(decoded.status());
  }

  static MediaClient* client_;
};

MediaClient* PictureTest::client_ = nullptr;

int Channel(const Image& image, int x, int y, int channel) {
  return image.pixels[(size_t{1} * y * image.width + x) * image.channels + channel];
}

// The picture's own pixels as libvips has them here, for lossless formats.
std::vector<uint8_t> PixelsOf(const VImage& image) {
  size_t size = 0;
  void* data = image.write_to_memory(&size);
  std::vector<uint8_t> out(size);
  std::memcpy(out.data(), data, size);
  g_free(data);
  return out;
}

TEST_F(PictureTest, DecodesEachAllowedFormat) {
  const VImage picture = TestPicture(60, 40);
  const std::pair<const char*, const char*> formats[] = {
      {".jpg", "image/jpeg"}, {".png", "image/png"},  {".webp", "image/webp"},
      {".gif", "image/gif"},  {".tif", "image/tiff"}, {".avif", "image/avif"},
      {".heic", "image/heic"}};
  for (const auto& [format, media_type] : formats) {
    const auto decoded = client_->DecodeImage(Encode(picture, format), kNoDeadline);
    ASSERT_THAT(decoded, IsOk()) << format;
    EXPECT_EQ(decoded->media_type, media_type);
    EXPECT_EQ(decoded->image->width, 60) << format;
    EXPECT_EQ(decoded->image->height, 40) << format;
    EXPECT_NEAR(Channel(*decoded->image, 55, 35, 0), 30 + 200 * 55 / 60, 12) << format;
  }
}

TEST_F(PictureTest, KeepsEveryPixelOfLosslessFormats) {
  const VImage picture = TestPicture(61, 43);
  for (const char* format : {".png", ".png[interlace]", ".tif", ".webp[lossless]"}) {
    const auto decoded = client_->DecodeImage(Encode(picture, format), kNoDeadline);
    ASSERT_THAT(decoded, IsOk()) << format;
    EXPECT_EQ(decoded->image->pixels, PixelsOf(picture)) << format;
  }
}

// Reference pixels of Pillow: "NAME.decoded_rgb" in a safetensors file, U8 [height, width, 3].
TEST_F(PictureTest, EqualsTheReferenceDecoderBitForBit) {
  const std::string golden = SIGHTLINE_SOURCE_DIR "/tests/golden/";
  auto file = ReadFile(golden + "preproc/tensors.safetensors");
  ASSERT_THAT(file, IsOk());
  uint64_t header_size = 0;
  std::memcpy(&header_size, file->data(), 8);
  const auto header = nlohmann::json::parse(file->substr(8, header_size));
  for (const char* name :
       {"photo_120x88.jpg", "grey_80x66.png", "palette_70x70.png", "rgba_90x70.png"}) {
    auto bytes = ReadFile(golden + "images/" + name);
    ASSERT_THAT(bytes, IsOk()) << name;
    const auto decoded = client_->DecodeImage(*bytes, kNoDeadline);
    ASSERT_THAT(decoded, IsOk()) << name;
    const std::string stem = std::string(name).substr(0, std::string(name).find('.'));
    const auto& offsets = header.at(stem + ".decoded_rgb").at("data_offsets");
    const size_t start = 8 + header_size + offsets[0].get<size_t>();
    const Image& image = *decoded->image;
    ASSERT_EQ(offsets[1].get<size_t>() - offsets[0].get<size_t>(),
              size_t{3} * image.width * image.height);
    int different = 0;
    for (int i = 0; i < image.width * image.height; ++i) {
      for (int c = 0; c < 3; ++c) {
        const auto expected = static_cast<uint8_t>((*file)[start + 3 * i + c]);
        different += image.pixels[size_t{1} * i * image.channels + c] == expected ? 0 : 1;
      }
    }
    EXPECT_EQ(different, 0) << name;
  }
}

TEST_F(PictureTest, TurnsEachOrientationUpright) {
  const VImage upright = TestPicture(48, 32);
  const auto expected = PixelsOf(upright);
  // The stored picture that each mark brings back to `upright`.
  const std::pair<int, VImage> stored[] = {
      {1, upright},
      {2, upright.fliphor()},
      {3, upright.rot180()},
      {4, upright.flipver()},
      {5, upright.rot90().fliphor()},
      {6, upright.rot270()},
      {7, upright.rot270().fliphor()},
      {8, upright.rot90()},
  };
  for (const auto& [mark, turned] : stored) {
    VImage image = turned.copy_memory();
    image.set("orientation", mark);
    for (const char* format : {".tif", ".jpg[Q=95,subsample_mode=off]"}) {
      const auto decoded = client_->DecodeImage(Encode(image, format), kNoDeadline);
      ASSERT_THAT(decoded, IsOk()) << format << " " << mark;
      ASSERT_EQ(decoded->image->width, 48) << format << " " << mark;
      ASSERT_EQ(decoded->image->height, 32) << format << " " << mark;
      int worst = 0;
      for (size_t i = 0; i < expected.size(); ++i) {
        worst = std::max(worst, std::abs(expected[i] - decoded->image->pixels[i]));
      }
      EXPECT_LE(worst, format[1] == 't' ? 0 : 30) << format << " " << mark;
    }
  }
}

TEST_F(PictureTest, SpreadsGreyOverThreeChannels) {
  const VImage grey = TestPicture(20, 10)[0].copy_memory();
  const auto decoded = client_->DecodeImage(Encode(grey, ".png"), kNoDeadline);
  ASSERT_THAT(decoded, IsOk());
  ASSERT_EQ(decoded->image->channels, 3);
  const auto levels = PixelsOf(grey);
  for (int c = 0; c < 3; ++c) EXPECT_EQ(Channel(*decoded->image, 7, 3, c), levels[3 * 20 + 7]);
}

TEST_F(PictureTest, KeepsAlphaAsFourthChannel) {
  const VImage picture = TestPicture(20, 10);
  const VImage alpha = VImage::black(20, 10) + 77;
  for (const VImage& colour : {picture, picture[0]}) {
    const VImage image = colour.bandjoin(alpha.cast(VIPS_FORMAT_UCHAR)).copy_memory();
    const auto decoded = client_->DecodeImage(Encode(image, ".png"), kNoDeadline);
    ASSERT_THAT(decoded, IsOk());
    ASSERT_EQ(decoded->image->channels, 4);
    EXPECT_EQ(Channel(*decoded->image, 5, 5, 3), 77);
  }
}

TEST_F(PictureTest, TakesTheHighByteOfSixteenBits) {
  const VImage picture = TestPicture(20, 10);
  const VImage wide = (picture * 256 + 255)
                          .cast(VIPS_FORMAT_USHORT)
                          .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_RGB16));
  for (const char* format : {".png", ".tif"}) {
    const auto decoded = client_->DecodeImage(Encode(wide, format), kNoDeadline);
    ASSERT_THAT(decoded, IsOk()) << format;
    EXPECT_EQ(decoded->image->pixels, PixelsOf(picture)) << format;
  }
}

TEST_F(PictureTest, ExpandsPalettes) {
  const auto decoded =
      client_->DecodeImage(Encode(TestPicture(20, 10), ".png[palette,colours=16]"), kNoDeadline);
  ASSERT_THAT(decoded, IsOk());
  EXPECT_EQ(decoded->image->channels, 3);
  EXPECT_EQ(decoded->image->pixels.size(), 600u);
}

TEST_F(PictureTest, TurnsCmykIntoRightColours) {
  const VImage picture = TestPicture(64, 64);
  const VImage cmyk = picture.colourspace(VIPS_INTERPRETATION_CMYK);
  const auto decoded = client_->DecodeImage(Encode(cmyk, ".jpg[Q=95]"), kNoDeadline);
  ASSERT_THAT(decoded, IsOk());
  ASSERT_EQ(decoded->image->channels, 3);
  // Paper holds fewer colours than a screen, so only which of them leads can be asked for.
  const Image& image = *decoded->image;
  EXPECT_GT(Channel(image, 5, 5, 2), Channel(image, 5, 5, 0) + 30);      // blue corner
  EXPECT_GT(Channel(image, 60, 5, 0), Channel(image, 60, 5, 1) + 100);   // red corner
  EXPECT_GT(Channel(image, 5, 60, 1), Channel(image, 5, 60, 0) + 20);    // green corner
  EXPECT_LT(Channel(image, 60, 60, 2), Channel(image, 60, 60, 0) - 80);  // yellow corner
}

TEST_F(PictureTest, IgnoresColourProfilesUnlessAskedTo) {
  const VImage picture = TestPicture(32, 32);
  const VImage wide = picture.icc_transform("p3", VImage::option()->set("input_profile", "srgb"));
  const std::string bytes = Encode(wide, ".png");
  const auto plain = client_->DecodeImage(bytes, kNoDeadline);
  ASSERT_THAT(plain, IsOk());
  EXPECT_EQ(plain->image->pixels, PixelsOf(wide));

  MediaOptions options = TestOptions();
  options.apply_icc = true;
  const auto converting = MakeClient(options);
  const auto converted = converting->DecodeImage(bytes, kNoDeadline);
  ASSERT_THAT(converted, IsOk());
  EXPECT_NE(converted->image->pixels, plain->image->pixels);
  EXPECT_NEAR(Channel(*converted->image, 30, 2, 0), PixelsOf(picture)[3 * (2 * 32 + 30)], 4);
}

TEST_F(PictureTest, DecodesSinglePixel) {
  const auto decoded = client_->DecodeImage(Png(1, 1), kNoDeadline);
  ASSERT_THAT(decoded, IsOk());
  EXPECT_EQ(decoded->image->pixels.size(), 3u);
}

TEST_F(PictureTest, RefusesCutFilesWhereverTheyAreCut) {
  const VImage picture = TestPicture(200, 150);
  for (const char* format :
       {".jpg", ".jpg[interlace]", ".png", ".png[interlace]", ".webp", ".tif"}) {
    const std::string bytes = Encode(picture, format);
    for (int percent = 0; percent < 100; percent += 5) {
      const std::string cut = bytes.substr(0, bytes.size() * percent / 100);
      const std::string reason = ReasonOf(cut);
      EXPECT_NE(reason, "decoded") << format << " at " << percent << " %";
      EXPECT_NE(reason, "crashed") << format << " at " << percent << " %";
    }
  }
}

TEST_F(PictureTest, RefusesGifWithoutItsPixels) {
  const std::string bytes = Encode(TestPicture(100, 80), ".gif");
  EXPECT_EQ(ReasonOf(bytes.substr(0, bytes.size() / 20)), "bad_image");
}

TEST_F(PictureTest, RefusesDamagedPng) {
  const std::string bytes = Encode(TestPicture(64, 64), ".png");
  std::string bad_header = bytes;
  bad_header[29] ^= 1;  // CRC of the header
  EXPECT_EQ(ReasonOf(bad_header), "bad_image");
  std::string bad_data = bytes;
  bad_data[bytes.find("IDAT") + 40] ^= 0x55;
  EXPECT_EQ(ReasonOf(bad_data), "bad_image");
  EXPECT_EQ(ReasonOf(PngHeaderOnly(16, 16)), "bad_image");
}

TEST_F(PictureTest, RefusesBombsByTheirHeader) {
  EXPECT_EQ(ReasonOf(PngHeaderOnly(60'000, 60'000)), "too_many_pixels");
  EXPECT_EQ(ReasonOf(PngHeaderOnly(65'535, 65'535)), "too_many_pixels");
  EXPECT_EQ(ReasonOf(PngHeaderOnly(16'385, 100)), "side_too_long");
  EXPECT_EQ(ReasonOf(PngHeaderOnly(0, 100)), "bad_image");
}

TEST_F(PictureTest, LimitsHoldToThePixel) {
  MediaOptions options = TestOptions();
  options.limits.max_pixels = 40 * 30;
  options.limits.max_side = 50;
  options.limits.max_aspect = 10;
  const auto client = MakeClient(options);
  const auto reason = [&](int width, int height) {
    return ErrorReason(client->DecodeImage(Png(width, height), kNoDeadline).status());
  };
  EXPECT_EQ(reason(40, 30), "");
  EXPECT_EQ(reason(1, 10), "");
  EXPECT_EQ(reason(50, 5), "");
  EXPECT_EQ(reason(41, 30), "too_many_pixels");
  EXPECT_EQ(reason(51, 20), "side_too_long");
  EXPECT_EQ(reason(1, 11), "aspect_ratio");
}

TEST_F(PictureTest, RefusesElongatedPictures) {
  EXPECT_EQ(ReasonOf(Png(200, 1)), "decoded");
  EXPECT_EQ(ReasonOf(Png(201, 1)), "aspect_ratio");
  EXPECT_EQ(ReasonOf(Png(1, 10'000)), "aspect_ratio");
}

TEST_F(PictureTest, RefusesWhatIsNoPicture) {
  EXPECT_EQ(ReasonOf(""), "empty");
  EXPECT_EQ(ReasonOf("x"), "unknown_type");
  EXPECT_EQ(ReasonOf(std::string(1 << 20, '\xFF')), "unknown_type");
  EXPECT_EQ(ReasonOf("%PDF-1.4\n"), "type_not_allowed");
  EXPECT_EQ(ReasonOf("<svg xmlns='http://www.w3.org/2000/svg'/>"), "type_not_allowed");
  EXPECT_EQ(ReasonOf("<?xml version='1.0'?>\n<!-- x --><svg/>"), "type_not_allowed");
  EXPECT_EQ(ReasonOf(std::string("PK\x03\x04 office", 12)), "type_not_allowed");
  EXPECT_EQ(ReasonOf(std::string("\0\0\0\x18"
                                 "ftypisom",
                                 12)),
            "type_not_allowed");
  EXPECT_EQ(ReasonOf(std::string("\0\0\0\x18"
                                 "ftypheic",
                                 12)),
            "bad_image");
  EXPECT_EQ(ReasonOf("\xFF\xD8\xFF\xE0 and then nothing of a picture"), "bad_image");
}

TEST_F(PictureTest, RefusesFilesOverTheSizeLimit) {
  MediaOptions options = TestOptions();
  const std::string bytes = Png(30, 30);
  options.limits.max_bytes = static_cast<int64_t>(bytes.size());
  const auto client = MakeClient(options);
  EXPECT_THAT(client->DecodeImage(bytes, kNoDeadline), IsOk());
  const auto refused = client->DecodeImage(bytes + "x", kNoDeadline);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ErrorReason(refused.status()), "too_large");
}

TEST_F(PictureTest, RefusesJpegOfEndlessScans) {
  std::string bytes = Encode(TestPicture(32, 32), ".jpg[interlace]");
  const std::string scan = "\xFF\xDA";
  const size_t first = bytes.find(scan);
  ASSERT_NE(first, std::string::npos);
  const std::string last_scan =
      bytes.substr(bytes.rfind(scan), bytes.size() - 2 - bytes.rfind(scan));
  std::string bomb = bytes.substr(0, bytes.size() - 2);
  for (int i = 0; i < 1000; ++i) bomb += last_scan;
  EXPECT_EQ(ReasonOf(bomb + "\xFF\xD9"), "bad_image");
}

TEST_F(PictureTest, DecodesTheFirstFrameOfAnAnimation) {
  VImage frames = TestPicture(20, 10).join(TestPicture(20, 10).invert(), VIPS_DIRECTION_VERTICAL);
  frames = frames.copy_memory();
  frames.set("page-height", 10);
  const auto decoded = client_->DecodeImage(Encode(frames, ".gif"), kNoDeadline);
  ASSERT_THAT(decoded, IsOk());
  EXPECT_EQ(decoded->image->height, 10);
}

TEST_F(PictureTest, MessagesHoldNoAddressesPathsOrLibraryNames) {
  const auto check = [](const absl::Status& status) {
    EXPECT_FALSE(status.ok());
    for (const char* word : {"0x", "/", "vips", "png", "jpeg", "lib"}) {
      EXPECT_EQ(std::string(status.message()).find(word), std::string::npos) << status.message();
    }
  };
  const std::string bytes = Jpeg(100, 100);
  check(client_->DecodeImage(bytes.substr(0, bytes.size() / 2), kNoDeadline).status());
  check(client_->DecodeImage(PngHeaderOnly(60'000, 60'000), kNoDeadline).status());
  check(client_->Thumbnail("GIF89a rubbish", 100, kNoDeadline).status());
}

TEST_F(PictureTest, ThumbnailFitsAndIsNeverEnlarged) {
  const auto small = client_->Thumbnail(Jpeg(400, 300), 100, kNoDeadline);
  ASSERT_THAT(small, IsOk());
  EXPECT_EQ(small->media_type, "image/jpeg");
  EXPECT_EQ(small->width, 100);
  EXPECT_EQ(small->height, 75);
  const auto kept = client_->Thumbnail(Png(40, 30), 100, kNoDeadline);
  ASSERT_THAT(kept, IsOk());
  EXPECT_EQ(kept->width, 40);
  const auto narrow = client_->Thumbnail(Png(199, 1), 50, kNoDeadline);
  ASSERT_THAT(narrow, IsOk());
  EXPECT_EQ(narrow->height, 1);
}

TEST_F(PictureTest, ThumbnailStandsUpright) {
  VImage image = TestPicture(64, 32).rot270().copy_memory();
  image.set("orientation", 6);
  const auto thumbnail = client_->Thumbnail(Encode(image, ".jpg"), 32, kNoDeadline);
  ASSERT_THAT(thumbnail, IsOk());
  EXPECT_EQ(thumbnail->width, 32);
  EXPECT_EQ(thumbnail->height, 16);
}

TEST_F(PictureTest, ThumbnailShowsTransparencyAsWhite) {
  const VImage clear = TestPicture(20, 20).bandjoin(VImage::black(20, 20)).copy_memory();
  const auto thumbnail = client_->Thumbnail(Encode(clear, ".png"), 20, kNoDeadline);
  ASSERT_THAT(thumbnail, IsOk());
  const auto decoded = client_->DecodeImage(thumbnail->bytes, kNoDeadline);
  ASSERT_THAT(decoded, IsOk());
  EXPECT_THAT(decoded->image->pixels, ::testing::Each(::testing::Ge(253)));
}

// The cells of two: the left one cold, the right one hot.
HeatGrid LeftColdRightHot() { return {1, 2, {0, 255}}; }

TEST_F(PictureTest, HeatLiesOverThePicture) {
  const std::string bytes = Png(80, 40);
  const auto drawn = client_->DrawHeat(bytes, LeftColdRightHot(), {}, kNoDeadline);
  ASSERT_THAT(drawn, IsOk());
  EXPECT_EQ(drawn->media_type, "image/png");
  EXPECT_EQ(drawn->width, 80);
  EXPECT_EQ(drawn->height, 40);
  const auto plain = client_->DecodeImage(bytes, kNoDeadline);
  const auto heated = client_->DecodeImage(drawn->bytes, kNoDeadline);
  ASSERT_THAT(heated, IsOk());
  ASSERT_EQ(heated->image->channels, 3);
  for (int channel = 0; channel < 3; ++channel) {
    EXPECT_NEAR(Channel(*heated->image, 0, 20, channel), Channel(*plain->image, 0, 20, channel), 2);
  }
  // 180 of 255 parts yellow.
  const int before = Channel(*plain->image, 79, 20, 1);
  EXPECT_NEAR(Channel(*heated->image, 79, 20, 1), (75 * before + 180 * 225) / 255, 3);
}

TEST_F(PictureTest, HeatAloneIsTransparentWhereItIsCold) {
  const auto drawn = client_->DrawHeat(Jpeg(400, 200), LeftColdRightHot(),
                                       {.max_side = 100, .alone = true}, kNoDeadline);
  ASSERT_THAT(drawn, IsOk());
  EXPECT_EQ(drawn->width, 100);
  EXPECT_EQ(drawn->height, 50);
  const auto decoded = client_->DecodeImage(drawn->bytes, kNoDeadline);
  ASSERT_THAT(decoded, IsOk());
  ASSERT_EQ(decoded->image->channels, 4);
  EXPECT_EQ(Channel(*decoded->image, 0, 25, 3), 0);
  EXPECT_EQ(Channel(*decoded->image, 99, 25, 3), 180);
  int last = 0;
  for (int x = 0; x < 100; ++x) {
    EXPECT_GE(Channel(*decoded->image, x, 25, 3), last) << x;
    last = Channel(*decoded->image, x, 25, 3);
  }
}

TEST_F(PictureTest, HeatOfOneCellAndOfMoreCellsThanPixelsIsDrawn) {
  EXPECT_THAT(client_->DrawHeat(Png(9, 7), {1, 1, {255}}, {}, kNoDeadline), IsOk());
  const HeatGrid fine = {50, 60, std::vector<uint8_t>(3000, 128)};
  const auto drawn = client_->DrawHeat(Png(9, 7), fine, {}, kNoDeadline);
  ASSERT_THAT(drawn, IsOk());
  EXPECT_EQ(drawn->width, 9);
  EXPECT_EQ(drawn->height, 7);
}

TEST_F(PictureTest, HeatRefusesWhatDoesNotFit) {
  const auto code = [&](const HeatGrid& heat, const HeatOptions& options) {
    return client_->DrawHeat(Png(8, 8), heat, options, kNoDeadline).status().code();
  };
  EXPECT_EQ(code({2, 2, {0, 1, 2}}, {}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({0, 0, {}}, {}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({1, 1, {0}}, {.max_side = 0}), absl::StatusCode::kInvalidArgument);
  const auto bad = client_->DrawHeat("GIF89a rubbish", LeftColdRightHot(), {}, kNoDeadline);
  EXPECT_EQ(ErrorReason(bad.status()), "bad_image");
}

TEST_F(PictureTest, ThumbnailRefusesSidesOutOfRange) {
  EXPECT_EQ(client_->Thumbnail(Png(4, 4), 0, kNoDeadline).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(PictureTest, ExtractGivesThePictureFileItself) {
  const std::string bytes = Jpeg(64, 48);
  ExtractOptions options;
  options.media_type_hint = "application/pdf";  // lies are not believed
  options.file_name = "report.pdf";
  const auto got = ExtractAll(*client_, bytes, options);
  ASSERT_THAT(got.status, IsOk());
  EXPECT_EQ(got.infos, 1);
  EXPECT_TRUE(got.info.is_picture);
  EXPECT_FALSE(got.info.has_pages);
  EXPECT_EQ(got.info.media_type, "image/jpeg");
  ASSERT_EQ(got.pages.size(), 1u);
  EXPECT_TRUE(got.pages[0].blocks.empty());
  ASSERT_TRUE(got.pages[0].picture.has_value());
  EXPECT_EQ(got.pages[0].picture->bytes, bytes);
  EXPECT_EQ(got.pages[0].picture->width, 64);
}

TEST_F(PictureTest, ExtractEncodesOtherFormatsAnew) {
  const VImage picture = TestPicture(64, 48);
  for (const auto& [format, stored] : {std::pair{".gif", "image/png"},
                                       {".tif", "image/jpeg"},
                                       {".avif", "image/jpeg"},
                                       {".heic", "image/jpeg"}}) {
    const auto got = ExtractAll(*client_, Encode(picture, format));
    ASSERT_THAT(got.status, IsOk()) << format;
    ASSERT_TRUE(got.pages.at(0).picture.has_value()) << format;
    EXPECT_EQ(got.pages[0].picture->media_type, stored);
    const auto decoded = client_->DecodeImage(got.pages[0].picture->bytes, kNoDeadline);
    ASSERT_THAT(decoded, IsOk()) << format;
    EXPECT_EQ(decoded->image->height, 48);
  }
}

// A bitmap of 3 x 2 pixels from the bottom up; `rows` are its bytes, each row filled up to four.
std::string Bmp(int bits, const std::string& palette, const std::string& rows, int height = 2) {
  const auto little = [](int64_t value, int size) {
    std::string out;
    for (int i = 0; i < size; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
    return out;
  };
  const auto start = static_cast<int64_t>(54 + palette.size());
  return "BM" + little(start + static_cast<int64_t>(rows.size()), 4) + little(0, 4) +
         little(start, 4) + little(40, 4) + little(3, 4) + little(height, 4) + little(1, 2) +
         little(bits, 2) + std::string(24, '\0') + palette + rows;
}

TEST_F(PictureTest, ReadsBitmaps) {
  const std::string rows24(
      "\1\2\3\4\5\6\7\10\11\0\0\0"
      "\x21\x22\x23\x24\x25\x26\x27\x28\x29\0\0\0",
      24);
  const auto decoded = client_->DecodeImage(Bmp(24, "", rows24), kNoDeadline);
  ASSERT_THAT(decoded, IsOk());
  EXPECT_EQ(decoded->media_type, "image/bmp");
  EXPECT_EQ(decoded->image->width, 3);
  EXPECT_EQ(Channel(*decoded->image, 0, 0, 0), 0x23);
  EXPECT_EQ(Channel(*decoded->image, 2, 1, 2), 7);
  const auto down = client_->DecodeImage(Bmp(24, "", rows24, -2), kNoDeadline);
  ASSERT_THAT(down, IsOk());
  EXPECT_EQ(Channel(*down->image, 0, 0, 0), 3);
  const std::string palette("\0\0\xFF\0\xFF\0\0\0", 8);  // red, blue; the other 254 are not there
  const auto indexed =
      client_->DecodeImage(Bmp(1, palette, std::string("\x40\0\0\0\xA0\0\0\0", 8)), kNoDeadline);
  ASSERT_THAT(indexed, IsOk());
  EXPECT_EQ(Channel(*indexed->image, 0, 0, 2), 255);
  EXPECT_EQ(Channel(*indexed->image, 1, 0, 0), 255);
  EXPECT_EQ(Channel(*indexed->image, 1, 1, 2), 255);
  EXPECT_EQ(ReasonOf(Bmp(24, "", rows24.substr(0, 20))), "bad_image");
  EXPECT_EQ(ReasonOf(Bmp(7, "", rows24)), "bad_image");
  EXPECT_EQ(ReasonOf(Bmp(24, "", rows24, 1 << 30)), "bad_image");
  const auto got = ExtractAll(*client_, Bmp(24, "", rows24));
  ASSERT_THAT(got.status, IsOk());
  EXPECT_EQ(got.pages.at(0).picture->media_type, "image/png");
}

TEST_F(PictureTest, CutAndFlippedFilesOfEveryFormatEndInWords) {
  const VImage picture = TestPicture(60, 40);
  for (const char* format : {".avif", ".heic", ".webp", ".gif", ".tif"}) {
    const std::string good = Encode(picture, format);
    EXPECT_FALSE(client_->DecodeImage(good.substr(0, good.size() / 2), kNoDeadline).ok()) << format;
    for (size_t at = 0; at < good.size(); at += good.size() / 37 + 1) {
      std::string flipped = good;
      flipped[at] = static_cast<char>(flipped[at] ^ 0x55);
      const auto decoded = client_->DecodeImage(flipped, kNoDeadline);
      EXPECT_NE(ErrorReason(decoded.status()), "crashed") << format << " " << at;
    }
  }
}

TEST_F(PictureTest, ExtractRefusesCutPictures) {
  const std::string bytes = Jpeg(200, 200);
  const auto got = ExtractAll(*client_, bytes.substr(0, bytes.size() / 2));
  EXPECT_EQ(ErrorReason(got.status), "bad_image");
  EXPECT_EQ(got.infos, 0);
}

TEST_F(PictureTest, DecodesThePictureOfMostPixels) {
  const auto decoded =
      client_->DecodeImage(Encode(TestPicture(8000, 5000), ".jpg[Q=30]"), kNoDeadline);
  ASSERT_THAT(decoded, IsOk());
  EXPECT_EQ(decoded->image->pixels.size(), 120'000'000u);
}

}  // namespace
}  // namespace sightline::media
