#include "harness/explore/folder_copy.h"

#include <sys/stat.h>

#include <map>
#include <utility>

namespace stress {
namespace {

namespace fs = std::filesystem;

using Inode = std::pair<dev_t, ino_t>;

std::error_code copy_entry(const fs::path& from, const fs::path& to,
                           std::map<Inode, fs::path>& linked) {
  std::error_code error;
  struct stat file{};
  if (::lstat(from.c_str(), &file) != 0) return {errno, std::generic_category()};
  if (S_ISLNK(file.st_mode)) {
    fs::copy_symlink(from, to, error);
  } else if (S_ISREG(file.st_mode)) {
    const auto [known, first] = linked.try_emplace({file.st_dev, file.st_ino}, to);
    if (file.st_nlink > 1 && !first) {
      fs::create_hard_link(known->second, to, error);
    } else {
      fs::copy_file(from, to, error);
    }
  } else if (S_ISDIR(file.st_mode)) {
    fs::create_directory(to, from, error);
    for (fs::directory_iterator entry(from, error), end; !error && entry != end;
         entry.increment(error)) {
      error = copy_entry(entry->path(), to / entry->path().filename(), linked);
      if (error) break;
    }
  }  // else a socket or a pipe, which means nothing without its owner
  return error;
}

}  // namespace

base::Status copy_folder(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::remove_all(to, error);
  if (error) return base::fail_errno(error.value(), "empty", to);
  std::map<Inode, fs::path> linked;
  error = copy_entry(from, to, linked);
  if (error) return base::fail_errno(error.value(), "copy to", to);
  return {};
}

}  // namespace stress
