#include "bench/peers/sqlite_peer.h"

#include <sqlite3.h>

#include <cstdlib>
#include <iostream>

namespace sightline::bench {
namespace {

void Check(sqlite3* db, int code) {
  if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return;
  std::cerr << "SQLite: " << sqlite3_errmsg(db) << "\n";
  std::exit(1);
}

}  // namespace

SqlitePeer::SqlitePeer(const std::string& path) {
  Check(db_, sqlite3_open(path.c_str(), &db_));
  Run("CREATE VIRTUAL TABLE passages USING fts5(text)");
}

SqlitePeer::~SqlitePeer() {
  sqlite3_finalize(search_);
  sqlite3_close(db_);
}

void SqlitePeer::Run(const char* statement) {
  Check(db_, sqlite3_exec(db_, statement, nullptr, nullptr, nullptr));
}

void SqlitePeer::Fill(const std::function<bool(std::string& text)>& next) {
  Run("BEGIN");
  sqlite3_stmt* insert = nullptr;
  Check(db_, sqlite3_prepare_v2(db_, "INSERT INTO passages VALUES (?)", -1, &insert, nullptr));
  for (std::string text; next(text);) {
    Check(db_,
          sqlite3_bind_text(insert, 1, text.data(), static_cast<int>(text.size()), SQLITE_STATIC));
    Check(db_, sqlite3_step(insert));
    Check(db_, sqlite3_reset(insert));
  }
  sqlite3_finalize(insert);
  Run("COMMIT");
  Run("INSERT INTO passages(passages) VALUES ('optimize')");
  Check(db_, sqlite3_prepare_v2(db_,
                                "SELECT rowid, text FROM passages WHERE passages MATCH ? "
                                "ORDER BY rank LIMIT ?",
                                -1, &search_, nullptr));
}

int SqlitePeer::Search(const std::string& match, int n) {
  Check(db_,
        sqlite3_bind_text(search_, 1, match.data(), static_cast<int>(match.size()), SQLITE_STATIC));
  Check(db_, sqlite3_bind_int(search_, 2, n));
  int found = 0;
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(search_)) == SQLITE_ROW) {
    found += sqlite3_column_text(search_, 1) != nullptr;
  }
  Check(db_, code);
  Check(db_, sqlite3_reset(search_));
  return found;
}

}  // namespace sightline::bench
