#pragma once

#include <functional>
#include <string>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace sightline::bench {

// The full-text search of SQLite, FTS5 with its own BM25, over texts in one file. Ends the process
// where SQLite fails. Not thread-safe.
class SqlitePeer {
 public:
  explicit SqlitePeer(const std::string& path);
  ~SqlitePeer();

  // `next` fills in a text, or says that there is no more. The index is then made one piece.
  void Fill(const std::function<bool(std::string& text)>& next);
  // Reads the `n` best with their texts; how many there were. `match` is in FTS5's syntax.
  int Search(const std::string& match, int n);

 private:
  void Run(const char* statement);

  sqlite3* db_ = nullptr;
  sqlite3_stmt* search_ = nullptr;
};

}  // namespace sightline::bench
