#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace sightline::edge {

// One value of a family that is read when the metrics are asked for.
struct Sample {
  std::vector<std::pair<std::string, std::string>> labels = {};
  double value = 0;
};
enum class SampleType { kGauge, kCounter };

// The process's metrics in Prometheus's text form; every name begins with "sightline_". Label
// values are methods, codes, stages and collection names: bounded sets, never text from a request.
// Any thread.
class Metrics {
 public:
  Metrics();
  ~Metrics();

  // sightline_requests_in_flight{method}
  void RequestStarted(absl::string_view method);
  // sightline_requests_total{method,code}, sightline_request_seconds{method}
  void RequestEnded(absl::string_view method, absl::string_view code, absl::Duration elapsed);
  // sightline_http_requests_total{route,status}, sightline_http_request_seconds{route}
  void HttpRequestEnded(absl::string_view route, int status, absl::Duration elapsed);
  // sightline_stage_seconds{stage}; stages: rewrite, encode, retrieval, patches, rerank,
  // second_look, draft, answer
  void StageDone(absl::string_view stage, absl::Duration elapsed);
  // sightline_time_to_first_token_seconds
  void FirstToken(absl::Duration elapsed);
  // sightline_generation_tokens_total, sightline_prompt_tokens_total
  void TokensUsed(int prompt, int generated);

  // Adds the family sightline_`name`, read by `read` at every Text(). `read` is called on the
  // caller's thread of Text and must outlive this object's last Text().
  void AddCallback(const std::string& name, const std::string& help, SampleType type,
                   std::function<std::vector<Sample>()> read);

  // Text exposition format 0.0.4.
  std::string Text() const;

 private:
  struct Families;
  const std::unique_ptr<Families> families_;
};

}  // namespace sightline::edge
