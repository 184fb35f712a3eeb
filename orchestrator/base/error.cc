#include "orchestrator/base/error.h"

#include <cerrno>
#include <system_error>

namespace base {

std::unexpected<Error> fail_errno(int error_number, std::string_view step,
                                  const std::filesystem::path& path) {
  Errc code = Errc::kIo;
  if (error_number == ENOENT) code = Errc::kNotFound;
  if (error_number == EEXIST) code = Errc::kExists;
  // generic_category().message() is thread-safe, strerror() is not.
  return std::unexpected(Error{code, error_number,
                               fmt::format("{} {}: {}", step, path.string(),
                                           std::generic_category().message(error_number))});
}

std::unexpected<Error> fail_from(Error error, std::string_view context) {
  error.message = fmt::format("{}: {}", context, error.message);
  return std::unexpected(std::move(error));
}

}  // namespace base
