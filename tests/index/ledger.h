#pragma once

#include <cstdint>
#include <string>

namespace sightline::index {

// A process that writes documents and notes in a ledger what was acknowledged, and one that
// compares the two: what tests of kills, failing disks and power cuts share. The ledger's lines are
// "begin ID VALUE" before a write and "done ID VALUE" once it was acknowledged; a value of 0 stands
// for a deletion. The variable SIGHTLINE_VECTORS says how the collection keeps its vectors: f16
// when it is not set, int8, binary or pq. All functions return what a process should exit with.

inline constexpr int kRefused = 10;  // writes ended with an error, reads went on
inline constexpr int kNotOpened = 11;

// Writes, deletes, takes snapshots, builds and backs up until it is killed.
[[noreturn]] void WriteForEver(const std::string& path, const std::string& ledger, uint32_t seed);

// The same, `writes` times, then once more after opening the corpus anew. 0: all was acknowledged.
// kRefused: a write failed, with a typed error; from then on no write was acknowledged while every
// read still told of what had been. kNotOpened: it could not be opened, with a typed error. 2:
// else.
int WriteUntilRefused(const std::string& path, const std::string& ledger, uint32_t seed,
                      int writes);

// 0: every document is as the ledger says, whatever way it is asked for, and fsck finds nothing. Of
// what stands beyond the first `acknowledged` bytes of the ledger each write may have been done or
// not; -1: all counts.
int VerifyLedger(const std::string& path, const std::string& ledger, int64_t acknowledged = -1);

// Writes the ledger anew, as what is stored now.
void StartLedger(const std::string& path, const std::string& ledger);

}  // namespace sightline::index
