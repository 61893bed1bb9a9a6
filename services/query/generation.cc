#include "services/query/generation.h"

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/bounded_queue.h"
#include "base/status.h"

namespace sightline::query {
namespace {

constexpr size_t kWaitingPieces = 64 << 10;

// A TextPiece that owns its text.
struct Piece {
  std::string text;
  bool reasoning = false;
  int choice = 0;
  std::vector<model::TokenLogprobs> logprobs;
};

}  // namespace

absl::StatusOr<model::GenerateResult> Generate(model::Generator& generator,
                                               const model::GenerateInput& input,
                                               const edge::CallLimits& limits,
                                               const model::OnText& on_text,
                                               const std::string& adapter) {
  BoundedQueue<Piece> pieces(kWaitingPieces);
  std::atomic<bool> wanted{true};
  absl::StatusOr<model::GenerateResult> result = absl::InternalError("the generator never ran");
  std::thread engine([&] {
    const model::CallOptions call = {.priority = model::Priority::kInteractive,
                                     .deadline = limits.deadline,
                                     .cancel = limits.cancel,
                                     .tenant = limits.tenant,
                                     .adapter = adapter};
    result = CatchStatus("generator", [&] {
      return generator.Generate(input, call, [&](const model::TextPiece& given) {
        Piece piece = {std::string(given.text),
                       given.reasoning,
                       given.choice,
                       {given.logprobs.begin(), given.logprobs.end()}};
        return wanted.load() && pieces.TryPush(piece);
      });
    });
    pieces.Close();
  });
  while (const auto piece = pieces.Pop()) {
    if (!wanted.load()) continue;
    if (!on_text({piece->text, piece->reasoning, piece->choice, piece->logprobs})) wanted = false;
  }
  engine.join();
  if (result.ok() && !wanted.load()) return absl::CancelledError("stopped by the reader");
  return result;
}

}  // namespace sightline::query
