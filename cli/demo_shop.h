#pragma once

#include <string>

#include "tools/demo_world/world.h"

namespace sightline::cli {

// "photos/photo-0001.png", below the demo's folder of files.
std::string ShopPath(const demo_world::Document& document);

// JSON, for filters: of a photo kind, color, pattern, material, name and price; of a page what it
// is and its language; of a text its language. Words are English.
std::string ShopMetadata(const demo_world::World& world, const demo_world::Document& document);

// What it shows or says on one line, for people.
std::string ShopLine(const demo_world::World& world, const demo_world::Document& document);

}  // namespace sightline::cli
