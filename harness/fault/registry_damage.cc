#include "harness/fault/registry_damage.h"

#include <system_error>

#include "orchestrator/base/file_io.h"

namespace stress {

base::Status damage_file(const std::filesystem::path& file, const std::string& kind) {
  base::Result<std::string> bytes = base::read_file(file);
  if (!bytes) return std::unexpected(bytes.error());
  if (kind == "vanished") {
    std::error_code error;
    std::filesystem::remove(file, error);
    if (error) return base::fail_errno(error.value(), "remove", file);
    return {};
  }
  if (kind == "torn") {
    bytes->resize(bytes->size() - bytes->size() / 3);
  } else if (kind == "zeroed") {
    bytes->assign(bytes->size(), '\0');
  } else if (kind == "empty") {
    bytes->clear();
  } else {
    return base::fail(base::Errc::kInvalid, "no such damage: '{}'", kind);
  }
  return base::replace_file(file, *bytes);
}

}  // namespace stress
