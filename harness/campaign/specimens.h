#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "orchestrator/base/error.h"

namespace stress {

/// An orchestrator with one flaw, and how one engine is to find it.
struct Specimen {
  std::string name;
  std::filesystem::path target;  ///< a target file, from the list's folder
  std::filesystem::path twin;    ///< the same without the flaw
  std::string flaw;              ///< in one sentence
  std::string invariant;         ///< that must catch it
  std::string engine;            ///< storm, crashes, explore; powerloss: there is none yet
  std::vector<std::string> arguments;
  bool in_short = false;  ///< part of the short score
};

/// Reads a list of specimens. One that is to be explored too comes a second time, for that engine.
/// Errors: kNotFound, kIo; kInvalid, naming file, line and member.
base::Result<std::vector<Specimen>> load_specimens(const std::filesystem::path& file);

}  // namespace stress
