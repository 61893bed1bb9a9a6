#include "services/edge/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"

namespace sightline::edge {
namespace {

constexpr char kPrefix[] = "sightline_";

// Seconds: from a lexical search on a small corpus to a long answer on a slow machine.
const prometheus::Histogram::BucketBoundaries kLatencyBuckets = {
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120};

struct CallbackFamily {
  std::string name;
  std::string help;
  SampleType type;
  std::function<std::vector<Sample>()> read;
};

prometheus::MetricFamily Read(const CallbackFamily& family) {
  prometheus::MetricFamily out;
  out.name = absl::StrCat(kPrefix, family.name);
  out.help = family.help;
  out.type = family.type == SampleType::kGauge ? prometheus::MetricType::Gauge
                                               : prometheus::MetricType::Counter;
  for (const Sample& sample : family.read()) {
    prometheus::ClientMetric metric;
    for (const auto& [name, value] : sample.labels) metric.label.push_back({name, value});
    if (family.type == SampleType::kGauge) {
      metric.gauge.value = sample.value;
    } else {
      metric.counter.value = sample.value;
    }
    out.metric.push_back(std::move(metric));
  }
  return out;
}

}  // namespace

struct Metrics::Families {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Gauge>& in_flight = prometheus::BuildGauge()
                                                         .Name("sightline_requests_in_flight")
                                                         .Help("Requests being worked on")
                                                         .Register(registry);
  prometheus::Family<prometheus::Counter>& requests = prometheus::BuildCounter()
                                                          .Name("sightline_requests_total")
                                                          .Help("Requests that ended")
                                                          .Register(registry);
  prometheus::Family<prometheus::Histogram>& request_seconds =
      prometheus::BuildHistogram()
          .Name("sightline_request_seconds")
          .Help("Time from a request's start to its status")
          .Register(registry);
  prometheus::Family<prometheus::Histogram>& stage_seconds =
      prometheus::BuildHistogram()
          .Name("sightline_stage_seconds")
          .Help("Time of one stage of a query")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& http_requests =
      prometheus::BuildCounter()
          .Name("sightline_http_requests_total")
          .Help("REST requests that ended")
          .Register(registry);
  prometheus::Family<prometheus::Histogram>& http_request_seconds =
      prometheus::BuildHistogram()
          .Name("sightline_http_request_seconds")
          .Help("Time of a REST request")
          .Register(registry);
  prometheus::Histogram& first_token =
      prometheus::BuildHistogram()
          .Name("sightline_time_to_first_token_seconds")
          .Help("Time from the start of generation to its first text")
          .Register(registry)
          .Add({}, kLatencyBuckets);
  prometheus::Counter& prompt_tokens = prometheus::BuildCounter()
                                           .Name("sightline_prompt_tokens_total")
                                           .Help("Tokens read by the generator")
                                           .Register(registry)
                                           .Add({});
  prometheus::Counter& generation_tokens = prometheus::BuildCounter()
                                               .Name("sightline_generation_tokens_total")
                                               .Help("Tokens written by the generator")
                                               .Register(registry)
                                               .Add({});

  mutable absl::Mutex mu;
  std::vector<CallbackFamily> callbacks ABSL_GUARDED_BY(mu);
};

Metrics::Metrics() : families_(std::make_unique<Families>()) {}
Metrics::~Metrics() = default;

void Metrics::RequestStarted(absl::string_view method) {
  families_->in_flight.Add({{"method", std::string(method)}}).Increment();
}

void Metrics::RequestEnded(absl::string_view method, absl::string_view code,
                           absl::Duration elapsed) {
  const std::string name(method);
  families_->in_flight.Add({{"method", name}}).Decrement();
  families_->requests.Add({{"method", name}, {"code", std::string(code)}}).Increment();
  families_->request_seconds.Add({{"method", name}}, kLatencyBuckets)
      .Observe(absl::ToDoubleSeconds(elapsed));
}

void Metrics::HttpRequestEnded(absl::string_view route, int status, absl::Duration elapsed) {
  const std::string name(route);
  families_->http_requests.Add({{"route", name}, {"status", std::to_string(status)}}).Increment();
  families_->http_request_seconds.Add({{"route", name}}, kLatencyBuckets)
      .Observe(absl::ToDoubleSeconds(elapsed));
}

void Metrics::StageDone(absl::string_view stage, absl::Duration elapsed) {
  families_->stage_seconds.Add({{"stage", std::string(stage)}}, kLatencyBuckets)
      .Observe(absl::ToDoubleSeconds(elapsed));
}

void Metrics::FirstToken(absl::Duration elapsed) {
  families_->first_token.Observe(absl::ToDoubleSeconds(elapsed));
}

void Metrics::TokensUsed(int prompt, int generated) {
  families_->prompt_tokens.Increment(prompt);
  families_->generation_tokens.Increment(generated);
}

void Metrics::AddCallback(const std::string& name, const std::string& help, SampleType type,
                          std::function<std::vector<Sample>()> read) {
  absl::MutexLock lock(&families_->mu);
  families_->callbacks.push_back({name, help, type, std::move(read)});
}

std::string Metrics::Text() const {
  std::vector<prometheus::MetricFamily> all = families_->registry.Collect();
  std::vector<CallbackFamily> callbacks;
  {
    absl::MutexLock lock(&families_->mu);
    callbacks = families_->callbacks;
  }
  for (const CallbackFamily& family : callbacks) all.push_back(Read(family));
  return prometheus::TextSerializer().Serialize(all);
}

}  // namespace sightline::edge
