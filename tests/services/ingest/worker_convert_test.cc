#include "services/ingest/worker_convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace sightline::services {
namespace {

using sightline::testing::IsOk;

TEST(WorkerConvertTest, APassageArrivesAsItWasSent) {
  index::DocumentWrite write;
  index::Passage& passage = write.passages.emplace_back().passage;
  passage.kind = index::PassageKind::kTable;
  passage.text = "one\ntwo";
  passage.heading = "H";
  passage.page = 3;
  passage.box = Box{0, 0.25f, 0.5f, 1};
  passage.start = 1;
  passage.end = 2;
  passage.token_count = 2;
  passage.ocr_confidence = 0.75f;
  passage.lines = {{0, Box{0, 0.25f, 0.5f, 0.5f}}, {4, std::nullopt}};
  write.passages[0].vector = {0.6f, 0.8f};

  ReportReader reader(/*max_picture_bytes=*/0);
  SendReport({}, write, [&](const v1::ReportRequest& part) {
    EXPECT_THAT(reader.Add(part), IsOk());
    return true;
  });
  EXPECT_THAT(reader.Finish(), IsOk());
  ASSERT_OK_AND_ASSIGN(const index::DocumentWrite got, reader.TakeWrite());
  ASSERT_EQ(got.passages.size(), 1u);
  const index::Passage& back = got.passages[0].passage;
  EXPECT_EQ(back.kind, passage.kind);
  EXPECT_EQ(back.text, passage.text);
  EXPECT_EQ(back.heading, "H");
  EXPECT_EQ(back.page, 3);
  EXPECT_EQ(back.box->y0, 0.25f);
  EXPECT_EQ(back.start, 1);
  EXPECT_EQ(back.end, 2);
  EXPECT_EQ(back.token_count, 2);
  EXPECT_EQ(back.ocr_confidence, 0.75f);
  ASSERT_EQ(back.lines.size(), 2u);
  EXPECT_EQ(back.lines[0].begin, 0u);
  EXPECT_EQ(back.lines[0].box->x0, 0);
  EXPECT_EQ(back.lines[0].box->y0, 0.25f);
  EXPECT_EQ(back.lines[0].box->x1, 0.5f);
  EXPECT_EQ(back.lines[0].box->y1, 0.5f);
  EXPECT_EQ(back.lines[1].begin, 4u);
  EXPECT_FALSE(back.lines[1].box.has_value());
  EXPECT_EQ(got.passages[0].vector, write.passages[0].vector);
}

}  // namespace
}  // namespace sightline::services
