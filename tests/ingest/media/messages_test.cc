#include "ingest/media/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "tests/support/status_matchers.h"

namespace sightline::media {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

Reply SampleReply() {
  Reply reply;
  reply.found = -5;
  reply.limit = int64_t{1} << 40;
  reply.media_type = "text/plain";
  reply.width = 7;
  reply.height = 9;
  reply.channels = 4;
  reply.taken = "2024-02-29T23:59:59";
  reply.looks_like_page = true;
  reply.partial = Reason::kAspectRatio;
  reply.complaints = true;
  reply.blocks = {{BlockKind::kHeading, 2, "Häding", Box{0.25f, 0.5f, 0.75f, 1.0f}},
                  {BlockKind::kParagraph, 0, "text", std::nullopt, TimeSpan{1.5, 2.25}, 0.75f}};
  reply.blocks[0].lines = {{0, Box{0.25f, 0.5f, 0.75f, 0.75f}}, {3, std::nullopt}};
  reply.pdf_pages = {{612, 792}, {0, 0}};
  reply.pages.resize(2);
  reply.pages[0].partial = Reason::kTooManyCells;
  reply.pages[0].blocks = {{BlockKind::kTable, 0, "| a |", std::nullopt}};
  reply.pages[0].figures = {{"media/a.png", "Ein Bäcker", 1}};
  reply.pages[1].reason = Reason::kBadDocument;
  reply.has_pages = true;
  reply.has_members = true;
  reply.properties = {{"title", "T"}};
  reply.members = {{"a/b", Reason::kNone, 0, 100, 50}, {"..", Reason::kUnsafePath, 7}};
  reply.next = 3;
  reply.seconds = 7.5;
  reply.promised_seconds = 8;
  reply.keyframes = {0, 2.5};
  reply.frames = {{0.5, 0}, {0.54, 0.75f}};
  reply.attachment_bytes = 252;
  return reply;
}

TEST(MessagesTest, RepliesSurviveTheTrip) {
  const auto got = ParseReply(SerializeReply(SampleReply()));
  ASSERT_THAT(got, IsOk());
  EXPECT_TRUE(got->looks_like_page);
  EXPECT_EQ(got->found, -5);
  EXPECT_EQ(got->limit, int64_t{1} << 40);
  EXPECT_EQ(got->media_type, "text/plain");
  EXPECT_EQ(got->partial, Reason::kAspectRatio);
  EXPECT_TRUE(got->complaints);
  ASSERT_EQ(got->blocks.size(), 2u);
  EXPECT_EQ(got->blocks[0].text, "Häding");
  EXPECT_EQ(got->blocks[0].heading_level, 2);
  EXPECT_FLOAT_EQ(got->blocks[0].box->y0, 0.5f);
  EXPECT_FALSE(got->blocks[1].box.has_value());
  EXPECT_FALSE(got->blocks[0].time.has_value());
  EXPECT_EQ(got->blocks[1].time->start, 1.5);
  EXPECT_EQ(got->blocks[1].confidence, 0.75f);
  EXPECT_FALSE(got->blocks[0].confidence.has_value());
  EXPECT_EQ(got->blocks[1].time->end, 2.25);
  ASSERT_EQ(got->blocks[0].lines.size(), 2u);
  EXPECT_EQ(got->blocks[0].lines[0].begin, 0u);
  EXPECT_EQ(got->blocks[0].lines[0].box->y1, 0.75f);
  EXPECT_EQ(got->blocks[0].lines[1].begin, 3u);
  EXPECT_FALSE(got->blocks[0].lines[1].box.has_value());
  EXPECT_TRUE(got->blocks[1].lines.empty());
  EXPECT_EQ(got->pdf_pages[0].height, 792);
  EXPECT_EQ(got->attachment_bytes, 252);
  ASSERT_EQ(got->pages.size(), 2u);
  EXPECT_EQ(got->pages[0].partial, Reason::kTooManyCells);
  EXPECT_EQ(got->pages[0].blocks.at(0).text, "| a |");
  EXPECT_EQ(got->pages[0].figures.at(0).part, "media/a.png");
  EXPECT_EQ(got->pages[0].figures.at(0).caption, "Ein Bäcker");
  EXPECT_EQ(got->pages[0].figures.at(0).block, 1u);
  EXPECT_EQ(got->pages[1].reason, Reason::kBadDocument);
  EXPECT_TRUE(got->has_pages && got->has_members);
  EXPECT_EQ(got->properties.at(0).second, "T");
  EXPECT_EQ(got->members.at(0).offset, 100);
  EXPECT_EQ(got->members.at(0).size, 50);
  EXPECT_EQ(got->members.at(1).reason, Reason::kUnsafePath);
  EXPECT_EQ(got->members.at(1).limit, 7);
  EXPECT_EQ(got->next, 3);
  EXPECT_EQ(got->seconds, 7.5);
  EXPECT_EQ(got->promised_seconds, 8);
  EXPECT_EQ(got->keyframes, (std::vector<double>{0, 2.5}));
  ASSERT_EQ(got->frames.size(), 2u);
  EXPECT_EQ(got->frames[1].time, 0.54);
  EXPECT_EQ(got->frames[1].change, 0.75f);
}

TEST(MessagesTest, RequestsAndSetupSurviveTheTrip) {
  Request request;
  request.op = Op::kPdfPage;
  request.password = std::string("a\0b", 3);
  request.page = 12;
  request.page_width = 1.5;
  request.heat_columns = 2;
  request.heat = std::string("\0\xff", 2);
  request.heat_alone = true;
  request.part = "media/a.png";
  request.first = 9;
  request.budget = int64_t{1} << 33;
  request.container = FileType::kWebm;
  request.from = 2.5;
  request.to = 3.5;
  request.lead = 1.5;
  const auto got = ParseRequest(SerializeRequest(request));
  ASSERT_THAT(got, IsOk());
  EXPECT_EQ(got->password, request.password);
  EXPECT_EQ(got->page, 12);
  EXPECT_EQ(got->heat_columns, 2);
  EXPECT_EQ(got->heat, request.heat);
  EXPECT_TRUE(got->heat_alone);
  EXPECT_EQ(got->part, "media/a.png");
  EXPECT_EQ(got->first, 9);
  EXPECT_EQ(got->budget, int64_t{1} << 33);
  EXPECT_EQ(got->container, FileType::kWebm);
  EXPECT_EQ(got->from, 2.5);
  EXPECT_EQ(got->to, 3.5);
  EXPECT_EQ(got->lead, 1.5);
  request.lead = 2.6;
  EXPECT_THAT(ParseRequest(SerializeRequest(request)), StatusIs(kInvalid));
  request.lead = 0;
  request.container = FileType::kPdf;
  EXPECT_THAT(ParseRequest(SerializeRequest(request)), StatusIs(kInvalid));
  media::Setup setup;
  setup.role = Role::kDocuments;
  setup.limits.max_aspect = 3.5;
  setup.ocr_languages = "eng+deu";
  const auto got_setup = ParseSetup(SerializeSetup(setup));
  ASSERT_THAT(got_setup, IsOk());
  EXPECT_EQ(got_setup->role, Role::kDocuments);
  EXPECT_EQ(got_setup->limits.max_aspect, 3.5);
  EXPECT_EQ(got_setup->ocr_languages, "eng+deu");
}

TEST(MessagesTest, EveryTruncationIsRefused) {
  const std::string bytes = SerializeReply(SampleReply());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(ParseReply(bytes.substr(0, size)), StatusIs(kInvalid)) << size;
  }
  EXPECT_THAT(ParseReply(bytes + "x"), StatusIs(kInvalid));
}

TEST(MessagesTest, ChangedBytesNeverGiveARangeThatIsNotChecked) {
  const std::string bytes = SerializeReply(SampleReply());
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string changed = bytes;
    for (int flips = 0; flips < 1 + i % 3; ++flips) {
      changed[random() % changed.size()] = static_cast<char>(random());
    }
    const auto got = ParseReply(changed);
    if (!got.ok()) continue;
    EXPECT_GE(got->width, 0);
    EXPECT_GE(got->attachment_bytes, 0);
    EXPECT_TRUE(got->seconds >= 0 && std::isfinite(got->seconds));
    double last = 0;
    for (const ScannedFrame& frame : got->frames) {
      EXPECT_TRUE(frame.time >= last && std::isfinite(frame.time));
      EXPECT_TRUE(frame.change >= 0 && frame.change <= 1);
      last = frame.time;
    }
    for (const TextBlock& block : got->blocks) {
      if (block.time.has_value()) {
        EXPECT_TRUE(block.time->start >= 0 && block.time->end >= block.time->start);
      }
      EXPECT_EQ(block.kind == BlockKind::kHeading, block.heading_level > 0);
      EXPECT_TRUE(AreLinesOf(block.lines, block.text.size()));
      if (!block.box.has_value()) continue;
      EXPECT_TRUE(block.box->x0 >= 0 && block.box->x0 < block.box->x1 && block.box->x1 <= 1);
    }
  }
}

TEST(MessagesTest, ValuesOutOfRangeAreRefused) {
  const auto refused = [](const std::function<void(Reply&)>& change) {
    Reply reply = SampleReply();
    change(reply);
    return !ParseReply(SerializeReply(reply)).ok();
  };
  EXPECT_FALSE(refused([](Reply&) {}));
  EXPECT_TRUE(refused([](Reply& r) { r.width = -1; }));
  EXPECT_TRUE(refused([](Reply& r) { r.attachment_bytes = -1; }));
  EXPECT_TRUE(refused([](Reply& r) { r.reason = static_cast<Reason>(200); }));
  EXPECT_TRUE(refused([](Reply& r) { r.taken = "2024-02-30T24:00:00"; }));
  EXPECT_TRUE(refused([](Reply& r) { r.taken = "yesterday"; }));
  EXPECT_TRUE(refused([](Reply& r) { r.blocks[0].text = "\xFF"; }));
  EXPECT_TRUE(refused([](Reply& r) { r.blocks[0].heading_level = 7; }));
  EXPECT_TRUE(refused([](Reply& r) { r.blocks[1].heading_level = 1; }));
  EXPECT_TRUE(refused([](Reply& r) { r.blocks[0].box->x1 = 1.5f; }));
  EXPECT_TRUE(refused([](Reply& r) { r.blocks[0].box->x0 = 0.75f; }));
  EXPECT_TRUE(refused([](Reply& r) { r.blocks[0].box->y0 = NAN; }));
  EXPECT_TRUE(refused([](Reply& r) { r.blocks[0].lines[0].box->x1 = 1.5f; }));
  EXPECT_TRUE(refused([](Reply& r) { r.blocks[0].lines[0].box->y1 = NAN; }));
  EXPECT_TRUE(refused([](Reply& r) { r.blocks[0].lines[0].begin = 3; }));
  EXPECT_TRUE(refused([](Reply& r) { r.blocks[0].lines[1].begin = 7; }));
  EXPECT_FALSE(refused([](Reply& r) { r.blocks[0].lines[1].begin = 6; }));
  EXPECT_TRUE(refused([](Reply& r) { r.pages[0].blocks[0].lines = {{9, std::nullopt}}; }));
  EXPECT_TRUE(refused([](Reply& r) { r.pdf_pages[0].width = INFINITY; }));
  EXPECT_TRUE(refused([](Reply& r) { r.pages[0].figures[0].block = 2; }));
  EXPECT_TRUE(refused([](Reply& r) { r.pages[0].figures[0].caption = "\xFF"; }));
  EXPECT_TRUE(refused([](Reply& r) { r.pages[1].reason = static_cast<Reason>(200); }));
  EXPECT_TRUE(refused([](Reply& r) { r.properties[0].second = "\xFF"; }));
  EXPECT_TRUE(refused([](Reply& r) { r.properties[0].first = "caption"; }));
  EXPECT_TRUE(refused([](Reply& r) { r.properties[0] = {"date", "yesterday"}; }));
  EXPECT_TRUE(refused([](Reply& r) { r.properties[0].second = std::string(2000, 'x'); }));
  EXPECT_TRUE(refused([](Reply& r) { r.members[0].path = "\xFF"; }));
  EXPECT_TRUE(refused([](Reply& r) { r.members[0].offset = -1; }));
  EXPECT_TRUE(refused([](Reply& r) { r.members[0].size = -1; }));
  EXPECT_TRUE(refused([](Reply& r) { r.next = -1; }));
  EXPECT_TRUE(refused([](Reply& r) { r.pdf_pages[0].height = -1; }));
}

}  // namespace
}  // namespace sightline::media
