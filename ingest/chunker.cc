#include "ingest/chunker.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/utf8.h"
#include "ingest/segments.h"

namespace sightline::ingest {
namespace {

constexpr size_t kMaxHeadingBytes = 300;
constexpr size_t kMaxCaptionBytes = 100;  // of a block that counts to a table's caption
constexpr int kCaptionLevel = 7;          // below all headings
// No tokenizer makes tokens this long of real text, so a longer text is cut before it is counted:
// some tokenizers need quadratic time for a run of letters.
constexpr size_t kMaxBytesPerToken = 16;
// Seconds, of what is said in one passage and between two that belong together.
constexpr double kLongestTalk = 60;
constexpr double kLongestPause = 5;

// What is never cut: a sentence, a line of a table, a piece of either.
struct Unit {
  std::string text;  // with the space behind it
  size_t begin = 0;  // of `text` in that of its block
  int tokens = 0;
  std::vector<TextLine> lines = {};
  std::optional<Box> box = std::nullopt;
  std::optional<media::TimeSpan> time = std::nullopt;
  std::optional<float> confidence = std::nullopt;
  bool starts_block = false;
};

absl::string_view Trim(absl::string_view text) { return absl::StripTrailingAsciiWhitespace(text); }

void Include(const std::optional<Box>& more, std::optional<Box>& box) {
  if (!more.has_value()) return;
  box = box.has_value() ? Around(*box, *more) : *more;
}

void Include(const std::optional<media::TimeSpan>& more, std::optional<media::TimeSpan>& time) {
  if (!more.has_value()) return;
  if (!time.has_value()) time = more;
  time->start = std::min(time->start, more->start);
  time->end = std::max(time->end, more->end);
}

// The mean of those that have one, each counting as its text is long.
std::optional<float> MeanConfidence(std::span<const Unit> units) {
  double sum = 0;
  double weight = 0;
  for (const Unit& unit : units) {
    if (!unit.confidence.has_value()) continue;
    sum += static_cast<double>(*unit.confidence) * static_cast<double>(unit.text.size());
    weight += static_cast<double>(unit.text.size());
  }
  if (weight == 0) return std::nullopt;
  return static_cast<float>(sum / weight);
}

struct Joined {
  std::string text;
  std::vector<TextLine> lines;
};

Joined JoinUnits(std::span<const Unit> units) {
  Joined out;
  for (const Unit& unit : units) {
    if (unit.starts_block && !out.text.empty()) {
      out.text.resize(Trim(out.text).size());
      out.text += '\n';
    }
    AppendLines(unit.lines, out.text.size(), out.lines);
    out.text += unit.text;
  }
  out.text.resize(Trim(out.text).size());
  out.lines = LinesWithin(out.lines, 0, out.text.size());
  return out;
}

int SumTokens(std::span<const Unit> units) {
  int sum = 0;
  for (const Unit& unit : units) sum += unit.tokens;
  return sum;
}

// Fills passages with units, up to the token bound.
class Packer {
 public:
  Packer(index::PassageKind kind, const ChunkOptions& options, const TokenCounter& count,
         std::vector<TextPassage>& out)
      : kind_(kind), options_(options), count_(count), out_(out) {}

  // What every passage after the first begins with, instead of an overlap.
  void RepeatHead(std::vector<Unit> head) { head_ = std::move(head); }
  void SetHeading(std::string heading) { heading_ = std::move(heading); }

  absl::Status Add(Unit unit) {
    if (HasNew() && SumTokens(units_) + unit.tokens > options_.passage_tokens) {
      SL_RETURN_IF_ERROR(Emit());
      DropOldUntilFits(unit.tokens);
    }
    units_.push_back(std::move(unit));
    return absl::OkStatus();
  }

  // Ends the section: what follows overlaps nothing before it.
  absl::Status Flush() {
    while (HasNew()) SL_RETURN_IF_ERROR(Emit());
    units_.clear();
    old_ = 0;
    return absl::OkStatus();
  }

 private:
  bool HasNew() const { return units_.size() > old_; }

  void DropOldUntilFits(int tokens) {
    while (old_ > 0 && SumTokens(units_) + tokens > options_.passage_tokens) DropFirst();
  }

  // The first of what an earlier passage holds; of a head all, since its parts mean nothing alone.
  void DropFirst() {
    const size_t count = head_.empty() ? 1 : old_;
    units_.erase(units_.begin(), units_.begin() + static_cast<ptrdiff_t>(count));
    old_ -= count;
  }

  // Writes one passage of the units at hand. Tokens of a joined text may be more than the sum over
  // its sentences, so the whole is counted again and what does not fit is left for the next
  // passage.
  absl::Status Emit() {
    std::vector<Unit> rest;
    Joined joined = JoinUnits(units_);
    SL_ASSIGN_OR_RETURN(int tokens, count_(joined.text));
    while (tokens > options_.passage_tokens && units_.size() > 1) {
      // A table keeps its head as long as a row of its own stays with it.
      const bool keep_head = !head_.empty() && units_.size() > old_ + 1;
      if (old_ > 0 && !keep_head) {
        DropFirst();
      } else {
        rest.insert(rest.begin(), std::move(units_.back()));
        units_.pop_back();
      }
      joined = JoinUnits(units_);
      SL_ASSIGN_OR_RETURN(tokens, count_(joined.text));
    }
    TextPassage passage;
    passage.kind = kind_;
    passage.text = std::move(joined.text);
    passage.lines = std::move(joined.lines);
    passage.heading = heading_;
    passage.token_count = tokens;
    for (const Unit& unit : units_) {
      Include(unit.box, passage.box);
      Include(unit.time, passage.time);
    }
    passage.confidence = MeanConfidence(units_);
    out_.push_back(std::move(passage));
    KeepOverlap();
    for (Unit& unit : rest) units_.push_back(std::move(unit));
    return absl::OkStatus();
  }

  void KeepOverlap() {
    if (!head_.empty()) {
      units_ = head_;
    } else {
      size_t keep = 0;
      int tokens = 0;
      // Never all of it: the next passage would then repeat this one whole.
      while (keep + 1 < units_.size()) {
        tokens += units_[units_.size() - 1 - keep].tokens;
        if (tokens > options_.overlap_tokens) break;
        ++keep;
      }
      units_.erase(units_.begin(), units_.end() - static_cast<ptrdiff_t>(keep));
    }
    old_ = units_.size();
  }

  const index::PassageKind kind_;
  const ChunkOptions& options_;
  const TokenCounter& count_;
  std::vector<TextPassage>& out_;
  std::vector<Unit> head_;
  std::vector<Unit> units_;
  size_t old_ = 0;  // the first units that an earlier passage holds already
  std::string heading_;
};

// Cuts `text`, which stands at `begin` of its block's, into pieces of at most `limit` tokens.
absl::Status SplitToFit(absl::string_view text, size_t begin, int limit, const TokenCounter& count,
                        std::vector<Unit>& out) {
  if (Trim(text).empty()) return absl::OkStatus();
  const bool countable = text.size() <= static_cast<size_t>(limit) * kMaxBytesPerToken;
  int tokens = 0;
  if (countable) {
    SL_ASSIGN_OR_RETURN(tokens, count(Trim(text)));
    if (tokens <= limit) {
      out.push_back({.text = std::string(text), .begin = begin, .tokens = tokens});
      return absl::OkStatus();
    }
  }
  SL_ASSIGN_OR_RETURN(const size_t middle, BreakNearMiddle(text));
  if (middle == 0) {
    out.push_back({.text = std::string(text), .begin = begin, .tokens = tokens});
    return absl::OkStatus();
  }
  SL_RETURN_IF_ERROR(SplitToFit(text.substr(0, middle), begin, limit, count, out));
  return SplitToFit(text.substr(middle), begin + middle, limit, count, out);
}

// `lines`: of the text that the units stand in.
void MarkBlock(const media::TextBlock& block, std::span<const TextLine> lines,
               std::vector<Unit>& units) {
  for (Unit& unit : units) {
    unit.lines = LinesWithin(lines, unit.begin, unit.begin + unit.text.size());
    unit.box = block.box;
    unit.time = block.time;
    unit.confidence = block.confidence;
  }
  if (!units.empty()) units.front().starts_block = true;
}

absl::StatusOr<std::vector<Unit>> SentenceUnits(const media::TextBlock& block, int limit,
                                                const TokenCounter& count) {
  std::vector<TextLine> lines = block.lines;
  const std::string text = OnOneLine(block.text, lines);
  SL_ASSIGN_OR_RETURN(const std::vector<absl::string_view> sentences, SplitSentences(text));
  std::vector<Unit> units;
  for (const absl::string_view sentence : sentences) {
    const auto begin = static_cast<size_t>(sentence.data() - text.data());
    SL_RETURN_IF_ERROR(SplitToFit(sentence, begin, limit, count, units));
  }
  MarkBlock(block, lines, units);
  return units;
}

absl::StatusOr<std::vector<Unit>> LineUnits(const media::TextBlock& block, int limit,
                                            const TokenCounter& count) {
  std::vector<Unit> units;
  for (const absl::string_view line : absl::StrSplit(Trim(block.text), '\n')) {
    const auto begin = static_cast<size_t>(line.data() - block.text.data());
    std::vector<Unit> pieces;
    SL_RETURN_IF_ERROR(SplitToFit(line, begin, limit, count, pieces));
    if (!pieces.empty()) pieces.back().text += '\n';
    std::move(pieces.begin(), pieces.end(), std::back_inserter(units));
  }
  MarkBlock(block, block.lines, units);
  return units;
}

// One unit where the whole fits, else its lines.
absl::StatusOr<std::vector<Unit>> WholeOrLines(const media::TextBlock& block, int limit,
                                               const TokenCounter& count) {
  const absl::string_view text = Trim(block.text);
  if (text.size() <= static_cast<size_t>(limit) * kMaxBytesPerToken) {
    SL_ASSIGN_OR_RETURN(const int tokens, count(text));
    if (tokens <= limit) {
      std::vector<Unit> units = {{.text = std::string(text), .tokens = tokens}};
      MarkBlock(block, block.lines, units);
      return units;
    }
  }
  return LineUnits(block, limit, count);
}

bool IsRule(absl::string_view line) {
  return Trim(line).find_first_not_of("|-:+= ") == absl::string_view::npos;
}

// The first line of a table that is cut, with the rule under it; nothing when it is long itself.
std::vector<Unit> TableHead(std::span<const Unit> lines, int limit) {
  if (lines.size() < 3) return {};
  const size_t count = IsRule(lines[1].text) ? 2 : 1;
  std::vector<Unit> head(lines.begin(), lines.begin() + static_cast<ptrdiff_t>(count));
  const bool whole_line = head.back().text.ends_with('\n');
  if (!whole_line || SumTokens(head) > limit / 4) return {};
  return head;
}

class Chunker {
 public:
  Chunker(const ChunkOptions& options, const TokenCounter& count, HeadingPath& headings)
      : options_(options),
        count_(count),
        headings_(headings),
        text_(index::PassageKind::kText, options_, count_, out_) {
    text_.SetHeading(headings_.Joined());
  }

  absl::Status Add(const media::TextBlock& block) {
    if (Trim(block.text).empty()) return absl::OkStatus();
    if (block.kind == media::BlockKind::kHeading) return AddHeading(block);
    lone_heading_.reset();
    if (block.kind == media::BlockKind::kTable) return AddTable(block);
    SL_RETURN_IF_ERROR(FollowCaption(block));
    if (block.time.has_value()) SL_RETURN_IF_ERROR(FollowTime(*block.time));
    const bool code = block.kind == media::BlockKind::kCode;
    SL_ASSIGN_OR_RETURN(std::vector<Unit> units,
                        code ? WholeOrLines(block, options_.passage_tokens, count_)
                             : SentenceUnits(block, options_.passage_tokens, count_));
    return AddAll(std::move(units), text_);
  }

  absl::StatusOr<std::vector<TextPassage>> Finish() {
    SL_RETURN_IF_ERROR(text_.Flush());
    SL_RETURN_IF_ERROR(EmitLoneHeading());
    return std::move(out_);
  }

 private:
  static absl::Status AddAll(std::vector<Unit> units, Packer& packer) {
    for (Unit& unit : units) SL_RETURN_IF_ERROR(packer.Add(std::move(unit)));
    return absl::OkStatus();
  }

  // Ends the passage where what is said at `time` does not belong to it any more.
  absl::Status FollowTime(const media::TimeSpan& time) {
    const bool goes_on = talk_.has_value() && time.start >= talk_->start &&
                         time.start <= talk_->end + kLongestPause &&
                         time.end <= talk_->start + kLongestTalk;
    if (!goes_on) {
      SL_RETURN_IF_ERROR(text_.Flush());
      talk_.reset();
    }
    Include(time, talk_);
    return absl::OkStatus();
  }

  // Short lines right before a table say what it is about; those right behind it, a total or a
  // source, are about the same.
  absl::Status FollowCaption(const media::TextBlock& block) {
    std::string text = OnOneLine(block.text);
    const bool is_short = text.size() <= kMaxCaptionBytes;
    if (is_short) behind_bytes_ += text.size();
    if (behind_table_ && (!is_short || behind_bytes_ > 2 * kMaxCaptionBytes)) {
      SL_RETURN_IF_ERROR(text_.Flush());
      EndTable();
    }
    if (!is_short || caption_.size() + text.size() > 2 * kMaxCaptionBytes) caption_.clear();
    if (!is_short) return absl::OkStatus();
    if (!caption_.empty()) caption_ += ' ';
    caption_ += text;
    return absl::OkStatus();
  }

  void EndTable() {
    behind_table_ = false;
    text_.SetHeading(headings_.Joined());
  }

  absl::Status AddHeading(const media::TextBlock& block) {
    SL_RETURN_IF_ERROR(text_.Flush());
    caption_.clear();
    behind_table_ = false;
    const int level = std::clamp(block.heading_level, 1, 6);
    // A heading directly under a higher one becomes part of what follows through the path of both.
    if (lone_heading_.has_value() && level <= lone_level_) SL_RETURN_IF_ERROR(EmitLoneHeading());
    headings_.Enter(level, OnOneLine(block.text));
    text_.SetHeading(headings_.Joined());
    lone_heading_ = block;
    lone_level_ = level;
    return absl::OkStatus();
  }

  absl::Status EmitLoneHeading() {
    if (!lone_heading_.has_value()) return absl::OkStatus();
    SL_ASSIGN_OR_RETURN(std::vector<Unit> units,
                        SentenceUnits(*lone_heading_, options_.passage_tokens, count_));
    lone_heading_.reset();
    Packer packer(index::PassageKind::kText, options_, count_, out_);
    packer.SetHeading(headings_.Parents());
    SL_RETURN_IF_ERROR(AddAll(std::move(units), packer));
    return packer.Flush();
  }

  absl::Status AddTable(const media::TextBlock& block) {
    SL_RETURN_IF_ERROR(text_.Flush());
    SL_ASSIGN_OR_RETURN(std::vector<Unit> units,
                        WholeOrLines(block, options_.passage_tokens, count_));
    ChunkOptions options = options_;
    options.overlap_tokens = 0;
    Packer packer(index::PassageKind::kTable, options, count_, out_);
    HeadingPath path = headings_;
    if (!caption_.empty()) path.Enter(kCaptionLevel, std::exchange(caption_, std::string()));
    packer.SetHeading(path.Joined());
    text_.SetHeading(path.Joined());
    behind_table_ = true;
    behind_bytes_ = 0;
    packer.RepeatHead(TableHead(units, options_.passage_tokens));
    SL_RETURN_IF_ERROR(AddAll(std::move(units), packer));
    return packer.Flush();
  }

  const ChunkOptions& options_;
  const TokenCounter& count_;
  HeadingPath& headings_;
  std::vector<TextPassage> out_;
  Packer text_;
  std::optional<media::TimeSpan> talk_;  // of what text_ holds since it was ended by a time
  std::string caption_;                  // of a table that may come next
  bool behind_table_ = false;            // text_ has that table's heading
  size_t behind_bytes_ = 0;              // of short blocks since the table
  std::optional<media::TextBlock> lone_heading_;  // the newest one, while nothing stands under it
  int lone_level_ = 0;
};

}  // namespace

void HeadingPath::Enter(int level, std::string text) {
  while (!headings_.empty() && headings_.back().first >= level) headings_.pop_back();
  headings_.emplace_back(level, std::move(text));
}

std::string HeadingPath::Join(size_t count) const {
  std::string out;
  for (size_t i = count; i-- > 0;) {
    std::string with = headings_[i].second;
    if (!out.empty()) with += " > " + out;
    if (with.size() > kMaxHeadingBytes && !out.empty()) break;
    out = std::move(with);
  }
  out.resize(Utf8PrefixLength(out, kMaxHeadingBytes));
  return out;
}

std::string HeadingPath::Joined() const { return Join(headings_.size()); }

std::string HeadingPath::Parents() const {
  return Join(headings_.empty() ? 0 : headings_.size() - 1);
}

absl::StatusOr<std::vector<TextPassage>> ChunkBlocks(std::span<const media::TextBlock> blocks,
                                                     const ChunkOptions& options,
                                                     const TokenCounter& count,
                                                     HeadingPath& headings) {
  Chunker chunker(options, count, headings);
  for (const media::TextBlock& block : blocks) SL_RETURN_IF_ERROR(chunker.Add(block));
  return chunker.Finish();
}

}  // namespace sightline::ingest
