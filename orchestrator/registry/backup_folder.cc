#include "orchestrator/registry/backup_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>

#include "orchestrator/base/clock.h"
#include "orchestrator/base/file_io.h"
#include "orchestrator/base/random_id.h"

namespace orc {
namespace {

constexpr std::string_view kPrefix = "registry-";
constexpr std::string_view kSuffix = ".json";

std::string name_of(std::uint64_t generation) {
  return fmt::format("{}{:012}{}", kPrefix, generation, kSuffix);
}

std::optional<std::uint64_t> generation_of(std::string_view name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  name.remove_suffix(kSuffix.size());
  std::uint64_t generation = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), generation);
  if (error != std::errc{} || end != name.data() + name.size()) return std::nullopt;
  return generation;
}

/// Whatever its errno is called: to callers "not found" means that there is no registry.
std::unexpected<base::Error> io_error(int error_number, std::string_view step,
                                      const std::filesystem::path& path) {
  auto error = base::fail_errno(error_number, step, path);
  error.error().code = base::Errc::kIo;
  return error;
}

/// link(2), making the folder where it is missing. Returns 0 or an errno.
int link_into(const std::filesystem::path& file, const std::filesystem::path& folder,
              const std::string& name) {
  const std::filesystem::path target = folder / name;
  if (::link(file.c_str(), target.c_str()) == 0) return 0;
  if (errno != ENOENT) return errno;
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return errno;
  return ::link(file.c_str(), target.c_str()) == 0 ? 0 : errno;
}

bool has_entries(const std::filesystem::path& folder) {
  std::error_code error;
  return !std::filesystem::is_empty(folder, error) && !error;
}

std::string quarantine_name(const std::filesystem::path& file) {
  return fmt::format("{}-{}-{}{}", file.stem().string(), base::to_compact(base::wall_now()),
                     base::random_id(), kSuffix);
}

}  // namespace

BackupFolder::BackupFolder(const std::filesystem::path& workspace)
    : folder_(workspace / "backups"), quarantine_(workspace / "quarantine") {}

std::filesystem::path BackupFolder::path_of(const std::string& name) const {
  return folder_ / name;
}

std::vector<BackupFolder::File> BackupFolder::list() const {
  std::vector<File> files;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder_, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (const auto generation = generation_of(name)) {
      files.push_back({std::move(name), *generation});
    }
  }
  std::ranges::sort(files, std::ranges::greater{}, &File::generation);
  return files;
}

base::Result<std::unique_ptr<Snapshot>> BackupFolder::open(const File& file) const {
  auto text = base::read_file(path_of(file.name));
  if (!text) return std::unexpected(std::move(text.error()));
  auto snapshot = Snapshot::parse(*text);
  if (!snapshot) {
    return base::fail_from(std::move(snapshot.error()), path_of(file.name).string());
  }
  return snapshot;
}

std::optional<BackupFolder::Good> BackupFolder::newest_good() const {
  std::vector<std::string> bad;
  for (File& file : list()) {
    auto snapshot = open(file);
    if (snapshot) return Good{std::move(file), *std::move(snapshot), std::move(bad)};
    if (snapshot.error().code == base::Errc::kDamaged) bad.push_back(std::move(file.name));
  }
  return std::nullopt;
}

bool BackupFolder::used() const { return has_entries(folder_) || has_entries(quarantine_); }

bool BackupFolder::keeps(const struct stat& registry, std::uint64_t generation) const {
  struct stat kept{};
  return ::stat(path_of(name_of(generation)).c_str(), &kept) == 0 &&
         kept.st_dev == registry.st_dev && kept.st_ino == registry.st_ino;
}

base::Status BackupFolder::keep(const std::filesystem::path& registry,
                                std::uint64_t generation) const {
  const std::string name = name_of(generation);
  int error = link_into(registry, folder_, name);
  if (error == EEXIST && ::unlink(path_of(name).c_str()) == 0) {
    error = link_into(registry, folder_, name);
  }
  if (error == 0) return {};
  return io_error(error, "link the registry to its backup", path_of(name));
}

void BackupFolder::drop_older(std::uint64_t generation, std::uint64_t count) const {
  // Nearly always the names have no gaps. Those that killed writers did not drop follow below.
  std::uint64_t dropped = 0;
  for (std::uint64_t old = generation - std::min(generation, count + 1); old > 0; --old) {
    if (::unlink(path_of(name_of(old)).c_str()) != 0) break;
    ++dropped;
  }
  if (dropped > 0) return;
  const std::vector<File> files = list();
  for (std::size_t i = count + 1; i < files.size(); ++i) {
    ::unlink(path_of(files[i].name).c_str());
  }
}

base::Status BackupFolder::set_aside(const std::filesystem::path& file) const {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0 && errno == ENOENT) return {};
  if (const int error = link_into(file, quarantine_, quarantine_name(file))) {
    return io_error(error, "set aside", file);
  }
  return base::sync_folder(quarantine_);
}

void BackupFolder::set_aside_backups(const std::vector<std::string>& names) const {
  if (names.empty()) return;
  ::mkdir(quarantine_.c_str(), 0700);
  for (const std::string& name : names) {
    ::rename(path_of(name).c_str(), (quarantine_ / quarantine_name(name)).c_str());
  }
}

}  // namespace orc
