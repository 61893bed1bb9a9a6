#include "services/fetch/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace sightline::fetch {
namespace {

using ::sightline::testing::StatusIs;

Address At(absl::string_view text) {
  const auto address = Address::Parse(text);
  EXPECT_TRUE(address.has_value()) << text;
  return address.value_or(Address());
}

TEST(AddressTest, OnlyCanonicalSpellingsAreRead) {
  for (const char* text : {"8.8.8.8", "::1", "2001:4860:4860::8888", "::ffff:1.2.3.4"}) {
    EXPECT_TRUE(Address::Parse(text).has_value()) << text;
  }
  for (const char* text : {"127.1", "2130706433", "0177.0.0.1", "0x7f.0.0.1", "1.2.3.4.", "1.2.3",
                           "256.1.1.1", "fe80::1%eth0", "[::1]", "", "1.2.3.4 "}) {
    EXPECT_FALSE(Address::Parse(text).has_value()) << text;
  }
}

TEST(AddressTest, PublicAddressesArePublic) {
  for (const char* text : {"8.8.8.8", "1.1.1.1", "93.184.216.34", "172.15.255.255", "172.32.0.0",
                           "100.63.255.255", "100.128.0.0", "192.167.255.255", "223.255.255.255",
                           "2606:4700:4700::1111", "2a00:1450:4001:82b::200e", "2001:4860::8888"}) {
    EXPECT_TRUE(IsPublic(At(text))) << text;
  }
}

TEST(AddressTest, NoInnerAddressIsPublic) {
  for (const char* text :
       {"0.0.0.0",         "0.1.2.3",        "10.0.0.1",        "10.255.255.255",  "100.64.0.1",
        "100.127.255.255", "127.0.0.1",      "127.255.255.255", "169.254.169.254", "172.16.0.1",
        "172.31.255.255",  "192.0.0.1",      "192.0.2.1",       "192.88.99.1",     "192.168.0.1",
        "198.18.0.1",      "198.19.255.255", "198.51.100.1",    "203.0.113.1",     "224.0.0.1",
        "239.255.255.255", "240.0.0.1",      "255.255.255.255", "168.63.129.16"}) {
    EXPECT_FALSE(IsPublic(At(text))) << text;
  }
}

TEST(AddressTest, NoInnerOrWrappedIpv6AddressIsPublic) {
  for (const char* text : {"::",
                           "::1",
                           "::127.0.0.1",
                           "::ffff:127.0.0.1",
                           "::ffff:a9fe:a9fe",
                           "::ffff:8.8.8.8",
                           "64:ff9b::7f00:1",
                           "64:ff9b::a9fe:a9fe",
                           "64:ff9b:1::1",
                           "2002:7f00:1::1",
                           "2002:a9fe:a9fe::",
                           "2001::1",
                           "2001:db8::1",
                           "3fff::1",
                           "100::1",
                           "fc00::1",
                           "fd00::1",
                           "fd00:ec2::254",
                           "fe80::1",
                           "febf::1",
                           "fec0::1",
                           "ff02::1",
                           "5f00::1",
                           "4000::1"}) {
    EXPECT_FALSE(IsPublic(At(text))) << text;
  }
}

TEST(AddressTest, MetadataLinkLocalAndMulticastAreNeverFetched) {
  for (const char* text :
       {"169.254.169.254", "169.254.0.1", "::ffff:169.254.169.254", "0.0.0.0", "::", "fe80::1",
        "ff02::1", "224.0.0.1", "255.255.255.255", "100.100.100.200", "192.0.0.192",
        "168.63.129.16", "fd00:ec2::254", "64:ff9b::a9fe:a9fe", "64:ff9b:1::169.254.169.254",
        "2002:a9fe:a9fe::1"}) {
    EXPECT_TRUE(IsNeverFetched(At(text))) << text;
  }
  for (const char* text :
       {"127.0.0.1", "10.0.0.1", "::1", "fd00::1", "8.8.8.8", "64:ff9b::7f00:1"}) {
    EXPECT_FALSE(IsNeverFetched(At(text))) << text;
  }
}

TEST(AddressRangeTest, HoldsWhatItsBitsSay) {
  ASSERT_OK_AND_ASSIGN(const AddressRange range, AddressRange::Parse("172.16.0.0/12"));
  EXPECT_TRUE(range.Holds(At("172.31.255.255")));
  EXPECT_FALSE(range.Holds(At("172.32.0.0")));
  EXPECT_FALSE(range.Holds(At("::ffff:172.16.0.1")));
  ASSERT_OK_AND_ASSIGN(const AddressRange one, AddressRange::Parse("127.0.0.1"));
  EXPECT_TRUE(one.Holds(At("127.0.0.1")));
  EXPECT_FALSE(one.Holds(At("127.0.0.2")));
  ASSERT_OK_AND_ASSIGN(const AddressRange all, AddressRange::Parse("0.0.0.0/0"));
  EXPECT_TRUE(all.Holds(At("255.1.2.3")));
}

TEST(AddressRangeTest, OtherTextIsRefused) {
  for (const char* text : {"", "10/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "fd00::/129",
                           "host", "10.0.0.0/8/8"}) {
    EXPECT_THAT(AddressRange::Parse(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
}

}  // namespace
}  // namespace sightline::fetch
