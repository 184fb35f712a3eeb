#include "harness/campaign/leftover_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>

#include "orchestrator/base/unique_fd.h"

namespace stress {
namespace {

namespace fs = std::filesystem;

void each_file(const fs::path& folder, const auto& visit) {
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(folder, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    const fs::file_type type = entry->symlink_status(ignored).type();
    if (type != fs::file_type::directory) visit(entry->path(), type);
  }
}

bool is_held(const fs::path& lock_file) {
  const base::UniqueFd lock(::open(lock_file.c_str(), O_RDWR | O_CLOEXEC));
  return lock.valid() && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0;
}

bool is_listened_to(const fs::path& socket_file) {
  const base::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_file.native().size() >= sizeof address.sun_path) return false;
  socket_file.native().copy(address.sun_path, sizeof address.sun_path - 1);
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

/// The value of a variable of the sealed environment.
fs::path folder_named(const RunPlace& place, std::string_view variable) {
  const std::string key = std::string(variable) + "=";
  const auto found = std::ranges::find_if(
      place.env, [&](const std::string& entry) { return entry.starts_with(key); });
  return found == place.env.end() ? fs::path() : fs::path(found->substr(key.size()));
}

}  // namespace

std::vector<Leftover> find_leftover_files(const RunPlace& place) {
  std::vector<Leftover> found;
  each_file(place.workspace, [&](const fs::path& path, fs::file_type type) {
    const std::string name = path.filename().string();
    if (name.contains(".tmp")) {
      found.push_back({"temp-file", path.string()});
    } else if (type == fs::file_type::socket) {
      found.push_back({"socket", path.string()});
    } else if (type == fs::file_type::regular && name.ends_with(".lock") && is_held(path)) {
      found.push_back({"lock", path.string() + " is still held"});
    }
  });
  each_file(folder_named(place, "TMPDIR"), [&](const fs::path& path, fs::file_type type) {
    found.push_back({type == fs::file_type::socket ? "socket" : "temp-file", path.string()});
  });
  for (const std::string_view variable : {"HOME", "XDG_RUNTIME_DIR"}) {
    each_file(folder_named(place, variable), [&](const fs::path& path, fs::file_type type) {
      if (type != fs::file_type::socket || !is_listened_to(path)) return;
      found.push_back({"socket", path.string() + " still has a listener"});
    });
  }
  return found;
}

}  // namespace stress
