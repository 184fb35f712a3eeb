#include "orchestrator/registry/json_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <system_error>
#include <utility>

#include "orchestrator/base/file_io.h"
#include "orchestrator/base/file_lock.h"
#include "orchestrator/registry/backup_folder.h"
#include "orchestrator/registry/operations_log.h"
#include "orchestrator/registry/snapshot_view.h"
#include "orchestrator/registry/stopwatch.h"
#include "orchestrator/registry/temporary_files.h"

namespace orc {
namespace {

constexpr mode_t kMode = 0600;

/// Libraries throw, bodies may: nothing of it leaves the store.
template <class Call>
auto without_exceptions(std::string_view step, const Call& call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::exception& error) {
    return base::fail(base::Errc::kIo, "{}: {}", step, error.what());
  }
}

bool is_there(const std::filesystem::path& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0;
}

/// Policy. registry.json only ever changes by a rename of a whole, synced file over it, under the
/// lock, so a reader needs no lock and a crash leaves one generation or the other. Every
/// transaction reads the file anew by one open: nothing is remembered from one to the next, since
/// any process may have written in between. A file that is damaged or gone is a finding, never an
/// empty registry: readers report it; changes first restore the newest good backup, as a generation
/// above all that were ever seen, and keep what was damaged. The new generation is linked into
/// backups/ only after it was published: a backup that nobody could have read must not come back to
/// life.
class JsonStore final : public Store {
 public:
  JsonStore(const std::filesystem::path& workspace, const JsonStoreOptions& options)
      : options_(options),
        workspace_(workspace),
        registry_(workspace / "registry.json"),
        lock_(workspace / "registry.lock"),
        backups_(workspace),
        log_(workspace / "operations.jsonl", options.operations_log_bytes_max) {}

  base::Status create(const Limits& limits) override;
  base::Result<std::unique_ptr<RegistryState>> read() const override;
  base::Result<Commit> transact(std::string_view operation, std::string_view subject,
                                const Body& body) override;
  base::Status inspect(
      const std::function<base::Status(const RegistryState&)>& body) const override;
  base::Result<std::optional<Damage>> damage() const override;
  base::Result<std::vector<Backup>> backups() const override;
  base::Result<Commit> restore(std::string_view backup_name) override;
  base::Result<std::vector<std::string>> leftovers() const override;
  base::Result<int> remove_leftovers() override;

 private:
  /// A state to start from, and what its successor has to do.
  struct Present {
    std::unique_ptr<Snapshot> snapshot;
    std::optional<std::uint64_t> restored_from;
    std::uint64_t generation = 0;          // none up to this one may be used again
    struct stat file{};                    // registry.json; empty where there is none
    bool replaces = false;                 // it is not what registry.json holds
    std::vector<std::string> bad_backups;  // found on the way; to be set aside
  };

  base::Result<Present> load(std::uint64_t& claimed) const;
  base::Result<Present> load_settled() const;
  base::Result<Present> load_for_change() const;
  [[nodiscard]] Present restored(BackupFolder::Good good, std::uint64_t claimed) const;
  base::Result<base::FileLock> lock_for_change() const;
  [[nodiscard]] base::Error with_backup_named(base::Error damage) const;
  [[nodiscard]] std::unexpected<base::Error> never_created() const;
  base::Status publish(base::FileLock& lock, const Present& present,
                       std::uint64_t generation) const;
  void finish(base::FileLock& lock, const Commit& commit) const;

  JsonStoreOptions options_;
  std::filesystem::path workspace_;
  std::filesystem::path registry_;
  std::filesystem::path lock_;
  BackupFolder backups_;
  OperationsLog log_;
};

std::unexpected<base::Error> JsonStore::never_created() const {
  return base::fail(base::Errc::kNotFound, "there is no registry in {}", workspace_.string());
}

/// `claimed` becomes the generation that a damaged file says it has.
base::Result<JsonStore::Present> JsonStore::load(std::uint64_t& claimed) const {
  struct stat file{};
  auto text = base::read_file(registry_, &file);
  if (!text) {
    if (text.error().code != base::Errc::kNotFound) return std::unexpected(std::move(text.error()));
    if (!is_there(lock_) && !backups_.used()) return never_created();
    return base::fail(base::Errc::kDamaged, "{} has vanished", registry_.string());
  }
  auto snapshot = Snapshot::parse(*text);
  if (!snapshot) {
    claimed = claimed_generation(*text);
    return base::fail_from(std::move(snapshot.error()), registry_.string());
  }
  Present present{.snapshot = *std::move(snapshot)};
  present.restored_from = present.snapshot->restored_from();
  present.generation = present.snapshot->generation();
  present.file = file;
  return present;
}

/// Without the lock. What looks damaged is looked at again under the lock: a file that is missing
/// may be in the making.
base::Result<JsonStore::Present> JsonStore::load_settled() const {
  std::uint64_t claimed = 0;
  auto present = load(claimed);
  if (present || present.error().code != base::Errc::kDamaged) return present;
  const auto lock = base::FileLock::acquire_existing(lock_, options_.lock_timeout);
  return load(claimed);
}

/// Under the lock. A damaged registry is replaced by its newest good backup.
base::Result<JsonStore::Present> JsonStore::load_for_change() const {
  std::uint64_t claimed = 0;
  auto present = load(claimed);
  if (present || present.error().code != base::Errc::kDamaged) return present;
  auto good = backups_.newest_good();
  if (!good) return std::unexpected(with_backup_named(std::move(present.error())));
  return restored(*std::move(good), claimed);
}

JsonStore::Present JsonStore::restored(BackupFolder::Good good, std::uint64_t claimed) const {
  Present present{.snapshot = std::move(good.snapshot),
                  .restored_from = good.file.generation,
                  .generation = std::max(good.file.generation, claimed),
                  .replaces = true,
                  .bad_backups = std::move(good.bad)};
  present.generation = std::max(present.generation, present.snapshot->generation());
  for (const BackupFolder::File& file : backups_.list()) {
    present.generation = std::max(present.generation, file.generation);
  }
  if (::stat(registry_.c_str(), &present.file) != 0) present.file = {};
  return present;
}

base::Error JsonStore::with_backup_named(base::Error error) const {
  if (error.code != base::Errc::kDamaged) return error;
  if (const auto good = backups_.newest_good()) {
    error.message += fmt::format("; newest good backup: generation {} ({})", good->file.generation,
                                 backups_.path_of(good->file.name).string());
  } else {
    error.message += "; there is no good backup";
  }
  return error;
}

base::Result<base::FileLock> JsonStore::lock_for_change() const {
  // A folder that is no workspace must not become half of one.
  auto lock = base::FileLock::acquire_existing(lock_, options_.lock_timeout);
  if (lock || lock.error().code != base::Errc::kNotFound) return lock;
  if (!is_there(registry_) && !backups_.used()) return never_created();
  return base::FileLock::acquire(lock_, options_.lock_timeout);
}

base::Status JsonStore::publish(base::FileLock& lock, const Present& present,
                                std::uint64_t generation) const {
  const std::string text =
      present.snapshot->encode(generation, present.restored_from, base::wall_now());
  const mode_t mode = present.file.st_nlink > 0 ? present.file.st_mode & 0777U : kMode;
  lock.call_next();
  auto pending = base::PendingFile::write(registry_, text, mode);
  if (!pending) return std::unexpected(std::move(pending.error()));
  const std::uint64_t before = present.snapshot->generation();
  base::Status kept;
  if (present.replaces) {
    kept = backups_.set_aside(registry_);
  } else if (!backups_.keeps(present.file, before)) {
    kept = backups_.keep(registry_, before);
  }
  if (!kept) return kept;
  if (!lock.is_current()) {
    return base::fail(base::Errc::kConflict,
                      "{} was deleted while it was held; nothing was written", lock_.string());
  }
  if (auto published = pending->publish(); !published) return published;
  // Who made a new lock file before that may have read what was there before, and will write over
  // this; who makes one later reads this.
  const bool alone = lock.is_current();
  // From here on it is visible. What fails now is made up for by the next commit.
  [[maybe_unused]] const base::Status linked = backups_.keep(registry_, generation);
  if (auto synced = base::sync_folder(workspace_); !synced) {
    return base::fail_from(std::move(synced.error()),
                           fmt::format("{} has generation {}, but perhaps not durably",
                                       registry_.string(), generation));
  }
  backups_.set_aside_backups(present.bad_backups);
  if (!alone) {
    return base::fail(base::Errc::kConflict,
                      "{} was deleted while it was held; {} has generation {}, but another process "
                      "may write over it",
                      lock_.string(), registry_.string(), generation);
  }
  return {};
}

/// What the others need not wait for. Removes only backups that its own commit made too old, so it
/// may overtake and be overtaken.
void JsonStore::finish(base::FileLock& lock, const Commit& commit) const {
  lock.release();
  if (commit.generation_after == commit.generation_before) return;
  backups_.drop_older(commit.generation_after,
                      static_cast<std::uint64_t>(std::max(options_.backups_kept, 0)));
}

base::Status JsonStore::create(const Limits& limits) {
  return without_exceptions("create the registry", [&]() -> base::Status {
    std::error_code error;
    std::filesystem::create_directories(workspace_, error);
    if (error) return base::fail_errno(error.value(), "create", workspace_);
    Stopwatch watch;
    auto lock = base::FileLock::acquire(lock_, options_.lock_timeout);
    if (!lock) return std::unexpected(lock.error());
    watch.locked();
    if (is_there(registry_) || backups_.used()) {
      return base::fail(base::Errc::kExists, "there is a registry in {} already",
                        workspace_.string());
    }
    const Present nothing{.snapshot = Snapshot::empty(limits, base::wall_now()), .replaces = true};
    Commit commit{.generation_before = 0, .generation_after = 1};
    auto published = publish(*lock, nothing, commit.generation_after);
    if (!published) return published;
    // Best effort: not everybody may open the folder above.
    [[maybe_unused]] const base::Status synced =
        base::sync_folder(std::filesystem::absolute(workspace_).parent_path());
    watch.stop(commit);
    if (options_.operations_log) log_.append("create", "", commit);
    return {};
  });
}

base::Result<std::unique_ptr<RegistryState>> JsonStore::read() const {
  using State = std::unique_ptr<RegistryState>;
  return without_exceptions("read the registry", [&]() -> base::Result<State> {
    auto present = load_settled();
    if (!present) return std::unexpected(with_backup_named(std::move(present.error())));
    return State(std::make_unique<SnapshotState>(std::move(present->snapshot)));
  });
}

base::Result<Commit> JsonStore::transact(std::string_view operation, std::string_view subject,
                                         const Body& body) {
  return without_exceptions(operation, [&]() -> base::Result<Commit> {
    Stopwatch watch;
    auto lock = lock_for_change();
    if (!lock) return std::unexpected(lock.error());
    watch.locked();
    auto present = load_for_change();
    if (!present) return std::unexpected(std::move(present.error()));
    SnapshotTransaction transaction(*present->snapshot, base::wall_now());
    if (auto done = body(transaction); !done) return std::unexpected(std::move(done.error()));
    if (!transaction.outcome()) return std::unexpected(transaction.outcome().error());
    Commit commit{.generation_before = present->snapshot->generation(),
                  .generation_after = present->snapshot->generation(),
                  .restored = present->replaces};
    if (present->replaces || transaction.has_work()) {
      commit.generation_after = present->generation + 1;
      auto published = publish(*lock, *present, commit.generation_after);
      if (!published) return std::unexpected(std::move(published.error()));
    }
    watch.stop(commit);
    if (options_.operations_log) {
      const std::string& agent = transaction.agent_put();
      log_.append(operation, agent.empty() ? subject : agent, commit);
    }
    finish(*lock, commit);
    return commit;
  });
}

base::Status JsonStore::inspect(
    const std::function<base::Status(const RegistryState&)>& body) const {
  return without_exceptions("inspect the registry", [&]() -> base::Status {
    const auto lock = base::FileLock::acquire_existing(lock_, options_.lock_timeout);
    if (!lock && lock.error().code != base::Errc::kNotFound) return std::unexpected(lock.error());
    std::uint64_t claimed = 0;
    auto present = load(claimed);
    if (!present) return std::unexpected(with_backup_named(std::move(present.error())));
    return body(SnapshotState(std::move(present->snapshot)));
  });
}

base::Result<std::optional<Damage>> JsonStore::damage() const {
  using Found = std::optional<Damage>;
  return without_exceptions("examine the registry", [&]() -> base::Result<Found> {
    auto present = load_settled();
    if (present) return Found{};
    if (present.error().code != base::Errc::kDamaged) {
      return std::unexpected(std::move(present.error()));
    }
    Damage damage{.what = std::move(present.error().message), .backup_generation = {}};
    if (const auto good = backups_.newest_good()) damage.backup_generation = good->file.generation;
    return Found(std::move(damage));
  });
}

base::Result<std::vector<Backup>> JsonStore::backups() const {
  return without_exceptions("list the backups", [&]() -> base::Result<std::vector<Backup>> {
    std::vector<Backup> backups;
    for (const BackupFolder::File& file : backups_.list()) {
      Backup backup{.name = file.name, .generation = file.generation};
      if (const auto snapshot = backups_.open(file)) {
        backup.good = true;
        backup.agents = (*snapshot)->agents().size();
      }
      backups.push_back(std::move(backup));
    }
    return backups;
  });
}

base::Result<Commit> JsonStore::restore(std::string_view backup_name) {
  return without_exceptions("restore a backup", [&]() -> base::Result<Commit> {
    Stopwatch watch;
    auto lock = lock_for_change();
    if (!lock) return std::unexpected(lock.error());
    watch.locked();
    const auto files = backups_.list();
    const auto file = std::ranges::find(files, backup_name, &BackupFolder::File::name);
    if (file == files.end()) {
      return base::fail(base::Errc::kNotFound, "there is no backup '{}'", backup_name);
    }
    auto snapshot = backups_.open(*file);
    if (!snapshot) return std::unexpected(std::move(snapshot.error()));
    std::uint64_t claimed = 0;
    const auto replaced = load(claimed);
    if (!replaced && replaced.error().code == base::Errc::kIo) {
      return std::unexpected(replaced.error());
    }
    if (replaced) claimed = replaced->generation;
    const Present present =
        restored({.file = *file, .snapshot = *std::move(snapshot), .bad = {}}, claimed);
    Commit commit{.generation_before = replaced ? replaced->generation : file->generation,
                  .generation_after = present.generation + 1,
                  .restored = true};
    auto published = publish(*lock, present, commit.generation_after);
    if (!published) return std::unexpected(std::move(published.error()));
    watch.stop(commit);
    if (options_.operations_log) log_.append("restore", backup_name, commit);
    finish(*lock, commit);
    return commit;
  });
}

base::Result<std::vector<std::string>> JsonStore::leftovers() const {
  using Names = std::vector<std::string>;
  return without_exceptions("look for leftovers", [&]() -> base::Result<Names> {
    const auto lock = base::FileLock::acquire_existing(lock_, options_.lock_timeout);
    if (!lock && lock.error().code != base::Errc::kNotFound) return std::unexpected(lock.error());
    return temporary_files(registry_);
  });
}

base::Result<int> JsonStore::remove_leftovers() {
  return without_exceptions("remove leftovers", [&]() -> base::Result<int> {
    const auto lock = lock_for_change();
    if (!lock) return std::unexpected(lock.error());
    return remove_temporary_files(registry_);
  });
}

}  // namespace

std::unique_ptr<Store> open_json_store(const std::filesystem::path& workspace,
                                       const JsonStoreOptions& options) {
  return std::make_unique<JsonStore>(workspace, options);
}

}  // namespace orc
