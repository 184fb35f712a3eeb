#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace base {

/// The environment with which a process began its program, as the kernel keeps it: KEY=value, each
/// ended by NUL. A process in the middle of an exec shows none for a moment: it is waited for, at
/// most 200 ms. Empty for a process that we may not look at, that is gone, a zombie or a thread of
/// the kernel. The result lies in `buffer`, which may be used again from process to process.
/// Thread-safety: any thread, each with its own buffer.
std::string_view process_environment(pid_t pid, std::string& buffer);

/// The value of a variable in such a block; nothing where it is not set.
std::optional<std::string_view> find_variable(std::string_view block, std::string_view key);

}  // namespace base
