#include "services/edge/request_log.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "services/edge/local_context.h"

namespace sightline::edge {
namespace {

constexpr char kTimingKey[] = "server-timing";

// "/sightline.v1.QueryService/Search" -> "QueryService/Search"
absl::string_view ShortMethod(absl::string_view method) {
  const size_t dot = method.rfind('.');
  return dot == absl::string_view::npos ? method : method.substr(dot + 1);
}

class RequestLog : public grpc::experimental::Interceptor {
 public:
  RequestLog(Metrics& metrics, const char* method) : record_(metrics, method) {}

  // gRPC destroys the interceptor with the call, so a call that never came to send a status is
  // recorded too.
  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(
            grpc::experimental::InterceptionHookPoints::PRE_SEND_STATUS)) {
      std::string stages;
      const auto* trailers = methods->GetSendTrailingMetadata();
      if (trailers != nullptr) {
        const auto found = trailers->find(kTimingKey);
        if (found != trailers->end()) stages = found->second;
      }
      record_.End(static_cast<absl::StatusCode>(methods->GetSendStatus().error_code()), stages);
    }
    methods->Proceed();
  }

 private:
  RequestRecord record_;
};

class RequestLogFactory : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit RequestLogFactory(Metrics& metrics) : metrics_(metrics) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override {
    return new RequestLog(metrics_, info->method());
  }

 private:
  Metrics& metrics_;
};

}  // namespace

void ReportStages(grpc::ServerContext& context, const Stages& stages) {
  std::string text = absl::StrJoin(stages, ", ", [](std::string* out, const auto& stage) {
    absl::StrAppendFormat(out, "%s;dur=%.3f", stage.first, stage.second);
  });
  if (auto* const local = dynamic_cast<LocalContext*>(&context); local != nullptr) {
    local->stages = std::move(text);
  } else {
    context.AddTrailingMetadata(kTimingKey, text);
  }
}

RequestRecord::RequestRecord(Metrics& metrics, absl::string_view method)
    : metrics_(metrics),
      method_(ShortMethod(method)),
      level_(absl::StrContains(method, "grpc.health") ? log::Level::kDebug : log::Level::kInfo),
      start_(absl::Now()) {
  metrics_.RequestStarted(method_);
}

void RequestRecord::End(absl::StatusCode code, absl::string_view stages) {
  if (ended_) return;
  ended_ = true;
  const absl::Duration elapsed = absl::Now() - start_;
  const std::string name = absl::StatusCodeToString(code);
  metrics_.RequestEnded(method_, name, elapsed);
  log::Write(level_, "request",
             {{"method", method_},
              {"code", name},
              {"ms", absl::ToDoubleMilliseconds(elapsed)},
              {"stages", stages}});
}

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeRequestLog(
    Metrics& metrics) {
  return std::make_unique<RequestLogFactory>(metrics);
}

}  // namespace sightline::edge
