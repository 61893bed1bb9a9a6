#pragma once

#include <string>

#include "cli/eval_session.h"
#include "tools/demo_world/world.h"

namespace sightline::cli {

// The command line of `eval`.
struct EvalOptions {
  std::string dataset;
  int queries = 0;  // 0 = the dataset's default
  demo_world::WorldSize size;
  std::string tasks;
  EvalSessionOptions session;
  std::string log;          // file for a line a question; empty = none
  std::string run;          // file name that ".MODE" follows: a TREC run each; empty = none
  std::string results;      // file for the figures as MTEB writes them; empty = none
  std::string export_to;    // of a made-up shop: write it to this folder instead; empty = not
  std::string split;        // of a folder's judgements
  bool shuffled = false;    // scored against the gold of other questions
  bool text_layer = false;  // pages of a made-up shop are PDFs with words, not pictures
  bool quoted = false;      // answers are quoted, not written
  bool rerank = false;      // the passages of answers are reranked
  bool no_history = false;  // questions alone, without the conversation before them
  bool json = false;

  // Nothing on standard error but failures.
  bool Silent(const Terminal& terminal) const { return json && !terminal.err_is_terminal; }
};

}  // namespace sightline::cli
