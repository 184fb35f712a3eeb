#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

#include "harness/check/linear/model.h"

namespace stress {

/// What `stress check` was asked.
struct CheckOptions {
  std::filesystem::path path;
  std::string model;    ///< registry, register, kv; empty: what the history is of
  std::string initial;  ///< of registers, as JSON; empty: null
  double seconds = 60;
  std::size_t memory_mib = 1024;
  bool json = false;

  /// Counted from now.
  [[nodiscard]] linear::Limits limits() const {
    const std::chrono::duration<double> time(seconds);
    return {std::chrono::steady_clock::now() +
                std::chrono::duration_cast<std::chrono::nanoseconds>(time),
            memory_mib << 20};
  }
};

inline constexpr std::string_view kClientLine =
    R"({"process":0,"type":"invoke","f":"write","key":"x","value":3})";

/// Judges a history of clients (JSONL, or Jepsen's EDN) and prints the report. Returns the exit
/// code.
int check_client_file(const CheckOptions& options, const std::filesystem::path& file);

}  // namespace stress
