#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ingest/media/block_sink.h"
#include "ingest/media/messages.h"

namespace sightline::media {

// Collects the pages of a document within the limits on all of them.
class PageList {
 public:
  explicit PageList(const MediaLimits& limits) : limits_(limits) {}

  // What `read` puts the page into. Set `partial` where the page is kept and something of it was
  // left out.
  struct Page {
    BlockSink& sink;
    std::vector<FigureRef>& figures;
    Reason& partial;
  };
  // Adds a page. A reason that `read` returns costs that page only. False, without reading, once
  // there are more pages or more text than may be.
  bool Add(const std::function<Reason(Page)>& read);

  // The document as a reply. It fails as a whole when a limit was passed or no page could be read.
  Reply Finish(std::string media_type, bool has_pages);

 private:
  const MediaLimits& limits_;
  int64_t text_bytes_ = 0;
  Reply refusal_;
  std::vector<ReplyPage> pages_;
};

}  // namespace sightline::media
