#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace base {

/// What kind of thing went wrong; only kinds that some caller branches on.
enum class Errc {
  kIo,           ///< a system call failed; `sys_errno` says how
  kTimeout,      ///< a deadline passed; whether an effect took place is unknown
  kInvalid,      ///< the input is wrong; nothing was changed
  kNotFound,     ///< the named thing does not exist; nothing was changed
  kExists,       ///< the named thing exists already; nothing was changed
  kRefused,      ///< a rule (limit, duplicate, state) forbids it; nothing was changed
  kConflict,     ///< the record changed meanwhile (compare and set failed)
  kDamaged,      ///< stored data is torn, missing or not what its checksum says
  kUnavailable,  ///< a service (tmux, a server) is not to be had or did not answer
};

/// One sentence for people, which names the file and the step, and a code for callers.
struct Error {
  Errc code = Errc::kIo;
  int sys_errno = 0;
  std::string message;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

template <class... Args>
[[nodiscard]] std::unexpected<Error> fail(Errc code, fmt::format_string<Args...> text,
                                          Args&&... args) {
  return std::unexpected(Error{code, 0, fmt::format(text, std::forward<Args>(args)...)});
}

/// The one funnel from errno to an Error: "<step> <path>: <strerror>", code kIo
/// (ENOENT: kNotFound, EEXIST: kExists).
[[nodiscard]] std::unexpected<Error> fail_errno(int error_number, std::string_view step,
                                                const std::filesystem::path& path);

/// Passes an error on with its context in front: "<context>: <message>".
[[nodiscard]] std::unexpected<Error> fail_from(Error error, std::string_view context);

}  // namespace base
