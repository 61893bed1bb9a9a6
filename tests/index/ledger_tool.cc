#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "tests/index/ledger.h"

// The two sides of ledger.h as a program, for faults that come from around a process.
//   ledger_tool write DATA LEDGER SEED            until it is killed
//   ledger_tool write DATA LEDGER SEED WRITES
//   ledger_tool verify DATA LEDGER [BYTES]
//   ledger_tool restart DATA LEDGER
int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const std::string what = words.size() < 3 ? "" : words[0];
  const auto number = [&](size_t at) { return std::atoll(words[at].c_str()); };
  if (what == "write" && words.size() == 4) {
    sightline::index::WriteForEver(words[1], words[2], static_cast<uint32_t>(number(3)));
  }
  if (what == "write" && words.size() == 5) {
    return sightline::index::WriteUntilRefused(words[1], words[2], static_cast<uint32_t>(number(3)),
                                               static_cast<int>(number(4)));
  }
  if (what == "verify" && words.size() <= 4) {
    return sightline::index::VerifyLedger(words[1], words[2], words.size() == 4 ? number(3) : -1);
  }
  if (what == "restart" && words.size() == 3) {
    sightline::index::StartLedger(words[1], words[2]);
    return 0;
  }
  std::cerr << "usage: ledger_tool write|verify|restart DATA LEDGER ...\n";
  return 64;
}
