#include "model/hidden_batch.h"

#include <cmath>
#include <deque>
#include <memory>
#include <utility>

#include "absl/synchronization/notification.h"
#include "base/status.h"

namespace sightline::model {
namespace {

// What one call may have prepared and not yet run: two slices.
constexpr size_t kSliceSequences = 16;
constexpr int64_t kSliceBytes = int64_t{32} << 20;
constexpr size_t kSlicesAhead = 2;

// Sequences handed to the engine together. The engine's thread fills it, then notifies.
struct Slice {
  std::vector<std::vector<float>> hidden;
  size_t left = 0;
  absl::Status status;
  absl::Notification done;

  void End(const absl::Status& ended) {
    status.Update(ended);
    if (--left == 0) done.Notify();
  }
};

absl::Status CheckCall(const CallOptions& call) {
  if (call.cancel != nullptr && call.cancel->HasBeenNotified()) {
    return absl::CancelledError("cancelled by the caller");
  }
  if (absl::Now() > call.deadline) {
    return absl::DeadlineExceededError("the deadline passed before the model was done");
  }
  return absl::OkStatus();
}

// `first`: the call's first sequence is among them.
absl::StatusOr<std::shared_ptr<Slice>> Submit(Checkpoint& checkpoint, const HiddenCall& call,
                                              std::vector<SequenceInput> inputs, bool first) {
  auto slice = std::make_shared<Slice>();
  slice->hidden.resize(inputs.size());
  slice->left = inputs.size();
  std::vector<EngineRequest> requests;
  for (size_t i = 0; i < inputs.size(); ++i) {
    EngineRequest request;
    request.part = call.part;
    request.call = call.call;
    request.input = std::move(inputs[i]);
    request.on_hidden = [slice, i](std::vector<float> hidden) {
      slice->hidden[i] = std::move(hidden);
    };
    if (first && i == 0) request.on_features = call.on_features;
    request.on_end = [slice](absl::Status status) { slice->End(status); };
    requests.push_back(std::move(request));
  }
  SL_RETURN_IF_ERROR(checkpoint.engine().Submit(std::move(requests)));
  return slice;
}

absl::Status Collect(Slice& slice, std::vector<std::vector<float>>& out) {
  slice.done.WaitForNotification();
  SL_RETURN_IF_ERROR(slice.status);
  for (std::vector<float>& hidden : slice.hidden) {
    for (const float value : hidden) {
      if (!std::isfinite(value)) {
        return absl::InternalError("the network gave a value that is not finite");
      }
    }
    out.push_back(std::move(hidden));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::vector<float>>> LastHiddenStates(Checkpoint& checkpoint,
                                                                 const HiddenCall& call) {
  SL_ASSIGN_OR_RETURN(const Place place, checkpoint.engine().TakePlace(call.part));
  std::vector<std::vector<float>> out;
  std::deque<std::shared_ptr<Slice>> running;
  const auto collect_until = [&](size_t left) -> absl::Status {
    while (running.size() > left) {
      SL_RETURN_IF_ERROR(Collect(*running.front(), out));
      running.pop_front();
    }
    return absl::OkStatus();
  };
  for (size_t next = 0; next < call.count;) {
    std::vector<SequenceInput> inputs;
    int64_t bytes = 0;
    const bool first = next == 0;
    while (next < call.count && inputs.size() < kSliceSequences && bytes < kSliceBytes) {
      SL_RETURN_IF_ERROR(CheckCall(call.call));
      SL_ASSIGN_OR_RETURN(SequenceInput input, call.input(next));
      bytes += input.pixel_bytes();
      inputs.push_back(std::move(input));
      ++next;
      if (next == 1 && call.first_alone) break;
    }
    SL_RETURN_IF_ERROR(collect_until(kSlicesAhead - 1));
    SL_ASSIGN_OR_RETURN(std::shared_ptr<Slice> slice,
                        Submit(checkpoint, call, std::move(inputs), first));
    running.push_back(std::move(slice));
    if (next == 1 && call.first_alone) SL_RETURN_IF_ERROR(collect_until(0));
  }
  SL_RETURN_IF_ERROR(collect_until(0));
  return out;
}

}  // namespace sightline::model
