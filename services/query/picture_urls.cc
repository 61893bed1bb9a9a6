#include "services/query/picture_urls.h"

#include <algorithm>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "services/edge/error_details.h"
#include "services/query/content.h"

namespace sightline::query {
namespace {

// One URL and the first part that names it.
struct Wanted {
  std::string url;
  std::string field;
};

// The distinct URLs in order of their parts.
absl::StatusOr<std::vector<Wanted>> FindUrls(std::span<const NamedParts> lists,
                                             const ContentLimits& limits) {
  std::vector<Wanted> out;
  for (const auto& [parts, field] : lists) {
    int pictures = 0;
    for (int i = 0; i < parts.size(); ++i) {
      const v1::Content& part = parts[i];
      const bool named = part.part_case() == v1::Content::kImageUri;
      if (!named && part.part_case() != v1::Content::kImage) continue;
      const std::string at = absl::StrCat(field, "[", i, "].", named ? "image_uri" : "image");
      if (++pictures > limits.max_pictures) {
        return edge::InvalidField(at, absl::StrCat("more than ", limits.max_pictures, " pictures"),
                                  "too_many_pictures");
      }
      if (!named || !IsHttpUrl(part.image_uri())) continue;
      const bool known = std::any_of(out.begin(), out.end(), [&](const Wanted& wanted) {
        return wanted.url == part.image_uri();
      });
      if (!known) out.push_back({part.image_uri(), at});
      if (out.size() > static_cast<size_t>(limits.max_urls)) {
        return edge::InvalidField(
            at, absl::StrCat("the request names more than ", limits.max_urls, " URLs"),
            "too_many_urls");
      }
    }
  }
  return out;
}

}  // namespace

absl::StatusOr<FetchedPictures> FetchPictures(std::span<const NamedParts> lists,
                                              const ContentLimits& limits,
                                              const fetch::UrlFetcher* fetcher,
                                              const edge::CallLimits& call) {
  if (fetcher == nullptr) return FetchedPictures();
  SL_ASSIGN_OR_RETURN(const std::vector<Wanted> wanted, FindUrls(lists, limits));
  std::vector<absl::StatusOr<fetch::FetchReply>> replies(wanted.size());
  const fetch::FetchLimits until = {
      .deadline = call.deadline,
      .stopped = [&call] { return call.cancel != nullptr && call.cancel->HasBeenNotified(); }};
  const auto run = [&](size_t i) {
    replies[i] = fetcher->Fetch(
        {.url = wanted[i].url, .max_bytes = static_cast<int64_t>(limits.max_picture_bytes)}, until);
  };
  {
    std::vector<std::jthread> threads;
    for (size_t i = 1; i < wanted.size(); ++i) threads.emplace_back(run, i);
    if (!wanted.empty()) run(0);
  }
  FetchedPictures out;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!replies[i].ok()) {
      const auto& [url, field] = wanted[i];
      return edge::WithField(
          Annotate(replies[i].status(), absl::StrCat(field, ": ", fetch::ShownUrl(url))), field);
    }
    out.emplace(wanted[i].url, std::move(replies[i]->bytes));
  }
  return out;
}

bool IsHttpUrl(absl::string_view uri) {
  return absl::StartsWithIgnoreCase(uri, "http:") || absl::StartsWithIgnoreCase(uri, "https:");
}

}  // namespace sightline::query
