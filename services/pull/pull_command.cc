#include "services/pull/pull_command.h"

#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "services/pull/model_pull.h"

namespace sightline::services {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;
constexpr int kInterrupted = 130;
constexpr uint64_t kMaxTokenBytes = 4096;

std::atomic<bool> stop = false;
static_assert(std::atomic<bool>::is_always_lock_free, "it is set in a signal handler");

void OnSignal(int) { stop = true; }

// The first signal ends the pull in order, the second one the program.
void WatchForStop() {
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESETHAND;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

// A header line is made of it, so nothing may end that line early.
absl::StatusOr<std::string> CheckToken(absl::string_view text, absl::string_view where) {
  const absl::string_view token = absl::StripAsciiWhitespace(text);
  const bool plain =
      std::all_of(token.begin(), token.end(), [](unsigned char c) { return c > ' ' && c < 0x7F; });
  if (!plain || token.size() > kMaxTokenBytes) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": not one line with a token"));
  }
  return std::string(token);
}

absl::StatusOr<std::string> FindToken(const std::string& file) {
  if (file.empty()) {
    const char* token = std::getenv("HF_TOKEN");
    return CheckToken(token == nullptr ? "" : token, "HF_TOKEN");
  }
  SL_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, kMaxTokenBytes));
  SL_ASSIGN_OR_RETURN(const std::string token, CheckToken(text, file));
  if (token.empty()) return absl::InvalidArgumentError(absl::StrCat(file, " is empty"));
  return token;
}

absl::StatusOr<PullOptions> OptionsOf(const PullWords& words) {
  PullOptions options;
  SL_ASSIGN_OR_RETURN(options.repository, ParseHubRepository(words.repository));
  options.folder = words.folder.empty() ? options.repository.short_name() : words.folder;
  options.endpoint = words.endpoint;
  options.mirrors = words.mirrors;
  SL_ASSIGN_OR_RETURN(options.token, FindToken(words.token_file));
  options.include = words.include;
  options.exclude = words.exclude;
  options.jobs = words.jobs;
  options.retries = words.retries;
  return options;
}

int Fail(const absl::Status& status, int code) {
  std::fprintf(stderr, "model: %s\n", std::string(status.message()).c_str());
  return code;
}

}  // namespace

void AddPullCommand(CLI::App& app, PullWords& words) {
  CLI::App* const pull = app.add_subcommand(
      "pull", "Downloads a model repository, resumable, every file checked by its checksum");
  pull->footer(
      "Examples:\n"
      "  sightline model pull Qwen/Qwen3-VL-Embedding-2B --to models/encoder\n"
      "  sightline model pull OWNER/NAME@COMMIT --mirror https://mirror.example --token-file F\n"
      "Run it again to go on after a stop. The token goes to the endpoint alone, never to a mirror "
      "or another host. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped.");
  pull->callback([&words] { words.chosen = true; });
  pull->add_option("repository", words.repository, "OWNER/NAME, or OWNER/NAME@REVISION")
      ->required();
  pull->add_option("--to", words.folder, "Folder; default NAME in the current one");
  pull->add_option("--endpoint", words.endpoint, "Address of the hub")
      ->envname("HF_ENDPOINT")
      ->default_val("https://huggingface.co");
  pull->add_option("--mirror", words.mirrors,
                   "Address tried where the endpoint fails; may be repeated")
      ->allow_extra_args(false);
  pull->add_option("--token-file", words.token_file,
                   "File with an access token; default the variable HF_TOKEN");
  pull->add_option("--include", words.include,
                   "Files to fetch, such as 'adapters/*'; default those the loader reads. Pickle "
                   "formats are never fetched")
      ->allow_extra_args(false);
  pull->add_option("--exclude", words.exclude, "Files to leave out")->allow_extra_args(false);
  pull->add_option("--jobs", words.jobs, "Files at a time")
      ->check(CLI::Range(1, 32))
      ->capture_default_str();
  pull->add_option("--retries", words.retries, "Of a broken transfer that gets no further")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  pull->add_flag("--json", words.json, "Events as JSON lines on standard output");
}

int RunPullCommand(const PullWords& words) {
  const auto options = OptionsOf(words);
  if (!options.ok()) return Fail(options.status(), kWrongUsage);
  WatchForStop();
  PullReport report(words.json                     ? PullReport::Form::kJson
                    : ::isatty(STDERR_FILENO) == 1 ? PullReport::Form::kBar
                                                   : PullReport::Form::kLines);
  const absl::Status status = PullModel(*options, stop, report);
  if (status.ok()) return kDone;
  report.Failed(status);
  if (absl::IsCancelled(status)) {
    std::fputs("model: stopped; run the same command again to go on\n", stderr);
    return kInterrupted;
  }
  return Fail(status, absl::IsInvalidArgument(status) ? kWrongUsage : kFailed);
}

}  // namespace sightline::services
