#include "tests/model/network_case.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>

#include "base/status.h"
#include "model/chat_template.h"
#include "nlohmann/json.hpp"

namespace sightline::testing {
namespace {

using nlohmann::json;

// Prints the recorded differences when the program ends.
class Ledger : public ::testing::Environment {
 public:
  void Record(const std::string& group, double difference) {
    double& worst = worst_[group];
    worst = std::max(worst, difference);
  }
  void TearDown() override {
    for (const auto& [group, worst] : worst_) {
      std::printf("max abs difference  %-32s %.3g\n", group.c_str(), worst);
    }
  }

 private:
  std::map<std::string, double> worst_;
};

Ledger* const ledger = static_cast<Ledger*>(
    ::testing::AddGlobalTestEnvironment(new Ledger()));  // owned by the library

std::vector<model::GridThw> Grids(const model::SafetensorsFile& file, const std::string& name) {
  std::vector<model::GridThw> out;
  if (file.Find(name) == nullptr) return out;
  const std::vector<int64_t> values = Values<int64_t>(file, name);
  for (size_t i = 0; i < values.size(); i += 3) {
    out.push_back({static_cast<int>(values[i]), static_cast<int>(values[i + 1]),
                   static_cast<int>(values[i + 2])});
  }
  return out;
}

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
  std::abort();
}

model::Message ToMessage(const json& message) {
  model::Message out{message["role"], {}};
  const json& content = message["content"];
  if (content.is_string()) {
    out.parts.emplace_back(content.get<std::string>());
    return out;
  }
  for (const json& part : content) {
    if (part["type"] == "image") {
      out.parts.emplace_back(GoldenPicture("images/" + part["image"].get<std::string>()));
    } else if (part["type"] == "video") {
      out.parts.emplace_back(GoldenClip());
    } else {
      out.parts.emplace_back(part["text"].get<std::string>());
    }
  }
  return out;
}

}  // namespace

at::Device TestDevice() {
  const char* const given = std::getenv("SIGHTLINE_TEST_DEVICE");
  return OrDie(model::ResolveTypes(given == nullptr ? "cpu" : given, "float32", "", 1)).device;
}

std::shared_ptr<model::Checkpoint> TinyCheckpoint(const std::string& name,
                                                  const std::string& dtype) {
  static std::map<std::string, std::shared_ptr<model::Checkpoint>> opened;
  std::shared_ptr<model::Checkpoint>& known = opened[name + dtype];
  if (known == nullptr) {
    model::LoadOptions options;
    options.device = TestDevice().str();
    options.dtype = dtype;
    known = OrDie(model::Checkpoint::Open(GoldenPath(name), options, {}));
  }
  return known;
}

const model::Network& TinyNetwork(const std::string& name, const std::string& dtype) {
  return TinyCheckpoint(name, dtype)->engine().network();
}

model::SequenceInput StoredCase(const std::string& model, const std::string& name) {
  const auto tensors = GoldenTensors(model + "/cases/" + name + ".safetensors");
  model::Prompt prompt;
  for (const int64_t id : Values<int64_t>(*tensors, "input_ids")) {
    prompt.ids.push_back(static_cast<int32_t>(id));
  }
  for (const int64_t p : Values<int64_t>(*tensors, "position_ids")) {
    prompt.position_ids.push_back(static_cast<int32_t>(p));
  }
  prompt.rope_delta = static_cast<int32_t>(Values<int64_t>(*tensors, "rope_deltas").front());
  prompt.image_grids = Grids(*tensors, "image_grid_thw");
  prompt.video_grids = Grids(*tensors, "video_grid_thw");
  model::GivenPatches given;
  if (!prompt.image_grids.empty() || !prompt.video_grids.empty()) {
    const auto pixels = GoldenTensors("pixels/" + name + ".safetensors");
    if (!prompt.image_grids.empty()) given.images = Values<float>(*pixels, "pixel_values");
    if (!prompt.video_grids.empty()) given.videos = Values<float>(*pixels, "pixel_values_videos");
  }
  return OrDie(model::SequenceFromPatches(prompt, TinyCheckpoint(model)->config().model, given));
}

model::Prompt FilePrompt(const std::string& model, const std::string& name) {
  const json golden = GoldenJson(model + "/cases/" + name + ".json");
  std::vector<model::Message> messages;
  for (const json& message : golden["messages"]) messages.push_back(ToMessage(message));
  return OrDie(TinyCheckpoint(model)->prompts().Chat(messages, model::ChatOptions(), 4096));
}

std::vector<float> Floats(const at::Tensor& tensor) {
  const at::Tensor here = tensor.to(at::kCPU, at::kFloat).contiguous();
  return {here.data_ptr<float>(), here.data_ptr<float>() + here.numel()};
}

double MaxDifference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(double{a[i]} - b[i]);
    if (!(difference <= worst)) worst = difference;  // a NaN stays
  }
  return worst;
}

double Cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ab += double{a[i]} * b[i];
    aa += double{a[i]} * a[i];
    bb += double{b[i]} * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

void Report(const std::string& group, double difference) { ledger->Record(group, difference); }

void ExpectReference(const std::vector<float>& found, const std::vector<float>& expected,
                     double tolerance, const std::string& group, const std::string& name) {
  const double difference = MaxDifference(found, expected);
  Report(group, difference);
  if (TestDevice().is_cpu()) {
    EXPECT_LE(difference, tolerance) << name;
    return;
  }
  ASSERT_EQ(found.size(), expected.size()) << name;
  const double cosine = Cosine(found, expected);
  Report(group + ", 1 - cosine", 1 - cosine);
  EXPECT_GE(cosine, 0.999) << name;
}

}  // namespace sightline::testing
