#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "harness/supervise/launch.h"
#include "tests/e2e/stress_program.h"

namespace e2e {

/// A specimen's or a test's target file.
inline std::string specimen(const std::string& name) {
  return SPAWNSTORM_SOURCE_DIR "/scenarios/specimens/" + name + ".json";
}
inline std::string explored(const std::string& name) {
  return SPAWNSTORM_SOURCE_DIR "/tests/e2e/explored/" + name + ".json";
}

/// `stress explore` and `stress replay` into a folder of the test's own.
class Explorations : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const base::Status possible = stress::probe_supervision(); !possible) {
      GTEST_SKIP() << "no supervision here: " << possible.error().message;
    }
  }
  base::Outcome explore(const Words& flags) { return stress("explore", flags); }
  base::Outcome replay(const std::filesystem::path& failure, const Words& flags = {}) {
    Words words{failure.string()};
    words.insert(words.end(), flags.begin(), flags.end());
    return stress("replay", words);
  }
  /// Of the last exploration, before any replay.
  [[nodiscard]] std::filesystem::path results() const {
    return std::filesystem::canonical(out_ / "latest");
  }
  [[nodiscard]] Json exploration() const { return read_json(results() / "exploration.json"); }

  tests::TempFolder out_;

 private:
  base::Outcome stress(const char* command, const Words& flags) {
    Words argv{STRESS_PROGRAM, command, "--out", out_.path().string()};
    argv.insert(argv.end(), flags.begin(), flags.end());
    return execute(std::move(argv));
  }
};

}  // namespace e2e
