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

// Where the networks of these tests run: $SIGHTLINE_TEST_DEVICE ("cuda:0"), else the CPU.
at::Device TestDevice();

// "tiny-dense", "tiny-embedding", "tiny-reranker" on the test device, opened at the first call and
// kept.
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

// Compares with the reference's float32 result and records the largest difference under `group`.
// On the CPU it may be `tolerance`; another device sums in another order, so there the cosine has
// to be 0.999 (both limits: tests/golden/README.md). `name` is shown when it fails.
void ExpectReference(const std::vector<float>& found, const std::vector<float>& expected,
                     double tolerance, const std::string& group, const std::string& name);

}  // namespace sightline::testing
