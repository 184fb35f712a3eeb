#pragma once

#include <filesystem>
#include <string>

/// The program that makes system calls for the tests of the supervisor: beside this one.
inline std::string system_calls_helper() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "system_calls_helper";
}
