#include "model/attention_cpu.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "model/attention_kernel.h"

namespace sightline::model {
namespace {

// Rows that meet a block of keys together: enough to pay for packing it, few enough that they and
// the block stay in a core's second-level cache.
constexpr int64_t kRowsPerTask = 240;
// Keys of one part of a long cache whose queries are too few to keep all threads busy.
constexpr int64_t kKeysPerPart = 16 * kKeyBlock;

// Rows of a float32 tensor [tokens, heads, d] with neighbouring numbers side by side.
struct HeadRows {
  explicit HeadRows(const at::Tensor& tensor) {
    if (!tensor.defined()) return;
    held = tensor.to(at::kFloat);
    if (held.stride(2) != 1) held = held.contiguous();
    data = held.data_ptr<float>();
    token_stride = held.stride(0);
    head_stride = held.stride(1);
  }
  const float* Row(int64_t token, int64_t head) const {
    return data + token * token_stride + head * head_stride;
  }

  at::Tensor held;
  const float* data = nullptr;
  int64_t token_stride = 0, head_stride = 0;
};

struct Task {
  const AttentionJob* job;
  int64_t head;                // of the keys
  int64_t query, queries;      // inside the job
  int64_t key_begin, key_end;  // of those its last query sees
  float* part = nullptr;       // where an unfinished result goes; null: to the output
};

// What one thread works with.
struct Workspace {
  std::vector<float> q, mixed, highest, sums;
  std::vector<float> keys, values;  // a packed block
};

class Attention {
 public:
  Attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t kv_heads)
      : q_(q),
        k_(k),
        v_(v),
        kv_heads_(kv_heads),
        group_(q.size(1) / kv_heads),
        d_(q.size(2)),
        padded_(PaddedValues(d_)),
        out_(at::empty({q.size(0), q.size(1) * d_}, at::kFloat)) {}

  at::Tensor Run(const std::vector<AttentionJob>& jobs);

 private:
  // Floats of a part: for each of the rows its mixed values, its highest score and its sum.
  int64_t PartFloats(int64_t rows) const { return rows * (padded_ + 2); }
  std::vector<Task> Plan(const std::vector<AttentionJob>& jobs);
  void RunTask(const Task& task, Workspace& space) const;
  template <typename Element>
  KeyBlockView<Element> PageView(const AttentionJob& job, int64_t head, int64_t page,
                                 int64_t count) const {
    return {job.cache->KeyPanels<Element>(job.layer, head, page),
            job.cache->ValueRows<Element>(job.layer, head, page), padded_, count};
  }
  void Pack(const AttentionJob& job, int64_t head, int64_t begin, int64_t count,
            Workspace& space) const;
  void Write(const Task& task, const AttentionRows& rows) const;
  void JoinParts(const Task* first, const Task* end) const;

  const HeadRows q_, k_, v_;
  const int64_t kv_heads_, group_, d_, padded_;
  const at::Tensor out_;
  const AttentionKernels& kernels_ = ChooseAttentionKernels();
  std::vector<float> parts_;
};

at::Tensor Attention::Run(const std::vector<AttentionJob>& jobs) {
  const std::vector<Task> tasks = Plan(jobs);
  int64_t work = 0;
  for (const AttentionJob& job : jobs) work += job.queries * job.keys;
  work *= kv_heads_ * group_ * d_;
  // Tasks differ in length, so each thread takes the next one when it is free.
  const auto count = static_cast<int64_t>(tasks.size());
  const int64_t threads =
      work < (int64_t{1} << 18) ? 1 : std::min<int64_t>(at::get_num_threads(), count);
  std::atomic<int64_t> next{0};
  at::parallel_for(0, threads, 1, [&](int64_t begin, int64_t end) {
    Workspace space;
    for (int64_t i = next++; i < count; i = next++) RunTask(tasks[i], space);
  });
  for (size_t i = 0; i < tasks.size();) {
    size_t end = i + 1;
    if (tasks[i].part != nullptr) {
      while (end < tasks.size() && tasks[end].key_begin > 0) ++end;
      JoinParts(tasks.data() + i, tasks.data() + end);
    }
    i = end;
  }
  return out_;
}

// Tasks that share queries follow one another, in the order of their keys.
std::vector<Task> Attention::Plan(const std::vector<AttentionJob>& jobs) {
  const int64_t step = std::max<int64_t>(1, kRowsPerTask / group_);
  int64_t whole = 0;
  for (const AttentionJob& job : jobs) whole += kv_heads_ * ((job.queries + step - 1) / step);
  const bool cut = whole < at::get_num_threads();
  std::vector<Task> tasks;
  std::vector<int64_t> parts;  // where a task's part starts, else -1
  int64_t floats = 0;
  for (const AttentionJob& job : jobs) {
    for (int64_t head = 0; head < kv_heads_; ++head) {
      for (int64_t query = 0; query < job.queries; query += step) {
        const int64_t queries = std::min(step, job.queries - query);
        const int64_t seen = job.causal ? job.keys - job.queries + query + queries : job.keys;
        // The first query must see a key of each part.
        const bool in_parts = cut && seen >= 2 * kKeysPerPart && queries == 1;
        const int64_t keys = in_parts ? kKeysPerPart : seen;
        for (int64_t begin = 0; begin < seen; begin += keys) {
          tasks.push_back({&job, head, query, queries, begin, std::min(seen, begin + keys)});
          parts.push_back(in_parts ? floats : -1);
          if (in_parts) floats += PartFloats(queries * group_);
        }
      }
    }
  }
  parts_.resize(floats);
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (parts[i] >= 0) tasks[i].part = parts_.data() + parts[i];
  }
  return tasks;
}

void Attention::RunTask(const Task& task, Workspace& space) const {
  const AttentionJob& job = *task.job;
  const int64_t rows = task.queries * group_;
  const float scale =
      static_cast<float>(1.4426950408889634 / std::sqrt(static_cast<double>(d_)));  // log2(e)
  space.q.resize(rows * d_);
  float* to = space.q.data();
  for (int64_t i = 0; i < task.queries; ++i) {
    for (int64_t g = 0; g < group_; ++g) {
      const float* const from = q_.Row(job.first_query + task.query + i, task.head * group_ + g);
      for (int64_t n = 0; n < d_; ++n) *to++ = from[n] * scale;
    }
  }
  space.mixed.assign(rows * padded_, 0.0f);
  space.highest.assign(rows, -std::numeric_limits<float>::infinity());
  space.sums.assign(rows, 0.0f);
  const AttentionRows state = {
      space.q.data(), space.mixed.data(), space.highest.data(), space.sums.data(), rows, d_,
      group_};

  const int64_t first_sees = job.causal ? job.keys - job.queries + task.query + 1 : job.keys;
  for (int64_t begin = task.key_begin; begin < task.key_end; begin += kKeyBlock) {
    const int64_t count = std::min(kKeyBlock, task.key_end - begin);
    const int64_t seen = job.causal ? first_sees - begin : count;
    const int64_t page = begin / kKeyBlock;
    if (job.cache == nullptr) {
      Pack(job, task.head, begin, count, space);
      kernels_.attend_float(state, {space.keys.data(), space.values.data(), padded_, count}, seen);
    } else if (job.cache->layout().type == at::kFloat) {
      kernels_.attend_float(state, PageView<float>(job, task.head, page, count), seen);
    } else {
      kernels_.attend_bf16(state, PageView<Bf16Bits>(job, task.head, page, count), seen);
    }
  }
  Write(task, state);
}

// Brings a block's keys into panels and its values into padded rows.
void Attention::Pack(const AttentionJob& job, int64_t head, int64_t begin, int64_t count,
                     Workspace& space) const {
  space.keys.resize(kKeyBlock * d_);
  space.values.resize(kKeyBlock * padded_);
  for (int64_t j = 0; j < count; ++j) {
    const int64_t token = job.first_key + begin + j;
    const float* const value = v_.Row(token, head);
    std::copy(value, value + d_, space.values.data() + j * padded_);
  }
  // Sixteen keys at a time: as many lines of the cache are written as are read.
  constexpr int64_t kStrip = 16;
  for (int64_t first = 0; first < count; first += kStrip) {
    const int64_t here = std::min(kStrip, count - first);
    const float* const from = k_.Row(job.first_key + begin + first, head);
    float* const to = space.keys.data() + first / kKeyPanel * kKeyPanel * d_ + first % kKeyPanel;
    for (int64_t i = 0; i < d_; ++i) {
      for (int64_t j = 0; j < here; ++j) {
        to[i * kKeyPanel + j] = from[j * k_.token_stride + i];
      }
    }
  }
}

void Attention::Write(const Task& task, const AttentionRows& rows) const {
  if (task.part != nullptr) {
    float* to = std::copy(rows.mixed, rows.mixed + rows.rows * padded_, task.part);
    to = std::copy(rows.highest, rows.highest + rows.rows, to);
    std::copy(rows.weights_sum, rows.weights_sum + rows.rows, to);
    return;
  }
  float* const out = out_.data_ptr<float>();
  for (int64_t r = 0; r < rows.rows; ++r) {
    const int64_t token = task.job->first_query + task.query + r / group_;
    const int64_t head = task.head * group_ + r % group_;
    float* const to = out + (token * kv_heads_ * group_ + head) * d_;
    const float* const from = rows.mixed + r * padded_;
    const float inverse = 1.0f / rows.weights_sum[r];
    for (int64_t n = 0; n < d_; ++n) to[n] = from[n] * inverse;
  }
}

// Brings the parts of one task to the largest of their highest scores and adds them up in the
// first.
void Attention::JoinParts(const Task* first, const Task* end) const {
  const int64_t rows = first->queries * group_;
  float* const mixed = first->part;
  float* const highest = mixed + rows * padded_;
  float* const sums = highest + rows;
  for (const Task* task = first + 1; task < end; ++task) {
    const float* const other = task->part;
    const float* const other_highest = other + rows * padded_;
    const float* const other_sums = other_highest + rows;
    for (int64_t r = 0; r < rows; ++r) {
      const float high = std::max(highest[r], other_highest[r]);
      const float own = std::exp2(highest[r] - high), its = std::exp2(other_highest[r] - high);
      for (int64_t n = r * padded_; n < (r + 1) * padded_; ++n) {
        mixed[n] = mixed[n] * own + other[n] * its;
      }
      sums[r] = sums[r] * own + other_sums[r] * its;
      highest[r] = high;
    }
  }
  Task whole = *first;
  whole.part = nullptr;
  Write(whole, {nullptr, mixed, highest, sums, rows, d_, group_});
}

}  // namespace

at::Tensor CpuAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                        int64_t kv_heads, const std::vector<AttentionJob>& jobs) {
  return Attention(q, k, v, kv_heads).Run(jobs);
}

}  // namespace sightline::model
