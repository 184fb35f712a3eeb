#pragma once

#include <chrono>
#include <filesystem>
#include <memory>

#include "orchestrator/registry/store.h"

namespace orc {

struct JsonStoreOptions {
  std::chrono::milliseconds lock_timeout{15'000};
  int backups_kept = 5;  ///< earlier generations, besides the present one
  bool operations_log = true;
  std::uint64_t operations_log_bytes_max = 8u << 20;  ///< then it moves to operations.jsonl.1
};

/// One JSON file per workspace:
///   registry.json                  the present generation
///   registry.lock                  flock; never deleted, never written
///   backups/registry-<gen>.json    hard links to the present generation and those before it
///   quarantine/…                   damaged files that were set aside
///   operations.jsonl               one line per transaction
/// The file is compact JSON with one record a line. Its first member is "checksum": XXH3-64 over
/// the compact dump of the document without that member, as 16 hex digits. A file whose checksum
/// holds was written by this store, so its lines are trusted and records are parsed only when used;
/// any other layout (edited by hand with the right checksum) is parsed as a whole.
std::unique_ptr<Store> open_json_store(const std::filesystem::path& workspace,
                                       const JsonStoreOptions& options = {});

}  // namespace orc
