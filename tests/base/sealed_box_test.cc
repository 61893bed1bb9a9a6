#include "base/sealed_box.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "tests/support/status_matchers.h"

namespace sightline {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;

TEST(SealedBoxTest, OpensWhatItSealedAndNothingThatWasChanged) {
  const SecretKey key = RandomSecret();
  const std::string sealed = Seal(key, "answer", "the text");
  EXPECT_EQ(OpenSealed(key, "answer", sealed), "the text");
  EXPECT_EQ(sealed.find("the text"), std::string::npos);
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_EQ(OpenSealed(key, "answer", changed), std::nullopt) << i;
    EXPECT_EQ(OpenSealed(key, "answer", sealed.substr(0, i)), std::nullopt) << i;
  }
  EXPECT_EQ(OpenSealed(key, "answer", sealed + "x"), std::nullopt);
}

TEST(SealedBoxTest, AnotherKeyOrPurposeDoesNotOpenIt) {
  const SecretKey key = RandomSecret();
  const std::string sealed = Seal(key, "answer", "");
  EXPECT_EQ(OpenSealed(key, "answer", sealed), "");
  EXPECT_EQ(OpenSealed(key, "vector", sealed), std::nullopt);
  EXPECT_EQ(OpenSealed(RandomSecret(), "answer", sealed), std::nullopt);
}

TEST(SealedBoxTest, ASecretIsMadeOnceForItsOwnerAlone) {
  ASSERT_OK_AND_ASSIGN(const auto dir, TempDir::Create());
  const std::string path = dir->path() + "/secret";
  ASSERT_OK_AND_ASSIGN(const SecretKey first, ReadOrMakeSecret(path));
  ASSERT_OK_AND_ASSIGN(const SecretKey again, ReadOrMakeSecret(path));
  EXPECT_EQ(first, again);
  struct stat file = {};
  ASSERT_EQ(::stat(path.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
  ASSERT_THAT(WriteFileAtomic(path, "not hex"), IsOk());
  EXPECT_THAT(ReadOrMakeSecret(path), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(ReadOrMakeSecret(dir->path() + "/no/folder"),
              StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace sightline
