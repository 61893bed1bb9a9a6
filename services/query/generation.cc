#include "services/query/generation.h"

#include <atomic>
#include <string>
#include <thread>

#include "base/bounded_queue.h"
#include "base/status.h"

namespace sightline::query {
namespace {

constexpr size_t kWaitingPieces = 64 << 10;

}  // namespace

absl::StatusOr<model::GenerateResult> Generate(
    model::Generator& generator, const model::GenerateInput& input, const edge::CallLimits& limits,
    const std::function<bool(absl::string_view)>& on_text) {
  BoundedQueue<std::string> pieces(kWaitingPieces);
  std::atomic<bool> wanted{true};
  absl::StatusOr<model::GenerateResult> result = absl::InternalError("the generator never ran");
  std::thread engine([&] {
    const model::CallOptions call = {.priority = model::Priority::kInteractive,
                                     .deadline = limits.deadline,
                                     .cancel = limits.cancel};
    result = CatchStatus("generator", [&] {
      return generator.Generate(input, call, [&](absl::string_view text) {
        std::string piece(text);
        return wanted.load() && pieces.TryPush(piece);
      });
    });
    pieces.Close();
  });
  while (const auto piece = pieces.Pop()) {
    if (wanted.load() && !on_text(*piece)) wanted = false;
  }
  engine.join();
  if (result.ok() && !wanted.load()) return absl::CancelledError("stopped by the reader");
  return result;
}

}  // namespace sightline::query
