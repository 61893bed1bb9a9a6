#include "tools/train/curve.h"

#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/status.h"

namespace sightline::train {
namespace {

std::string Header() {
  std::string header = "step,seconds,rate,gradient";
  for (int lesson = 0; lesson < kLessons; ++lesson) {
    const char* const name = LessonName(static_cast<Lesson>(lesson));
    absl::StrAppend(&header, ",", name, "_loss,", name, "_right,", name, "_whole");
  }
  return header + "\n";
}

}  // namespace

absl::StatusOr<Curve> Curve::Open(const std::string& path, int64_t step) {
  const absl::StatusOr<std::string> old = ReadFile(path);
  if (absl::IsNotFound(old.status())) return Curve(path, Header(), 0);
  SL_RETURN_IF_ERROR(old.status());
  std::string text = Header();
  double seconds = 0;
  for (const absl::string_view line : absl::StrSplit(*old, '\n')) {
    const std::vector<std::string> fields = absl::StrSplit(line, ',');
    if (fields.size() < 2 || fields[0] == "step" || std::atoll(fields[0].c_str()) > step) continue;
    absl::StrAppend(&text, line, "\n");
    seconds = std::atof(fields[1].c_str());
  }
  return Curve(path, std::move(text), seconds);
}

absl::Status Curve::Add(int64_t step, double rate, double gradient,
                        const std::vector<LessonSums>& sums) {
  const double seconds = seconds_ + absl::ToDoubleSeconds(absl::Now() - start_);
  absl::StrAppendFormat(&text_, "%d,%.1f,%.3g,%.3g", step, seconds, rate, gradient);
  std::string gist = absl::StrFormat("%6d %7.0fs", step, seconds);
  for (int lesson = 0; lesson < kLessons; ++lesson) {
    const LessonSums& sum = sums[lesson];
    if (sum.passes == 0) {
      absl::StrAppend(&text_, ",,,");
      continue;
    }
    const double loss = sum.loss / sum.passes;
    absl::StrAppendFormat(&text_, ",%.4f,%.4f,%.4f", loss, sum.right / sum.counted,
                          sum.whole / sum.samples);
    absl::StrAppendFormat(&gist, "  %s %.3f/%.2f/%.2f", LessonName(static_cast<Lesson>(lesson)),
                          loss, sum.right / sum.counted, sum.whole / sum.samples);
  }
  text_ += "\n";
  std::fprintf(stderr, "%s\n", gist.c_str());
  return WriteFileAtomic(path_, text_);
}

std::string SumsJson(int64_t step, const std::vector<LessonSums>& sums) {
  nlohmann::ordered_json lessons;
  for (int lesson = 0; lesson < kLessons; ++lesson) {
    const LessonSums& sum = sums[lesson];
    if (sum.passes == 0) continue;
    lessons[LessonName(static_cast<Lesson>(lesson))] = {{"loss", sum.loss / sum.passes},
                                                        {"right", sum.right / sum.counted},
                                                        {"whole", sum.whole / sum.samples},
                                                        {"samples", sum.samples}};
  }
  return nlohmann::ordered_json({{"step", step}, {"lessons", lessons}}).dump();
}

}  // namespace sightline::train
