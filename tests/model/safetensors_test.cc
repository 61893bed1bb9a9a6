#include "model/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "tests/support/golden.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::GoldenPath;
using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

std::string FileOf(const std::string& header, const std::string& data, uint64_t length) {
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + header + data;
}

std::string FileOf(const std::string& header, const std::string& data) {
  return FileOf(header, data, header.size());
}

// Two tensors: a is F32 [2], b is U8 [3].
constexpr char kGood[] =
    R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}})";

std::unique_ptr<TempDir> Folder() { return *TempDir::Create(); }

TEST(SafetensorsTest, WrittenTensorsReadBack) {
  const auto folder = Folder();
  const std::string path = folder->path() + "/t.safetensors";
  const std::vector<TensorView> tensors = {
      {"w", DType::kF32, {2, 3}, absl::string_view("abcdefghijklmnopqrstuvwx", 24)},
      {"é", DType::kF8E4M3, {}, absl::string_view("z", 1)},
      {"none", DType::kBF16, {0, 5}, absl::string_view()}};
  ASSERT_THAT(WriteSafetensors(path, tensors, {{"format", "pt"}}), IsOk());
  auto file = SafetensorsFile::Open(path);
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ((*file)->metadata().at("format"), "pt");
  ASSERT_EQ((*file)->tensors().size(), 3u);
  for (const TensorView& one : tensors) {
    const TensorView* read = (*file)->Find(one.name);
    ASSERT_NE(read, nullptr) << one.name;
    EXPECT_EQ(read->dtype, one.dtype);
    EXPECT_EQ(read->shape, one.shape);
    EXPECT_EQ(read->bytes, one.bytes);
  }
  EXPECT_EQ((*file)->Find("W"), nullptr);
}

TEST(SafetensorsTest, RefusesToWriteWhatCannotBeRead) {
  const auto folder = Folder();
  const std::string path = folder->path() + "/t.safetensors";
  const TensorView short_one = {"w", DType::kF32, {2}, absl::string_view("abcd", 4)};
  EXPECT_THAT(WriteSafetensors(path, std::vector{short_one}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  const TensorView fine = {"w", DType::kF32, {1}, absl::string_view("abcd", 4)};
  EXPECT_THAT(WriteSafetensors(path, std::vector{fine, fine}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(SafetensorsTest, ReadsAWellFormedHeader) {
  const std::string file = FileOf(kGood, "12345678abc");
  auto tensors = ParseSafetensors(file);  // views into it
  ASSERT_THAT(tensors, IsOk());
  EXPECT_EQ((*tensors)[0].bytes, "12345678");
  EXPECT_THAT((*tensors)[0].shape, ElementsAre(2));
  EXPECT_EQ((*tensors)[1].bytes, "abc");
}

TEST(SafetensorsTest, RefusesHostileHeaderLengths) {
  for (const uint64_t length :
       {uint64_t{0}, uint64_t{1} << 63, ~uint64_t{0}, uint64_t{9} << 20, sizeof(kGood) + 100}) {
    EXPECT_THAT(ParseSafetensors(FileOf(kGood, "12345678abc", length)), StatusIs(kRefused))
        << length;
  }
  EXPECT_THAT(ParseSafetensors(""), StatusIs(kRefused));
  EXPECT_THAT(ParseSafetensors("1234567"), StatusIs(kRefused));
}

TEST(SafetensorsTest, RefusesOffsetsThatOverlapLeaveGapsOrEndElsewhere) {
  const std::string good = kGood;
  const auto with = [&](const std::string& from, const std::string& to) {
    return ParseSafetensors(FileOf(absl::StrReplaceAll(good, {{from, to}}), "12345678abc"));
  };
  EXPECT_THAT(with("[8,11]", "[7,10]"), StatusIs(kRefused, HasSubstr("overlaps")));
  EXPECT_THAT(
      ParseSafetensors(FileOf(absl::StrReplaceAll(good, {{"[8,11]", "[9,12]"}}), "12345678-abc")),
      StatusIs(kRefused, HasSubstr("gap")));
  EXPECT_THAT(with("[8,11]", "[11,8]"), StatusIs(kRefused, HasSubstr("\"b\"")));
  EXPECT_THAT(with("[8,11]", "[8,12]"), StatusIs(kRefused, HasSubstr("\"b\"")));
  EXPECT_THAT(with("[8,11]", "[8]"), StatusIs(kRefused, HasSubstr("data_offsets")));
  EXPECT_THAT(with("[8,11]", "[8,-1]"), StatusIs(kRefused, HasSubstr("data_offsets")));
  EXPECT_THAT(ParseSafetensors(FileOf(kGood, "12345678abc+")),
              StatusIs(kRefused, HasSubstr("after the last")));
  EXPECT_THAT(ParseSafetensors(FileOf(kGood, "12345678ab")), StatusIs(kRefused));
}

TEST(SafetensorsTest, RefusesShapesThatOverflowOrDisagree) {
  const std::string good = kGood;
  const auto with = [&](const std::string& shape) {
    return ParseSafetensors(FileOf(absl::StrReplaceAll(good, {{"[2]", shape}}), "12345678abc"));
  };
  for (const char* shape :
       {"[3]", "[4611686018427387904,4]", "[4294967296,4294967296]", "[-2]", "[2.5]", "[\"2\"]",
        "[9223372036854775809]", "2", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2]"}) {
    EXPECT_THAT(with(shape), StatusIs(kRefused, HasSubstr("\"a\""))) << shape;
  }
}

TEST(SafetensorsTest, RefusesHeadersThatAreNotTheFormats) {
  const auto header = [](const std::string& text) { return ParseSafetensors(FileOf(text, "")); };
  const std::string entry = R"({"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  EXPECT_THAT(header("{\"a\":" + entry + ",\"a\":" + entry + "}"),
              StatusIs(kRefused, HasSubstr("twice")));
  EXPECT_THAT(header("{\"a\xff\":" + entry + "}"), StatusIs(kRefused));
  EXPECT_THAT(header(std::string(10000, '[') + std::string(10000, ']')),
              StatusIs(kRefused, HasSubstr("deeper")));
  EXPECT_THAT(header("[]"), StatusIs(kRefused));
  EXPECT_THAT(header("{"), StatusIs(kRefused));
  EXPECT_THAT(header("{\"a\":1}"), StatusIs(kRefused));
  EXPECT_THAT(header("{\"__metadata__\":{\"k\":1}}"), StatusIs(kRefused));
  EXPECT_THAT(header(absl::StrReplaceAll("{\"a\":" + entry + "}", {{"U8", "F4"}})),
              StatusIs(kRefused, HasSubstr("F4")));
}

TEST(SafetensorsTest, RefusesAHundredThousandTensors) {
  std::string header = "{";
  for (int i = 0; i < 100000; ++i) {
    absl::StrAppend(&header, i == 0 ? "" : ",", "\"t", i,
                    R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})");
  }
  header += "}";
  ASSERT_LT(header.size(), size_t{8} << 20);
  EXPECT_THAT(ParseSafetensors(FileOf(header, "")), StatusIs(kRefused, HasSubstr("65536")));
}

TEST(SafetensorsTest, AnyCutOrFlippedByteIsRefusedOrStaysInside) {
  const std::string good = FileOf(kGood, "12345678abc");
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_THAT(ParseSafetensors(good.substr(0, length)), StatusIs(kRefused)) << length;
  }
  std::mt19937 random(3);
  for (int i = 0; i < 3000; ++i) {
    std::string bad = good;
    bad[random() % bad.size()] ^= static_cast<char>(1 << random() % 8);
    auto tensors = ParseSafetensors(bad);
    if (!tensors.ok()) continue;
    for (const TensorView& one : *tensors) {
      EXPECT_GE(one.bytes.data(), bad.data());
      EXPECT_LE(one.bytes.data() + one.bytes.size(), bad.data() + bad.size());
    }
  }
}

void Put(const TempDir& folder, const std::string& name, const std::string& content) {
  ASSERT_THAT(WriteFileAtomic(folder.path() + "/" + name, content), IsOk());
}

TEST(CheckpointWeightsTest, ReadsShardsAndBothSpellingsOfAName) {
  auto weights = CheckpointWeights::Open(GoldenPath("tiny-dense"));
  ASSERT_THAT(weights, IsOk());
  const std::string name = "model.language_model.embed_tokens.weight";
  ASSERT_NE((*weights)->Find(name), nullptr);
  EXPECT_EQ((*weights)->Find("language_model.embed_tokens.weight"), (*weights)->Find(name));
  EXPECT_EQ((*weights)->Find("nothing"), nullptr);
  const int64_t shape[] = {512, 64};
  EXPECT_THAT((*weights)->Get(name, shape), IsOk());
  const int64_t other[] = {512, 65};
  EXPECT_THAT((*weights)->Get(name, other), StatusIs(kRefused, HasSubstr("config says [512, 65]")));
  EXPECT_THAT((*weights)->Get("nothing", shape), StatusIs(kRefused, HasSubstr("nothing")));
}

TEST(CheckpointWeightsTest, ReadsOneFile) {
  auto weights = CheckpointWeights::Open(GoldenPath("tiny-embedding"));
  ASSERT_THAT(weights, IsOk());
  EXPECT_EQ((*weights)->Find("lm_head.weight"), nullptr);
}

TEST(CheckpointWeightsTest, NamesAMissingShard) {
  const auto folder = Folder();
  Put(*folder, "model.safetensors.index.json",
      R"({"weight_map":{"a":"model-00001-of-00002.safetensors","z":"model-00002-of-00002.safetensors"}})");
  Put(*folder, "model-00001-of-00002.safetensors", FileOf(kGood, "12345678abc"));
  EXPECT_THAT(CheckpointWeights::Open(folder->path()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("model-00002-of-00002")));
}

TEST(CheckpointWeightsTest, RefusesAnIndexThatDisagreesWithItsShards) {
  const auto folder = Folder();
  Put(*folder, "a.safetensors", FileOf(kGood, "12345678abc"));
  Put(*folder, "b.safetensors", FileOf(kGood, "12345678abc"));
  Put(*folder, "model.safetensors.index.json", R"({"weight_map":{"zz":"a.safetensors"}})");
  EXPECT_THAT(CheckpointWeights::Open(folder->path()), StatusIs(kRefused, HasSubstr("zz")));
  Put(*folder, "model.safetensors.index.json",
      R"({"weight_map":{"a":"a.safetensors","b":"b.safetensors"}})");
  EXPECT_THAT(CheckpointWeights::Open(folder->path()), StatusIs(kRefused, HasSubstr("two shards")));
  for (const char* name : {"../a.safetensors", "/etc/a.safetensors", "a.bin"}) {
    Put(*folder, "model.safetensors.index.json",
        absl::StrCat(R"({"weight_map":{"a":")", name, "\"}}"));
    EXPECT_THAT(CheckpointWeights::Open(folder->path()),
                StatusIs(kRefused, HasSubstr("of the folder")));
  }
}

TEST(SafetensorsTest, NamesOtherFormats) {
  const std::string rest(64, '\0');
  EXPECT_THAT(ParseSafetensors("GGUF\x03" + rest), StatusIs(kRefused, HasSubstr("GGUF")));
  EXPECT_THAT(ParseSafetensors("PK\x03\x04" + rest + rest), StatusIs(kRefused));
  EXPECT_THAT(ParseSafetensors("PK\x03\x04\x14\x08" + rest),
              StatusIs(kRefused, HasSubstr("zip archive")));
  EXPECT_THAT(ParseSafetensors("\x80\x02}q\x01X\x05" + rest),
              StatusIs(kRefused, HasSubstr("a pickle")));
  EXPECT_THAT(ParseSafetensors("version https://git-lfs.github.com/spec/v1\noid sha256:00\n"),
              StatusIs(kRefused, HasSubstr("Git LFS")));
}

TEST(CheckpointWeightsTest, NamesAFolderThatHoldsGguf) {
  const auto folder = Folder();
  Put(*folder, "model-q4.gguf", "GGUF");
  EXPECT_THAT(CheckpointWeights::Open(folder->path()), StatusIs(kRefused, HasSubstr("GGUF")));
}

TEST(CheckpointWeightsTest, NeverOpensPickles) {
  const auto folder = Folder();
  EXPECT_THAT(CheckpointWeights::Open(folder->path()), StatusIs(absl::StatusCode::kNotFound));
  Put(*folder, "pytorch_model.bin", "\x80\x02.");
  EXPECT_THAT(CheckpointWeights::Open(folder->path()), StatusIs(kRefused, HasSubstr("pickle")));
}

}  // namespace
}  // namespace sightline::model
