#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "model/generator.h"
#include "model/load.h"

namespace sightline::services {

// What the words of `model COMMAND …` say; each command reads the fields it has options for.
struct ToolOptions {
  std::string model;    // bundle or checkpoint folder
  std::string adapter;  // PEFT folder, or a name of the bundle's; empty = the part's own
  std::string media;    // path of sightline-media; empty = beside this program
  model::LoadOptions load;
  std::string input = "-";
  std::string image;  // preprocess
  std::string path = "chat";
  std::optional<int64_t> min_pixels, max_pixels;
  std::string out;     // safetensors file; empty = none
  std::string pixels;  // safetensors file that replaces preprocessing; empty = none
  bool vision = false;
  bool skip_self_test = false;  // info
  int max_tokens = 512;
  model::SamplingParams sampling;       // without the two that follow
  std::vector<std::string> logit_bias;  // ID=ADDEND
  std::vector<std::string> stop;
  int n = 1;
  std::string json_schema;  // path; empty = none
  std::string regex;        // empty = none
  int dimension = 0;
  int count = 32;                  // bench: inputs of each kind
  int tokens = 128;                // bench: of each text, and to generate
  int width = 1280, height = 960;  // bench: of each picture
  int64_t context = 0;             // bench: tokens of one long prompt; 0 = the other benchmark
  int frames = 0;                  // bench: of a video in that prompt
};

// Each prints its results to standard output, one JSON object a line. A fault of an input line
// names the line; those before it have been printed.
absl::Status ToolInfo(const ToolOptions& options);
absl::Status ToolTokenize(const ToolOptions& options);
absl::Status ToolRender(const ToolOptions& options);
absl::Status ToolPreprocess(const ToolOptions& options);
absl::Status ToolLogits(const ToolOptions& options);
absl::Status ToolGenerate(const ToolOptions& options);
absl::Status ToolEmbed(const ToolOptions& options);
absl::Status ToolRerank(const ToolOptions& options);
absl::Status ToolBench(const ToolOptions& options);
// One prompt of options.context tokens, with its time and memory.
absl::Status ToolContextBench(const ToolOptions& options);

}  // namespace sightline::services
