#include "tools/train/curriculum.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"

namespace sightline::train {
namespace {

using nlohmann::json;

absl::StatusOr<Phase> ParsePhase(const json& value) {
  Phase phase;
  phase.from = value.at("from").get<int64_t>();
  for (const auto& [name, share] : value.at("shares").items()) {
    int lesson = 0;
    while (lesson < kLessons && name != LessonName(static_cast<Lesson>(lesson))) ++lesson;
    if (lesson == kLessons) {
      return absl::InvalidArgumentError(absl::StrCat("no lesson is called \"", name, "\""));
    }
    phase.shares[lesson] = share.get<double>();
  }
  if (std::all_of(phase.shares.begin(), phase.shares.end(), [](double s) { return s <= 0; })) {
    return absl::InvalidArgumentError("a phase without a share");
  }
  return phase;
}

absl::StatusOr<Curriculum> Parse(const json& value) {
  Curriculum out;
  for (const auto& [key, field] : value.items()) {
    if (key == "seed")
      out.seed = field.get<uint64_t>();
    else if (key == "rate")
      out.rate = field.get<double>();
    else if (key == "warmup_steps")
      out.warmup_steps = field.get<int64_t>();
    else if (key == "steps")
      out.steps = field.get<int64_t>();
    else if (key == "decay_steps")
      out.decay_steps = field.get<int64_t>();
    else if (key == "weight_decay")
      out.weight_decay = field.get<double>();
    else if (key == "balance")
      out.balance = field.get<double>();
    else if (key == "rounds")
      out.rounds = field.get<int>();
    else if (key == "writing_tokens")
      out.writing_tokens = field.get<int>();
    else if (key == "finding_queries")
      out.finding_queries = field.get<int>();
    else if (key == "judging_pairs")
      out.judging_pairs = field.get<int>();
    else if (key == "judged_claims")
      out.judged_claims = field.get<double>();
    else if (key == "judged_photos")
      out.judged_photos = field.get<double>();
    else if (key == "phases") {
      for (const json& phase : field) {
        SL_ASSIGN_OR_RETURN(Phase parsed, ParsePhase(phase));
        out.phases.push_back(parsed);
      }
    } else {
      return absl::InvalidArgumentError(absl::StrCat("unknown key \"", key, "\""));
    }
  }
  if (out.phases.empty() || out.phases.front().from != 0) {
    return absl::InvalidArgumentError("\"phases\" must begin with one from step 0");
  }
  if (out.steps < 1 || out.rounds < 1) {
    return absl::InvalidArgumentError("\"steps\" and \"rounds\" must be at least 1");
  }
  if (!(out.judged_claims >= 0 && out.judged_photos >= 0 &&
        out.judged_claims + out.judged_photos <= 1)) {
    return absl::InvalidArgumentError(
        "\"judged_claims\" and \"judged_photos\" must be shares, together at most 1");
  }
  if (out.balance < 0) return absl::InvalidArgumentError("\"balance\" must not be below 0");
  return out;
}

}  // namespace

const Phase& Curriculum::At(int64_t step) const {
  const Phase* now = &phases.front();
  for (const Phase& phase : phases) {
    if (phase.from <= step) now = &phase;
  }
  return *now;
}

double Curriculum::RateAt(int64_t step) const {
  double share = 1;
  if (step < warmup_steps)
    share = static_cast<double>(step + 1) / static_cast<double>(warmup_steps);
  if (decay_steps > 0 && steps - step < decay_steps) {
    share = std::min(share, static_cast<double>(steps - step) / static_cast<double>(decay_steps));
  }
  return rate * share;
}

absl::StatusOr<Curriculum> ReadCurriculum(const std::string& path) {
  SL_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  absl::StatusOr<Curriculum> out = absl::InvalidArgumentError("not JSON");
  try {
    out = Parse(json::parse(text));
  } catch (const json::exception& e) {
    out = absl::InvalidArgumentError(e.what());
  }
  if (!out.ok()) return Annotate(out.status(), path);
  return out;
}

}  // namespace sightline::train
