#include "services/model_tool.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include "absl/status/status.h"
#include "services/model_tool_commands.h"
#include "services/model_tool_factor.h"
#include "services/model_tool_quantize.h"
#include "services/model_tool_seal.h"
#include "services/pull/pull_command.h"

namespace sightline::services {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

using Command = absl::Status (*)(const ToolOptions&);

// Builds the sub-commands; the one that is given sets `chosen`.
class Commands {
 public:
  explicit Commands(CLI::App& app) : app_(app) {}

  CLI::App& Add(const char* name, const char* what, const char* example, Command command) {
    CLI::App* const sub = app_.add_subcommand(name, what);
    sub->footer(std::string("Example:\n  sightline model ") + name + " --model DIR " + example);
    sub->callback([this, command] { chosen_ = command; });
    sub->add_option("--model", options_.model, "Bundle or checkpoint folder")->required();
    sub->add_option("--device", options_.load.device, "auto, cpu or cuda:N")->capture_default_str();
    sub->add_option(
           "--dtype", options_.load.dtype,
           "auto (as stored; float32 on the CPU for a small network), float32, bfloat16 or "
           "float16")
        ->capture_default_str();
    sub->add_option("--adapter", options_.adapter,
                    "PEFT LoRA folder to run with, or the name of one of the bundle's");
    sub->add_option("--merge", options_.load.merged_adapters,
                    "PEFT LoRA folder to add to the weights; repeatable");
    sub->add_option("--threads", options_.load.threads, "On the CPU; 0 = all cores")
        ->check(CLI::Range(0, 1024));
    sub->add_option("--media", options_.media,
                    "Program that decodes pictures; default sightline-media beside this one");
    sub->add_flag("--json", json_, "Accepted for symmetry: the output always is JSON");
    return *sub;
  }

  void Input(CLI::App& sub) {
    sub.add_option("--input", options_.input, "JSON lines; - is standard input")
        ->capture_default_str();
  }
  void Out(CLI::App& sub, const char* what) { sub.add_option("--out", options_.out, what); }
  void Pixels(CLI::App& sub) {
    sub.add_option(
        "--pixels", options_.pixels,
        "Safetensors file whose pixel_values and pixel_values_videos replace preprocessing");
  }

  ToolOptions& options() { return options_; }
  Command chosen() const { return chosen_; }

 private:
  CLI::App& app_;
  ToolOptions options_;
  Command chosen_ = nullptr;
  bool json_ = false;
};

void AddTextCommands(Commands& commands) {
  CLI::App& info = commands.Add("info",
                                "What the model is, what it takes, and whether it is "
                                "what was sealed",
                                "", ToolInfo);
  info.add_flag("--skip-self-test", commands.options().skip_self_test,
                "Do not run the model to compare it with its seal");

  CLI::App& tokenize =
      commands.Add("tokenize", "Text to ids and back", "--input texts.jsonl", ToolTokenize);
  commands.Input(tokenize);

  CLI::App& render = commands.Add("render", "Messages to the prompt and its ids",
                                  "--input chats.jsonl", ToolRender);
  commands.Input(render);

  ToolOptions& options = commands.options();
  CLI::App& preprocess = commands.Add("preprocess", "A picture to patches",
                                      "--image page.png --out pixels.safetensors", ToolPreprocess);
  preprocess.add_option("--image", options.image, "Picture file")->required();
  preprocess.add_option("--min-pixels", options.min_pixels, "Least area; of --path chat only")
      ->check(CLI::PositiveNumber);
  preprocess.add_option("--max-pixels", options.max_pixels, "Largest area")
      ->check(CLI::PositiveNumber);
  preprocess.add_option("--path", options.path, "chat, or embed as embedding and reranking do")
      ->check(CLI::IsMember({"chat", "embed"}))
      ->capture_default_str();
  commands.Out(preprocess, "Safetensors file for pixel_values and image_grid_thw");
}

void AddSampling(CLI::App& generate, ToolOptions& options) {
  model::SamplingParams& sampling = options.sampling;
  generate.add_option("--temperature", sampling.temperature,
                      "0 = greedy; default the checkpoint's, as for those that follow");
  generate.add_option("--top-p", sampling.top_p, "Keep the likeliest tokens with this share");
  generate.add_option("--top-k", sampling.top_k, "Keep so many of the likeliest; 0 = off");
  generate.add_option("--repetition-penalty", sampling.repetition_penalty,
                      "Of tokens of the prompt and the text; 1 = off");
  generate.add_option("--presence-penalty", sampling.presence_penalty, "Of tokens of the text");
  generate.add_option("--frequency-penalty", sampling.frequency_penalty,
                      "The same, times how often; default 0");
  generate.add_option("--min-p", sampling.min_p,
                      "Drop tokens below this part of the likeliest one's share; default 0");
  generate
      .add_option("--logit-bias", options.logit_bias,
                  "Add to a token's logit, -100 to 100; may come several times")
      ->type_name("ID=ADDEND")
      ->allow_extra_args(false);
  generate.add_option("--seed", sampling.seed, "Default drawn anew");
  generate.add_option("--n", options.n, "Texts to write from each prompt")
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  generate
      .add_option("--logprobs", sampling.logprobs,
                  "Tell each token's log probability, and this many of the likeliest tokens")
      ->check(CLI::Range(0, 20));
  generate.add_option("--stop", options.stop, "End before this text; may come several times")
      ->allow_extra_args(false);
  generate
      .add_option("--stop-id", sampling.stop_token_ids, "End at this token; may come several times")
      ->allow_extra_args(false);
  generate.add_flag("--ignore-eos", sampling.ignore_eos, "Go on after an end token");
  auto* const schema =
      generate.add_option("--json-schema", options.json_schema, "Write JSON of the schema in FILE")
          ->type_name("FILE");
  generate
      .add_option("--regex", options.regex, "Write what this expression matches from end to end")
      ->excludes(schema);
}

void AddNetworkCommands(Commands& commands) {
  ToolOptions& options = commands.options();
  CLI::App& logits = commands.Add("logits", "The network's scores of every token at every place",
                                  "--input chat.jsonl --out logits.safetensors", ToolLogits);
  commands.Input(logits);
  commands.Pixels(logits);
  commands.Out(logits,
               "Safetensors file for logits and position_ids; names start with \"N.\" when there "
               "are several inputs");
  logits.add_flag("--vision", options.vision, "Also image_embeds and deepstack_J");

  CLI::App& generate =
      commands.Add("generate", "Writes on from messages",
                   "--input chats.jsonl --max-tokens 64 --temperature 0", ToolGenerate);
  commands.Input(generate);
  commands.Pixels(generate);
  generate.add_option("--max-tokens", options.max_tokens, "Tokens at most")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  AddSampling(generate, options);

  CLI::App& embed = commands.Add("embed", "Text and pictures to unit vectors",
                                 "--input inputs.jsonl --dim 256", ToolEmbed);
  commands.Input(embed);
  embed.add_option("--dim", options.dimension, "Leading numbers to keep; 0 = all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  commands.Out(embed, "Safetensors file for embeddings [inputs, dimension]");

  CLI::App& rerank =
      commands.Add("rerank", "Scores documents against a query", "--input pairs.jsonl", ToolRerank);
  commands.Input(rerank);

  CLI::App& bench =
      commands.Add("bench", "How fast the model is", "--count 32 --tokens 128", ToolBench);
  bench.add_option("--count", options.count, "Inputs of each kind")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  bench.add_option("--tokens", options.tokens, "Of each text, and to generate")
      ->check(CLI::Range(1, 8000))
      ->capture_default_str();
  bench.add_option("--width", options.width, "Of each picture")
      ->check(CLI::Range(32, 8192))
      ->capture_default_str();
  bench.add_option("--height", options.height, "Of each picture")
      ->check(CLI::Range(32, 8192))
      ->capture_default_str();
  bench
      .add_option("--context", options.context,
                  "Instead, one prompt of so many tokens: its time and memory")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 26));
  bench.add_option("--frames", options.frames, "Of a video at its start, --width by --height")
      ->check(CLI::Range(0, 1 << 16));
}

// What CLI11 cannot see: options that do not go together.
absl::Status CheckTogether(const ToolOptions& options) {
  if (options.path == "embed" && options.min_pixels.has_value()) {
    return absl::InvalidArgumentError("--min-pixels goes with --path chat: embedding has its own");
  }
  if (options.min_pixels.has_value() && options.max_pixels.has_value() &&
      *options.min_pixels > *options.max_pixels) {
    return absl::InvalidArgumentError("--min-pixels is above --max-pixels");
  }
  return absl::OkStatus();
}

int Fail(const absl::Status& status, int code) {
  std::fprintf(stderr, "model: %s\n", std::string(status.message()).c_str());
  return code;
}

int Exit(const absl::Status& status) { return status.ok() ? 0 : Fail(status, kFailed); }

}  // namespace

int RunModelTool(const std::vector<std::string>& args) {
  CLI::App app("The model alone: JSON lines in, one JSON object a line out", "sightline model");
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  sightline model pull OWNER/NAME --to models/mine\n"
      "  sightline model info --model models/demo\n"
      "  echo '{\"text\":\"a red kite\"}' | sightline model embed --model models/demo\n"
      "Picture paths in an input file are relative to it. Exit codes: 0 done, 1 failed, 2 wrong "
      "usage.");
  Commands commands(app);
  AddTextCommands(commands);
  AddNetworkCommands(commands);
  PullWords pull;
  AddPullCommand(app, pull);
  SealWords seal;
  AddSealCommand(app, seal);
  FactorWords factor;
  AddFactorCommand(app, factor);
  QuantizeWords quantize;
  AddQuantizeCommand(app, quantize);
  try {
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : kWrongUsage;
  }
  if (pull.chosen) return RunPullCommand(pull);
  if (seal.chosen) return Exit(RunSealCommand(seal));
  if (factor.chosen) return Exit(RunFactorCommand(factor));
  if (quantize.chosen) return Exit(RunQuantizeCommand(quantize));
  if (const absl::Status status = CheckTogether(commands.options()); !status.ok()) {
    return Fail(status, kWrongUsage);
  }
  return Exit(commands.chosen()(commands.options()));
}

}  // namespace sightline::services
