#include "base/hash.h"

#include <gtest/gtest.h>

#include <set>

namespace sightline {
namespace {

// BLAKE2b with a 32-byte digest, as printed by `b2sum -l 256`.
TEST(HashTest, ContentHashIsBlake2b256) {
  EXPECT_EQ(ContentHash(""), "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
  EXPECT_EQ(ContentHash("abc"), "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

TEST(HashTest, AKeyChangesTheHash) {
  SecretKey key;
  for (size_t i = 0; i < key.size(); ++i) key[i] = static_cast<unsigned char>(i);
  // Python: hashlib.blake2b(b"abc", key=bytes(range(32)), digest_size=32).
  EXPECT_EQ(Hasher(key).AddBytes("abc").HexDigest(),
            "d63a32d3e44738d7907f964316c241adaba0abfeabc32349677578a15a203f7f");
}

TEST(HashTest, BytesJoinAndFieldsDoNot) {
  EXPECT_EQ(Hasher().AddBytes("ab").AddBytes("c").HexDigest(),
            Hasher().AddBytes("a").AddBytes("bc").HexDigest());
  EXPECT_NE(Hasher().AddField("ab").AddField("c").HexDigest(),
            Hasher().AddField("a").AddField("bc").HexDigest());
}

TEST(HashTest, NumbersCount) {
  EXPECT_NE(Hasher().AddNumber(1).HexDigest(), Hasher().AddNumber(256).HexDigest());
}

TEST(HashTest, Digest64IsTheHeadOfTheDigestLittleEndian) {
  // 0e5751c026e543b2 read from its last byte.
  EXPECT_EQ(Hasher().Digest64(), 0xb243e526c051570eu);
}

TEST(RandomIdTest, IsHexAndDoesNotRepeat) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = RandomId();
    EXPECT_EQ(id.size(), 32u);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_TRUE(seen.insert(id).second);
  }
}

}  // namespace
}  // namespace sightline
