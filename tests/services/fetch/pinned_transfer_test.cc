#include "services/fetch/pinned_transfer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "services/edge/error_details.h"
#include "tests/services/fetch/script_server.h"
#include "tests/support/status_matchers.h"

namespace sightline::fetch {
namespace {

using ::sightline::testing::HttpOk;
using ::sightline::testing::IsOk;
using ::sightline::testing::ScriptServer;
using ::sightline::testing::SendFunction;
using ::testing::IsEmpty;

// The checks before it aside: a transfer connects to no address but those it was given.
TEST(PinnedTransferTest, ConnectsToNoOtherAddressWhateverTheUrlSays) {
  const ScriptServer server(
      [](const std::string&, const SendFunction& send) { send(HttpOk("secret")); });
  const std::vector<Address> other = {*Address::Parse("127.0.0.2")};
  ASSERT_OK_AND_ASSIGN(const FetchUrl url, FetchUrl::Parse(server.Url("/")));
  const auto reply = Get({.url = url, .addresses = other, .max_bytes = 100}, {});
  EXPECT_EQ(edge::Reason(reply.status()), "url_not_allowed");
  EXPECT_EQ(server.connections(), 0);
  const std::vector<Address> own = {*Address::Parse("127.0.0.1")};
  EXPECT_THAT(Get({.url = url, .addresses = own, .max_bytes = 100}, {}), IsOk());
}

TEST(PinnedTransferTest, ValidatorsThatCannotBeStoredArePassedOver) {
  const ScriptServer server([](const std::string&, const SendFunction& send) {
    send(HttpOk("x", "ETag: \"\xff\"\r\nLast-Modified: " + std::string(2000, 'x') + "\r\n"));
  });
  const std::vector<Address> own = {*Address::Parse("127.0.0.1")};
  ASSERT_OK_AND_ASSIGN(const FetchUrl url, FetchUrl::Parse(server.Url("/")));
  ASSERT_OK_AND_ASSIGN(const TransferReply reply,
                       Get({.url = url, .addresses = own, .max_bytes = 100}, {}));
  EXPECT_THAT(reply.validators.etag, IsEmpty());
  EXPECT_THAT(reply.validators.last_modified, IsEmpty());
}

}  // namespace
}  // namespace sightline::fetch
