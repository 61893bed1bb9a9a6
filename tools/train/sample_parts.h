#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/image.h"
#include "tools/demo_world/picture.h"
#include "tools/demo_world/questions.h"
#include "tools/demo_world/random.h"
#include "tools/demo_world/world.h"

// What the makers of samples share.
namespace sightline::train {

// Passages that a grounded prompt shows at most, as many as the service.
inline constexpr int kMostPassages = 8;
// Tasks that draw a question of their own out of a world may find none: then another is tried.
inline constexpr int kTries = 40;

ImagePtr ToImage(demo_world::Picture picture);

bool Holds(const std::vector<int>& all, int one);

// The answer as the service expects it: each sentence with the numbers of the passages it rests on;
// the abstention where these do not hold it.
std::string MarkedAnswer(const demo_world::Question& question, const std::vector<int>& passages);

// A question of one of the tasks, drawn anew where the world holds nothing for one; none where it
// seems to hold nothing for any.
std::optional<demo_world::Question> AskOneOf(const demo_world::World& world,
                                             std::span<const demo_world::Task> tasks,
                                             demo_world::Random& random);

template <typename T>
void Shuffle(std::vector<T>& values, demo_world::Random& random) {
  for (size_t i = values.size(); i > 1; --i) {
    std::swap(values[i - 1], values[random.Below(static_cast<int>(i))]);
  }
}

}  // namespace sightline::train
