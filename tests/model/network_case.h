#pragma once

// What the network's tests share: checkpoints of the reference set, opened once, and comparisons.

#include <memory>
#include <string>
#include <vector>

#include "model/checkpoint.h"
#include "model/network.h"
#include "model/sequence_input.h"
#include "nlohmann/json_fwd.hpp"
#include "tests/support/golden.h"

namespace sightline::testing {

// "tiny-dense", "tiny-embedding", "tiny-reranker" on the CPU, opened at the first call and kept.
std::shared_ptr<model::Checkpoint> TinyCheckpoint(const std::string& name,
                                                  const std::string& dtype = "float32");
const model::Network& TinyNetwork(const std::string& name, const std::string& dtype = "float32");

// The network's input of a chat case with the reference's own ids, positions and pixels.
model::SequenceInput StoredCase(const std::string& model, const std::string& name);
// The same from the messages and the picture files.
model::Prompt FilePrompt(const std::string& model, const std::string& name);

// A tensor's elements as floats, wherever and in whatever dtype it is.
std::vector<float> Floats(const at::Tensor& tensor);

// Largest absolute difference; infinity when the sizes differ.
double MaxDifference(const std::vector<float>& a, const std::vector<float>& b);
double Cosine(const std::vector<float>& a, const std::vector<float>& b);

// Records a group's largest difference; the test program prints each group's when it ends.
void Report(const std::string& group, double difference);

}  // namespace sightline::testing
