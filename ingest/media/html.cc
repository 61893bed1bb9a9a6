#include "ingest/media/html.h"

#include <gumbo.h>

#include <algorithm>
#include <csetjmp>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/utf8.h"
#include "ingest/media/html_depth.h"
#include "ingest/media/markdown_table.h"

namespace sightline::media {
namespace {

constexpr int kMaxDepth = 1000;
constexpr size_t kMaxFigures = 2'000;
constexpr size_t kMaxCaptionBytes = 2'000;
constexpr size_t kFirstChunkBytes = size_t{64} << 10;
constexpr size_t kLargestChunkBytes = size_t{8} << 20;
constexpr size_t kMaxArenaBytes = size_t{512} << 20;

// All memory of one parse, given back at once: the library's own clean-up recurses as deep as the
// page nests. Out of memory leaves the parser by a jump, since it would use the null pointer.
class Arena {
 public:
  // Where to continue when memory runs out; set before parsing.
  std::jmp_buf& out_of_memory() { return out_of_memory_; }

  static void* Allocate(void* self, size_t size) {
    return static_cast<Arena*>(self)->AllocateBytes(size);
  }
  static void Free(void*, void*) {}

 private:
  void* AllocateBytes(size_t size) {
    size = (size + 15) & ~size_t{15};
    if (size > left_) AddChunk(std::max(size, chunk_bytes_));
    char* out = next_;
    next_ += size;
    left_ -= size;
    return out;
  }

  void AddChunk(size_t size) {
    char* chunk = total_ + size > kMaxArenaBytes ? nullptr : static_cast<char*>(std::malloc(size));
    if (chunk == nullptr) std::longjmp(out_of_memory_, 1);
    chunks_.emplace_back(chunk, &std::free);
    total_ += size;
    chunk_bytes_ = std::min(2 * chunk_bytes_, kLargestChunkBytes);
    next_ = chunk;
    left_ = size;
  }

  std::jmp_buf out_of_memory_;
  std::vector<std::unique_ptr<char, void (*)(void*)>> chunks_;
  size_t chunk_bytes_ = kFirstChunkBytes;
  size_t total_ = 0;
  char* next_ = nullptr;
  size_t left_ = 0;
};

bool IsHidden(const GumboElement& element) {
  if (gumbo_get_attribute(&element.attributes, "hidden") != nullptr) return true;
  const GumboAttribute* style = gumbo_get_attribute(&element.attributes, "style");
  if (style == nullptr) return false;
  const std::string rules =
      absl::StrReplaceAll(absl::AsciiStrToLower(style->value), {{" ", ""}, {"\t", ""}});
  return absl::StrContains(rules, "display:none") || absl::StrContains(rules, "visibility:hidden");
}

bool IsDropped(const GumboElement& element) {
  switch (element.tag) {
    case GUMBO_TAG_SCRIPT:
    case GUMBO_TAG_STYLE:
    case GUMBO_TAG_TEMPLATE:
    case GUMBO_TAG_NOSCRIPT:
    case GUMBO_TAG_IFRAME:
    case GUMBO_TAG_OBJECT:
    case GUMBO_TAG_SVG:
    case GUMBO_TAG_MATH:
    case GUMBO_TAG_SELECT:
    case GUMBO_TAG_TEXTAREA: return true;
    default: return IsHidden(element);
  }
}

bool IsBlockElement(GumboTag tag) {
  static constexpr GumboTag kBlocks[] = {
      GUMBO_TAG_TITLE,   GUMBO_TAG_BODY,    GUMBO_TAG_DIV,      GUMBO_TAG_P,
      GUMBO_TAG_H1,      GUMBO_TAG_H2,      GUMBO_TAG_H3,       GUMBO_TAG_H4,
      GUMBO_TAG_H5,      GUMBO_TAG_H6,      GUMBO_TAG_UL,       GUMBO_TAG_OL,
      GUMBO_TAG_LI,      GUMBO_TAG_DL,      GUMBO_TAG_DT,       GUMBO_TAG_DD,
      GUMBO_TAG_PRE,     GUMBO_TAG_SECTION, GUMBO_TAG_ARTICLE,  GUMBO_TAG_HEADER,
      GUMBO_TAG_FOOTER,  GUMBO_TAG_NAV,     GUMBO_TAG_ASIDE,    GUMBO_TAG_MAIN,
      GUMBO_TAG_FIGURE,  GUMBO_TAG_HR,      GUMBO_TAG_TABLE,    GUMBO_TAG_CAPTION,
      GUMBO_TAG_ADDRESS, GUMBO_TAG_DETAILS, GUMBO_TAG_SUMMARY,  GUMBO_TAG_BLOCKQUOTE,
      GUMBO_TAG_FORM,    GUMBO_TAG_CENTER,  GUMBO_TAG_FIELDSET, GUMBO_TAG_FIGCAPTION};
  return std::find(std::begin(kBlocks), std::end(kBlocks), tag) != std::end(kBlocks);
}

int HeadingLevelOf(GumboTag tag) {
  switch (tag) {
    case GUMBO_TAG_TITLE:
    case GUMBO_TAG_H1: return 1;
    case GUMBO_TAG_H2: return 2;
    case GUMBO_TAG_H3: return 3;
    case GUMBO_TAG_H4: return 4;
    case GUMBO_TAG_H5: return 5;
    case GUMBO_TAG_H6: return 6;
    default: return 0;
  }
}

// Text in inline order: runs of white space are one space, unless they are code.
void AppendText(absl::string_view text, bool verbatim, std::string& out) {
  if (verbatim) {
    out.append(text.data(), text.size());
    return;
  }
  for (const char c : text) {
    const bool space = absl::ascii_isspace(static_cast<unsigned char>(c));
    if (!space) {
      out.push_back(c);
    } else if (!out.empty() && out.back() != ' ' && out.back() != '\n') {
      out.push_back(' ');
    }
  }
}

// Walks a parsed page with a stack of its own: pages may nest deeper than ours.
class PageReader {
 public:
  // With `figures` the page is a part of something larger, and pictures go there.
  PageReader(BlockSink& sink, std::vector<FigureRef>* figures) : sink_(sink), figures_(figures) {}

  void Read(const GumboNode* root) {
    Enter(root);
    while (!stack_.empty()) {
      Place& place = stack_.back();
      const GumboVector& children = place.node->v.element.children;
      if (place.next_child == children.length) {
        Leave();
      } else {
        Visit(static_cast<const GumboNode*>(children.data[place.next_child++]));
      }
    }
    Flush();
  }

 private:
  struct Place {
    const GumboNode* node;
    unsigned next_child = 0;
    BlockKind kind_before;  // to go back to when the element ends
    int level_before;
  };

  void Visit(const GumboNode* node) {
    switch (node->type) {
      case GUMBO_NODE_TEXT:
      case GUMBO_NODE_WHITESPACE:
      case GUMBO_NODE_CDATA:
        AppendText(node->v.text.text, kind_ == BlockKind::kCode && !table_.InTable(), text_);
        break;
      case GUMBO_NODE_ELEMENT:
        if (!IsDropped(node->v.element) && !IsTitleOfPart(node->v.element)) Enter(node);
        break;
      case GUMBO_NODE_DOCUMENT:
      case GUMBO_NODE_COMMENT:
      case GUMBO_NODE_TEMPLATE: break;
    }
  }

  void Enter(const GumboNode* node) {
    const GumboElement& element = node->v.element;
    stack_.push_back({node, 0, kind_, level_});
    if (table_.InTable()) {
      EnterInTable(element.tag);
    } else if (IsBlockElement(element.tag)) {
      Flush();
      StartBlock(element.tag);
    }
    if (element.tag == GUMBO_TAG_BR) text_.push_back(table_.InTable() ? ' ' : '\n');
    if (element.tag == GUMBO_TAG_IMG && !TakeFigure(element)) AppendAlternative(element);
  }

  void StartBlock(GumboTag tag) {
    level_ = HeadingLevelOf(tag);
    if (level_ > 0) {
      kind_ = BlockKind::kHeading;
    } else if (tag == GUMBO_TAG_LI || tag == GUMBO_TAG_DD || tag == GUMBO_TAG_DT) {
      kind_ = BlockKind::kListItem;
    } else if (tag == GUMBO_TAG_PRE) {
      kind_ = BlockKind::kCode;
    } else if (tag == GUMBO_TAG_FIGCAPTION || tag == GUMBO_TAG_CAPTION) {
      kind_ = BlockKind::kCaption;
    } else if (tag == GUMBO_TAG_TABLE) {
      table_.Start();
    } else if (kind_ != BlockKind::kListItem) {  // a paragraph in a list item is still the item's
      kind_ = BlockKind::kParagraph;
    }
  }

  // A table inside a table is part of the cell.
  void EnterInTable(GumboTag tag) {
    if (tag == GUMBO_TAG_TABLE) ++inner_tables_;
    if (inner_tables_ == 0 && tag == GUMBO_TAG_TR) {
      EndCell();
      table_.StartRow();
    } else if (IsBlockElement(tag) || tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH) {
      AppendText(" ", false, text_);
    }
  }

  void Leave() {
    const Place place = stack_.back();
    stack_.pop_back();
    const GumboTag tag = place.node->v.element.tag;
    if (table_.InTable()) {
      LeaveInTable(tag);
    } else if (IsBlockElement(tag)) {
      Flush();
    }
    if (!table_.InTable()) {
      kind_ = place.kind_before;
      level_ = place.level_before;
    }
  }

  void LeaveInTable(GumboTag tag) {
    if (tag == GUMBO_TAG_TABLE && inner_tables_ > 0) {
      --inner_tables_;
    } else if (tag == GUMBO_TAG_TABLE) {
      EndCell();
      sink_.Add(BlockKind::kTable, table_.Finish());
    } else if (inner_tables_ == 0 && tag == GUMBO_TAG_CAPTION) {
      sink_.Add(BlockKind::kCaption, text_);
      text_.clear();
    } else if (inner_tables_ == 0 && (tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH)) {
      table_.AddCell(text_);
      text_.clear();
    }
  }

  // Text between cells, which only malformed tables have.
  void EndCell() {
    if (!absl::StripAsciiWhitespace(text_).empty()) table_.AddCell(text_);
    text_.clear();
  }

  bool IsTitleOfPart(const GumboElement& element) const {
    return figures_ != nullptr && element.tag == GUMBO_TAG_TITLE;
  }

  bool TakeFigure(const GumboElement& element) {
    const GumboAttribute* source = gumbo_get_attribute(&element.attributes, "src");
    if (figures_ == nullptr || source == nullptr || figures_->size() >= kMaxFigures) return false;
    const GumboAttribute* words = gumbo_get_attribute(&element.attributes, "alt");
    figures_->push_back({.part = source->value,
                         .caption = words == nullptr ? "" : words->value,
                         .block = static_cast<uint32_t>(sink_.blocks().size())});
    return true;
  }

  // What stands under pictures says what they show.
  void TakeCaption(absl::string_view text) {
    if (figures_ == nullptr || text.empty()) return;
    if (kind_ == BlockKind::kCaption) {
      for (size_t i = captioned_; i < figures_->size(); ++i) {
        std::string& caption = (*figures_)[i].caption;
        absl::StrAppend(&caption, caption.empty() ? "" : "\n",
                        text.substr(0, Utf8PrefixLength(text, kMaxCaptionBytes)));
      }
    }
    captioned_ = figures_->size();
  }

  void AppendAlternative(const GumboElement& element) {
    const GumboAttribute* alternative = gumbo_get_attribute(&element.attributes, "alt");
    if (alternative == nullptr || *alternative->value == '\0') return;
    AppendText(" ", false, text_);
    AppendText(alternative->value, false, text_);
    AppendText(" ", false, text_);
  }

  // A page's title is often its first heading as well.
  void Flush() {
    const absl::string_view text = absl::StripAsciiWhitespace(text_);
    const bool repeats_title = level_ == 1 && sink_.blocks().size() == 1 &&
                               sink_.blocks().front().kind == BlockKind::kHeading &&
                               sink_.blocks().front().text == text;
    TakeCaption(text);
    if (!repeats_title) sink_.Add(kind_, kind_ == BlockKind::kCode ? text_ : text, level_);
    text_.clear();
  }

  BlockSink& sink_;
  std::vector<FigureRef>* const figures_;
  size_t captioned_ = 0;  // the first of figures_ that a caption would belong to
  std::vector<Place> stack_;
  BlockKind kind_ = BlockKind::kParagraph;
  int level_ = 0;
  std::string text_;
  MarkdownTable table_;
  int inner_tables_ = 0;
};

// Apart from everything with a destructor, since it may be left by a jump.
GumboOutput* Parse(absl::string_view html, Arena& arena) {
  GumboOptions options = kGumboDefaultOptions;
  options.allocator = &Arena::Allocate;
  options.deallocator = &Arena::Free;
  options.userdata = &arena;
  options.max_errors = 0;
  if (setjmp(arena.out_of_memory()) != 0) return nullptr;
  return gumbo_parse_with_options(&options, html.data(), html.size());
}

Reason Read(absl::string_view html, BlockSink& sink, std::vector<FigureRef>* figures) {
  if (EstimateHtmlDepth(html) > kMaxDepth) return Reason::kTooDeep;
  Arena arena;
  const GumboOutput* output = Parse(html, arena);
  if (output == nullptr) return Reason::kOutOfMemory;
  PageReader(sink, figures).Read(output->root);
  return Reason::kNone;
}

// In XML an element may end where it starts; in HTML the rest of the page would be its content.
std::string WithEndTags(absl::string_view xhtml) {
  std::string out;
  out.reserve(xhtml.size());
  for (size_t at = 0; at < xhtml.size();) {
    const size_t start = std::min(xhtml.find('<', at), xhtml.size());
    const size_t end = std::min(xhtml.find('>', start), xhtml.size() - 1) + 1;
    absl::StrAppend(&out, xhtml.substr(at, end - at));
    at = end;
    if (end - start < 3 || xhtml[end - 2] != '/') continue;
    const absl::string_view tag = xhtml.substr(start + 1, end - start - 3);
    const absl::string_view name = tag.substr(0, tag.find_first_of(" \t\r\n"));
    for (absl::string_view whole : {"title", "script", "style", "a", "div", "p", "span", "textarea",
                                    "iframe", "noscript", "td", "th", "i", "b", "em"}) {
      if (name != whole) continue;
      out.resize(out.size() - 2);
      absl::StrAppend(&out, "></", name, ">");
    }
  }
  return out;
}

}  // namespace

Reason ReadHtml(absl::string_view html, BlockSink& sink) { return Read(html, sink, nullptr); }

Reason ReadXhtmlPart(absl::string_view xhtml, BlockSink& sink, std::vector<FigureRef>& figures) {
  return Read(WithEndTags(xhtml), sink, &figures);
}

}  // namespace sightline::media
