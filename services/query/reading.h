#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "model/generator.h"
#include "services/edge/call_scope.h"
#include "services/query/claim_check.h"
#include "services/query/hits.h"
#include "services/query/prompt.h"

// Judging claims by pictures whose words nobody knows, which gives the exact gates nothing to look
// at: a generator says, in a sentence like the claim, what they say about it, and the gates
// compare.
namespace sightline::query {

// What the generator is asked. The demo's model is taught the same words.
std::string ReadingRequest(const std::string& claim);

// A still picture without words.
bool IsUnread(const index::Passage& passage);

// Judges a claim by pictures, all of them IsUnread. Any thread.
using PictureJudge = std::function<absl::StatusOr<Verdict>(
    const std::string& claim, std::span<const index::Passage* const> pictures,
    const edge::CallLimits& limits)>;

struct ReadingOptions {
  PromptOptions prompt;
  double abstain_above = 1;  // as MarkedTextFormat::reply_above
};

// One that asks a generator. kSupported: every word, number and name of the claim stands in what
// the generator wrote; kUnsupported or kContradicted: the gates refuse the claim by it, or it wrote
// that there is nothing about it; kUnchecked: neither, or a picture could not be shown, or the text
// was cut off. A generator that reads wrongly judges wrongly. Errors of Generator::Generate.
// `generator` outlives it.
PictureJudge GeneratorReading(model::Generator& generator, PassagePicture picture,
                              const ReadingOptions& options);

}  // namespace sightline::query
