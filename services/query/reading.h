#pragma once

#include <string>

#include "model/generator.h"
#include "services/query/entailment.h"
#include "services/query/hits.h"

namespace sightline::query {

// What a generator is asked over passages, to have it say in a sentence like `claim` what they say.
// The demo's model is taught the same words.
std::string ReadingRequest(const std::string& claim);

// Judges claims about pictures whose words are not known by what the generator reads there: above
// kEntailed where the exact gates find the claim in what it wrote, 0 where they refuse it or where
// it wrote that there is nothing about it. Where every passage has words, which the gates have had,
// it asks nothing and settles nothing. A generator that reads wrongly judges wrongly. `generator`
// outlives it.
EntailmentScorer ReadingEntailment(model::Generator& generator, PassagePicture picture);

}  // namespace sightline::query
