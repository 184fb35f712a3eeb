#include "tests/e2e/flawed_target.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "orchestrator/base/file_io.h"
#include "orchestrator/base/file_lock.h"
#include "orchestrator/base/unique_fd.h"

namespace flawed {
namespace {

/// A flaw that cannot be played must not look like a target without one.
template <class Value>
Value& need(base::Result<Value>& result) {
  if (result) return *result;
  std::fprintf(stderr, "flawed target: %s\n", result.error().message.c_str());
  std::abort();
}

void need(const base::Status& status) {
  if (status) return;
  std::fprintf(stderr, "flawed target: %s\n", status.error().message.c_str());
  std::abort();
}

void put_in_place(const std::filesystem::path& temporary, const std::filesystem::path& file) {
  std::error_code error;
  std::filesystem::rename(temporary, file, error);
  if (error) need(base::Status(base::fail_errno(error.value(), "rename", temporary)));
}

}  // namespace

bool Wrapper::strikes() {
  if (++spawns_ != 2) return false;
  const auto mark = place_.workspace.parent_path() / "home" / "flaw-has-struck";
  const base::UniqueFd fd(::open(mark.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  return fd.valid();
}

base::Status Wrapper::change_record(const std::string& agent, const Change& change) const {
  auto workspace = orc::Workspace::open(place_.workspace);
  const auto commit = need(workspace).store().transact(
      "flaw", agent, [&](orc::Transaction& transaction) -> base::Status {
        auto record = transaction.agent(agent);
        if (!record) return std::unexpected(record.error());
        if (auto changed = change(*record); !changed) return changed;
        transaction.put(*std::move(record));
        return {};
      });
  if (!commit) return std::unexpected(commit.error());
  return {};
}

void Wrapper::show_to_a_reader(const Edit& edit) const {
  const std::filesystem::path file = observer().map().file;
  const auto aside = place_.workspace.parent_path() / "tmp" / "flawed-registry";
  const auto put = [&](const std::string& bytes) {
    need(base::replace_file(aside, bytes));
    put_in_place(aside, file);
  };
  auto lock = base::FileLock::acquire(place_.workspace / "registry.lock", std::chrono::minutes(1));
  need(lock);
  auto good = base::read_file(file);
  need(base::replace_file(aside, edit(need(good))));
  // Watched before it is in place: whoever closes it from here on has read it.
  const base::UniqueFd events(::inotify_init1(IN_CLOEXEC));
  ::inotify_add_watch(events.get(), aside.c_str(), IN_CLOSE_NOWRITE);
  put_in_place(aside, file);
  pollfd read{.fd = events.get(), .events = POLLIN, .revents = 0};
  if (::poll(&read, 1, 60'000) != 1) std::fputs("flawed target: nobody reads\n", stderr);
  put(*good);
}

void Wrapper::save_in_place() const {
  const std::filesystem::path file = observer().map().file;
  auto lock = base::FileLock::acquire(place_.workspace / "registry.lock", std::chrono::minutes(1));
  need(lock);
  auto bytes = base::read_file(file);
  const std::string& content = need(bytes);
  const base::UniqueFd fd(::open(file.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  for (std::size_t done = 0; done < content.size();) {
    const ssize_t got = ::write(fd.get(), content.data() + done, content.size() - done);
    if (got <= 0) std::abort();
    done += static_cast<std::size_t>(got);
  }
}

}  // namespace flawed
