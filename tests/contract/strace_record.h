#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace stress {

/// The calls of each task that change or lock files below a folder, in their order: "rename a b",
/// "write a 4", "flock (unlock) lock"; paths are relative to the folder.
using CallsByTask = std::map<int, std::vector<std::string>>;

/// One such line. Empty: the call is none of those compared, or no path is below the folder.
/// `bytes`: of `write` and `pwrite64`; else it is not told.
std::string call_line(std::string_view name, std::vector<std::string> paths, bool unlock,
                      std::uint64_t bytes, const std::string& folder);

/// Reads what `strace -f -y -s 0 -o FILE -e trace=file,desc` wrote about a program that was started
/// in `folder` and stayed there. Calls count from when they begin, as the supervisor sees them.
CallsByTask read_strace(const std::string& text, const std::string& folder);

}  // namespace stress
