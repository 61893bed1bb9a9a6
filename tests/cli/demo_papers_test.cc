#include "cli/demo_papers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "cli/demo_pdf.h"
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

TEST(DemoPdfTest, KnowsWhereItsTextStandsAsPopplerDoes) {
  const auto dir = TempDir::Create().value();
  for (const std::string text : {"Plain (with @ and ~)", "第3季度 OK"}) {
    PdfWriter pdf;
    pdf.BeginPage();
    pdf.Text(60, 100, 12, text);
    const std::string path = dir->path() + "/a.pdf";
    ASSERT_THAT(WriteFileAtomic(path, pdf.Finish()), IsOk());
    const std::string layout = OutputOf({"pdftotext", "-bbox-layout", path, "-"});
    const auto side = [&](const std::string& name) {
      const size_t line = layout.find("<line");
      const size_t at = layout.find(name + "=\"", line);
      return line == layout.npos || at == layout.npos
                 ? -1
                 : std::stod(layout.substr(at + name.size() + 2));
    };
    const PdfWriter::Extent extent = PdfWriter::ExtentOf(60, 100, 12, text);
    EXPECT_NEAR(extent.left, side("xMin"), 0.1) << text;
    EXPECT_NEAR(extent.right, side("xMax"), 0.1) << text;
    EXPECT_NEAR(extent.top, side("yMin"), 1) << text;
    EXPECT_NEAR(extent.bottom, side("yMax"), 1) << text;
  }
}

TEST(DemoPapersTest, HoldWhatIsAskedOfThem) {
  const auto dir = TempDir::Create().value();
  for (const EvalQuestion& question : {PaperSearch(), PaperQuestion()}) {
    const std::string& wanted = question.gold.answer.empty() ? question.text : question.gold.answer;
    int found = 0;
    for (const DemoPaper& paper : DemoPapers()) {
      if (paper.id != question.gold.documents.at(0)) continue;
      const std::string path = dir->path() + "/" + paper.file_name;
      ASSERT_THAT(WriteFileAtomic(path, paper.content), IsOk());
      EXPECT_THAT(OutputOf({"pdftotext", path, "-"}), HasSubstr(wanted));
      ++found;
    }
    EXPECT_EQ(found, 1) << question.text;
  }
}

}  // namespace
}  // namespace sightline::cli
