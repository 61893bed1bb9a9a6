#include "ingest/media/markdown.h"

#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>

#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "ingest/media/html.h"
#include "ingest/media/markdown_table.h"
#include "ingest/media/plain_text.h"

namespace sightline::media {
namespace {

using NodePtr = std::unique_ptr<cmark_node, void (*)(cmark_node*)>;

// Nothing a person writes nests quotes and lists so deep; the parser's time grows with its square.
constexpr int kMaxContainers = 100;

// Quote marks and list bullets at the start of some line, one inside the other.
bool NestsTooDeep(absl::string_view text) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    int containers = 0;
    for (const char c : line) {
      if (c == '>' || c == '-' || c == '*' || c == '+') {
        ++containers;
      } else if (c != ' ' && c != '\t') {
        break;
      }
    }
    // A long rule of dashes is no nesting: it has no spaces between its marks, or one kind of mark.
    const bool rule = line.find_first_not_of("-*_ \t\r") == absl::string_view::npos;
    if (containers > kMaxContainers && !rule) return true;
  }
  return false;
}

NodePtr Parse(absl::string_view text) {
  static const bool registered = [] {
    cmark_gfm_core_extensions_ensure_registered();
    return true;
  }();
  static_cast<void>(registered);
  const std::unique_ptr<cmark_parser, void (*)(cmark_parser*)> parser(
      cmark_parser_new(CMARK_OPT_VALIDATE_UTF8), &cmark_parser_free);
  for (const char* name : {"table", "strikethrough"}) {
    if (cmark_syntax_extension* extension = cmark_find_syntax_extension(name)) {
      cmark_parser_attach_syntax_extension(parser.get(), extension);
    }
  }
  cmark_parser_feed(parser.get(), text.data(), text.size());
  return NodePtr(cmark_parser_finish(parser.get()), &cmark_node_free);
}

// Follows the parser's flat sequence of "enter" and "leave" events, so no nesting can exhaust the
// stack.
class DocumentReader {
 public:
  explicit DocumentReader(BlockSink& sink) : sink_(sink) {}

  Reason Read(cmark_node* root) {
    const std::unique_ptr<cmark_iter, void (*)(cmark_iter*)> events(cmark_iter_new(root),
                                                                    &cmark_iter_free);
    Reason reason = Reason::kNone;
    for (auto event = cmark_iter_next(events.get());
         event != CMARK_EVENT_DONE && reason == Reason::kNone;
         event = cmark_iter_next(events.get())) {
      cmark_node* node = cmark_iter_get_node(events.get());
      if (event == CMARK_EVENT_ENTER) {
        reason = Enter(node);
      } else {
        Leave(node);
      }
    }
    return reason;
  }

 private:
  Reason Enter(cmark_node* node) {
    const cmark_node_type type = cmark_node_get_type(node);
    if (type == CMARK_NODE_TEXT || type == CMARK_NODE_CODE) {
      text_.append(cmark_node_get_literal(node));
    } else if (type == CMARK_NODE_SOFTBREAK) {
      text_.push_back(' ');
    } else if (type == CMARK_NODE_LINEBREAK) {
      text_.push_back('\n');
    } else if (type == CMARK_NODE_CODE_BLOCK) {
      sink_.Add(BlockKind::kCode, cmark_node_get_literal(node));
    } else if (type == CMARK_NODE_HTML_BLOCK) {
      return ReadHtml(cmark_node_get_literal(node), sink_);
    } else if (type == CMARK_NODE_ITEM) {
      in_item_ = true;
    } else if (IsTable(node)) {
      table_.Start();
    } else if (IsTableRow(node)) {
      table_.StartRow();
    }
    return Reason::kNone;
  }

  void Leave(cmark_node* node) {
    const cmark_node_type type = cmark_node_get_type(node);
    if (type == CMARK_NODE_PARAGRAPH) {
      Flush(in_item_ ? BlockKind::kListItem : BlockKind::kParagraph, 0);
    } else if (type == CMARK_NODE_HEADING) {
      Flush(BlockKind::kHeading, cmark_node_get_heading_level(node));
    } else if (type == CMARK_NODE_LIST) {
      cmark_node* outer = cmark_node_parent(node);
      in_item_ = outer != nullptr && cmark_node_get_type(outer) == CMARK_NODE_ITEM;
    } else if (IsTableCell(node)) {
      table_.AddCell(text_);
      text_.clear();
    } else if (IsTable(node)) {
      sink_.Add(BlockKind::kTable, table_.Finish());
    }
  }

  void Flush(BlockKind kind, int level) {
    sink_.Add(kind, text_, level);
    text_.clear();
  }

  static absl::string_view TypeName(cmark_node* node) { return cmark_node_get_type_string(node); }
  static bool IsTable(cmark_node* node) { return TypeName(node) == "table"; }
  static bool IsTableRow(cmark_node* node) {
    return TypeName(node) == "table_row" || TypeName(node) == "table_header";
  }
  static bool IsTableCell(cmark_node* node) { return TypeName(node) == "table_cell"; }

  BlockSink& sink_;
  std::string text_;
  bool in_item_ = false;
  MarkdownTable table_;
};

}  // namespace

Reason ReadMarkdown(absl::string_view text, BlockSink& sink) {
  if (NestsTooDeep(text)) {
    ReadPlainText(text, sink);
    return Reason::kNone;
  }
  const NodePtr root = Parse(text);
  return root == nullptr ? Reason::kOutOfMemory : DocumentReader(sink).Read(root.get());
}

}  // namespace sightline::media
