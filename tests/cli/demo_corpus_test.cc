#include "cli/demo_corpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "cli/demo_pdf.h"
#include "cli/demo_png.h"
#include "cli/ingest_item.h"
#include "tests/support/status_matchers.h"

namespace sightline::cli {
namespace {

using ::testing::HasSubstr;
using testing::IsOk;

// What a program prints; fails the test when it fails.
std::string OutputOf(const std::vector<std::string>& argv) {
  const auto dir = TempDir::Create().value();
  ProcessOptions options;
  options.argv = argv;
  options.out = ChildStream::kFile;
  options.out_path = dir->path() + "/out";
  auto process = Process::Start(options);
  EXPECT_THAT(process, IsOk());
  const auto exit = (*process)->Wait(absl::Now() + absl::Seconds(30));
  EXPECT_TRUE(exit.ok() && exit->ok()) << argv[0];
  return ReadFile(options.out_path).value_or("");
}

TEST(DemoPngTest, AnotherDecoderReadsIt) {
  const auto dir = TempDir::Create().value();
  Canvas canvas(300, 80, {1, 2, 3});  // more than one stored block
  canvas.Fill({250, 0, 0}, [](double x, double) { return x < 0.5; });
  const std::string path = dir->path() + "/a.png";
  ASSERT_THAT(WriteFileAtomic(path, canvas.EncodePng()), IsOk());
  const std::string pixels = OutputOf({"ffmpeg", "-v", "error", "-nostdin", "-i", path, "-f",
                                       "rawvideo", "-pix_fmt", "rgb24", "-"});
  ASSERT_EQ(pixels.size(), 300u * 80 * 3);
  EXPECT_EQ(pixels.substr(0, 3), std::string("\xFA\x00\x00", 3));
  EXPECT_EQ(pixels.substr(pixels.size() - 3), "\x01\x02\x03");
}

TEST(DemoPdfTest, PopplerReadsItsTextInBothLanguages) {
  const auto dir = TempDir::Create().value();
  PdfWriter pdf;
  pdf.BeginPage();
  pdf.Text(60, 100, 12, "Plain (with \\ and brackets)");
  pdf.BeginPage();
  pdf.Paragraph(60, 100, 12, 20, "仓库每个季度盘点一次。盘点当天停止出货。");
  const std::string path = dir->path() + "/a.pdf";
  ASSERT_THAT(WriteFileAtomic(path, pdf.Finish()), IsOk());
  const std::string text = OutputOf({"pdftotext", path, "-"});
  EXPECT_THAT(text, HasSubstr("Plain (with \\ and brackets)"));
  EXPECT_THAT(text, HasSubstr("仓库每个季度盘点一次"));
  EXPECT_THAT(OutputOf({"pdfinfo", path}), HasSubstr("Pages:           2"));
}

TEST(DemoCorpusTest, IsTheSameEveryTimeAndItsManifestNamesEveryPicture) {
  const auto dir = TempDir::Create().value();
  const auto one = WriteDemoCorpus(dir->path() + "/one");
  const auto two = WriteDemoCorpus(dir->path() + "/two");
  ASSERT_THAT(one, IsOk());
  ASSERT_THAT(two, IsOk());
  EXPECT_EQ(ReadFile(one->photo).value(), ReadFile(two->photo).value());
  EXPECT_EQ(ReadFile(one->documents + "/warehouse-handbook.pdf").value(),
            ReadFile(two->documents + "/warehouse-handbook.pdf").value());
  int items = 0;
  IngestVisitor visitor;
  visitor.item = [&](const IngestItem& item) {
    ++items;
    EXPECT_GT(item.bytes, 0) << item.path;
    return absl::OkStatus();
  };
  visitor.unusable = [](const UnusableItem& item) { ADD_FAILURE() << item.path; };
  IngestSources sources;
  sources.paths = {one->documents};
  sources.manifest = one->manifest;
  ASSERT_THAT(VisitSources(sources, visitor), IsOk());
  EXPECT_EQ(items, one->files);
  EXPECT_GE(items, 30);
}

}  // namespace
}  // namespace sightline::cli
