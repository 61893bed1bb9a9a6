#include "cli/untrained_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <vector>

#include "base/file.h"
#include "tests/support/status_matchers.h"

namespace sightline::cli {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;

std::string Safetensors(const std::string& header, size_t data_bytes) {
  std::string out(8, '\0');
  out[0] = static_cast<char>(header.size());
  out[1] = static_cast<char>(header.size() >> 8);
  return out + header + std::string(data_bytes, '\x55');
}

class UntrainedModelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(dir_, TempDir::Create());
    std::filesystem::create_directories(path("model/part"));
  }
  std::string path(const std::string& name) const { return dir_->path() + "/" + name; }
  void Write(const std::string& name, const std::string& content) {
    ASSERT_THAT(WriteFileAtomic(path(name), content), IsOk());
  }

  std::unique_ptr<TempDir> dir_;
};

TEST_F(UntrainedModelTest, MatricesAreRandomAndEverythingElseStays) {
  const std::string header =
      R"({"m":{"dtype":"F32","shape":[64,100],"data_offsets":[0,25600]},)"
      R"("n.weight":{"dtype":"F32","shape":[3],"data_offsets":[25600,25612]},)"
      R"("n.bias":{"dtype":"BF16","shape":[2],"data_offsets":[25612,25616]},)"
      R"("h.weight":{"dtype":"BF16","shape":[2],"data_offsets":[25616,25620]}})";
  Write("model/part/model.safetensors", Safetensors(header, 25620));
  Write("model/sightline.json", "{}");
  Write("model/sightline-golden.json", "{}");
  Write("model/sightline-golden.safetensors", "not looked at");
  ASSERT_THAT(CopyUntrained(path("model"), path("copy"), 1), IsOk());
  EXPECT_TRUE(std::filesystem::exists(path("copy/sightline.json")));
  EXPECT_FALSE(std::filesystem::exists(path("copy/sightline-golden.json")));
  EXPECT_FALSE(std::filesystem::exists(path("copy/sightline-golden.safetensors")));

  ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadFile(path("copy/part/model.safetensors")));
  ASSERT_EQ(bytes.size(), 8 + header.size() + 25620);
  EXPECT_EQ(bytes.substr(8, header.size()), header);
  const char* data = bytes.data() + 8 + header.size();
  std::vector<float> numbers(6400);
  std::memcpy(numbers.data(), data, 25600);
  double sum = 0, squares = 0;
  for (const float number : numbers) {
    sum += number;
    squares += number * number;
  }
  EXPECT_NEAR(sum / 6400, 0, 0.005);
  EXPECT_NEAR(std::sqrt(squares / 6400), 0.1, 0.005);  // 1 / sqrt(100)
  std::vector<float> ones(3);
  std::memcpy(ones.data(), data + 25600, 12);
  EXPECT_THAT(ones, ::testing::Each(1.0f));
  // bfloat16: 0, 0, 1, 1.
  EXPECT_EQ(std::string(data + 25612, 8), std::string("\0\0\0\0\x80\x3f\x80\x3f", 8));

  ASSERT_THAT(CopyUntrained(path("model"), path("again"), 1), IsOk());
  EXPECT_EQ(ReadFile(path("again/part/model.safetensors")).value(), bytes);
  ASSERT_THAT(CopyUntrained(path("model"), path("other"), 2), IsOk());
  EXPECT_NE(ReadFile(path("other/part/model.safetensors")).value(), bytes);
}

TEST_F(UntrainedModelTest, FilesThatAreNotSoundAreRefused) {
  const std::vector<std::string> damaged = {
      "",
      std::string(7, '\1'),
      Safetensors("{", 0),
      Safetensors("[]", 0),
      std::string(8, '\xff') + "{}",
      Safetensors(R"({"m":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4),
      Safetensors(R"({"m":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 12),
      Safetensors(R"({"m":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8),
      Safetensors(R"({"m":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})",
                  0),
      Safetensors(R"({"m":{}})", 0),
      Safetensors(R"({"m":{"dtype":"F32","shape":2}})", 0)};
  for (const std::string& content : damaged) {
    Write("model/model.safetensors", content);
    EXPECT_THAT(CopyUntrained(path("model"), path("copy"), 1),
                StatusIs(absl::StatusCode::kInvalidArgument));
    std::filesystem::remove_all(path("copy"));
  }
  Write("model/model.safetensors",
        Safetensors(R"({"m":{"dtype":"I8","shape":[2],"data_offsets":[0,2]}})", 2));
  EXPECT_THAT(CopyUntrained(path("model"), path("copy"), 1),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace sightline::cli
