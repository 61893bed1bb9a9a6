#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/image.h"
#include "model/safetensors.h"
#include "nlohmann/json_fwd.hpp"

namespace sightline::testing {

// Reference data recorded from the original implementation. Paths are relative to tests/golden of
// $SIGHTLINE_SOURCE_DIR, else of the tree the program was built from. All of these end the test
// program with a message when a file is missing or broken.
std::string GoldenPath(const std::string& relative);
nlohmann::json JsonFile(const std::string& path);  // any path
nlohmann::json GoldenJson(const std::string& relative);
std::unique_ptr<model::SafetensorsFile> GoldenTensors(const std::string& relative);

// The folder with the whole reference set, which holds data that may not be copied into the tree:
// $SIGHTLINE_GOLDEN_DIR, else ../shared/golden beside the checkout. Empty when there is none: skip
// then.
std::optional<std::string> FullGoldenDir();

// A tensor's elements as T (float, double, int64_t or uint8_t), which must be its dtype.
template <typename T>
std::vector<T> Values(const model::TensorView& tensor);
// The named tensor's elements; ends the program when it is absent.
template <typename T>
std::vector<T> Values(const model::SafetensorsFile& file, const std::string& name);

// A picture as the reference opened it: palette expanded, grey replicated to RGB, alpha kept as a
// fourth channel, colour profile and orientation ignored.
ImagePtr LoadPicture(const std::string& path);
ImagePtr GoldenPicture(const std::string& relative);
// images/clip/f00.png … at 6 frames a second.
VideoFrames GoldenClip();

}  // namespace sightline::testing
