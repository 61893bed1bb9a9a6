#include "ingest/media/page_list.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace sightline::media {
namespace {

constexpr size_t kMaxCaptionBytes = 2'000;

}  // namespace

bool PageList::Add(const std::function<Reason(Page)>& read) {
  if (refusal_.reason != Reason::kNone) return false;
  const auto count = static_cast<int64_t>(pages_.size());
  if (count >= limits_.max_pages) {
    refusal_ = Failure(Reason::kTooManyPages, count + 1, limits_.max_pages);
    return false;
  }
  ReplyPage page;
  BlockSink sink(limits_.max_text_bytes - text_bytes_);
  page.reason = read({sink, page.figures, page.partial});
  if (sink.overflowed()) {
    refusal_ = Failure(Reason::kTooMuchText, 0, limits_.max_text_bytes);
    return false;
  }
  if (page.reason == Reason::kNone) {
    page.blocks = sink.Take();
    for (const TextBlock& block : page.blocks) {
      text_bytes_ += static_cast<int64_t>(block.text.size());
    }
    for (FigureRef& figure : page.figures) {
      figure.caption.resize(Utf8PrefixLength(figure.caption, kMaxCaptionBytes));
      figure.block = std::min(figure.block, static_cast<uint32_t>(page.blocks.size()));
    }
  } else {
    page.figures.clear();
  }
  pages_.push_back(std::move(page));
  return true;
}

Reply PageList::Finish(std::string media_type, bool has_pages) {
  if (refusal_.reason != Reason::kNone) return std::move(refusal_);
  const bool any = std::any_of(pages_.begin(), pages_.end(),
                               [](const ReplyPage& page) { return page.reason == Reason::kNone; });
  if (!any) return Failure(pages_.empty() ? Reason::kBadDocument : pages_.front().reason);
  Reply reply;
  reply.media_type = std::move(media_type);
  reply.has_pages = has_pages;
  reply.pages = std::move(pages_);
  return reply;
}

}  // namespace sightline::media
