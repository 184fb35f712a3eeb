#include "harness/explore/folder_copy.h"

#include <sys/stat.h>

#include <cerrno>
#include <map>
#include <utility>
#include <vector>

namespace stress {
namespace {

namespace fs = std::filesystem;

using Inode = std::pair<dev_t, ino_t>;

/// Whether what is there can become the copy. A file of several names cannot: others of them may
/// have to become other files.
bool can_stay(const struct stat& from, const struct stat& to) {
  if (S_ISDIR(from.st_mode)) return S_ISDIR(to.st_mode);
  return S_ISREG(from.st_mode) && S_ISREG(to.st_mode) && from.st_nlink == 1 && to.st_nlink == 1;
}

class FolderCopy {
 public:
  std::error_code copy(const fs::path& from, const fs::path& to) {
    std::error_code error;
    struct stat file{};
    if (::lstat(from.c_str(), &file) != 0) return {errno, std::generic_category()};
    struct stat old{};
    bool there = ::lstat(to.c_str(), &old) == 0;
    if (there && !can_stay(file, old)) {
      fs::remove_all(to, error);
      if (error) return error;
      there = false;
    }
    if (S_ISLNK(file.st_mode)) {
      fs::copy_symlink(from, to, error);
    } else if (S_ISREG(file.st_mode)) {
      error = copy_file(from, to, file, there);
    } else if (S_ISDIR(file.st_mode)) {
      error = there ? tidy(from, to) : error;
      if (!there) fs::create_directory(to, from, error);
      if (!error) error = copy_contents(from, to);
    }  // else a socket or a pipe, which means nothing without its owner
    return error;
  }

 private:
  std::error_code copy_file(const fs::path& from, const fs::path& to, const struct stat& file,
                            bool there) {
    std::error_code error;
    if (there) {
      fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
      if (!error) return {};
      fs::remove(to, error);  // it may not be written to, or is a program that runs
    }
    const auto [known, first] = linked_.try_emplace({file.st_dev, file.st_ino}, to);
    if (file.st_nlink > 1 && !first) {
      fs::create_hard_link(known->second, to, error);
    } else {
      fs::copy_file(from, to, error);
    }
    return error;
  }

  std::error_code copy_contents(const fs::path& from, const fs::path& to) {
    std::error_code error;
    for (fs::directory_iterator entry(from, error), end; !error && entry != end;
         entry.increment(error)) {
      error = copy(entry->path(), to / entry->path().filename());
      if (error) break;
    }
    return error;
  }

  /// A folder that is there gets the other's mode, and loses what the other does not have.
  static std::error_code tidy(const fs::path& from, const fs::path& to) {
    std::error_code error;
    fs::permissions(to, fs::status(from, error).permissions(), error);
    std::vector<fs::path> strangers;
    for (fs::directory_iterator entry(to, error), end; !error && entry != end;
         entry.increment(error)) {
      const fs::path other = from / entry->path().filename();
      if (!fs::exists(fs::symlink_status(other))) strangers.push_back(entry->path());
    }
    for (const fs::path& stranger : strangers) {
      if (!error) fs::remove_all(stranger, error);
    }
    return error;
  }

  std::map<Inode, fs::path> linked_;  ///< the first copy of each file
};

}  // namespace

base::Status copy_folder(const fs::path& from, const fs::path& to) {
  const std::error_code error = FolderCopy().copy(from, to);
  if (error) return base::fail_errno(error.value(), "copy to", to);
  return {};
}

}  // namespace stress
