#pragma once

#include <memory>

#include "absl/status/status.h"

namespace rocksdb {
class Logger;
class Status;
}  // namespace rocksdb

namespace sightline::index {

// kDataLoss: damaged; kNotFound; kResourceExhausted: no room; kInternal: a call of ours it does not
// take; else kUnavailable. The message begins with "store: ".
absl::Status FromRocks(const rocksdb::Status& status);

// Takes RocksDB's errors to our log. Its own log file must not be: the distribution's build has its
// assertions on, and one of them ends the process when that file cannot be written, as on a full
// disk.
std::shared_ptr<rocksdb::Logger> NewStoreLogger();

}  // namespace sightline::index
