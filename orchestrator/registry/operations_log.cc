#include "orchestrator/registry/operations_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "orchestrator/base/clock.h"
#include "orchestrator/base/unique_fd.h"

namespace orc {
namespace {

std::int64_t microseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

/// Names come from the caller; a log entry is not the place to refuse them.
std::string quoted(std::string_view text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string encode_entry(std::string_view operation, std::string_view subject,
                         const Commit& commit) {
  return fmt::format(R"({{"time":"{}","pid":{},"operation":{},"agent":{},"generation_before":{},)"
                     R"("generation_after":{},"waited_us":{},"held_us":{},"restored":{}}})"
                     "\n",
                     base::to_iso8601(base::wall_now()), ::getpid(), quoted(operation),
                     quoted(subject), commit.generation_before, commit.generation_after,
                     microseconds(commit.waited), microseconds(commit.held), commit.restored);
}

struct OpenLog {
  base::UniqueFd fd;
  off_t size = 0;
};

OpenLog open_log(const std::filesystem::path& path) {
  OpenLog log;
  log.fd.reset(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  struct stat status{};
  if (log.fd.valid() && ::fstat(log.fd.get(), &status) == 0) log.size = status.st_size;
  return log;
}

/// A writer that was killed in its write left a line without an end.
bool ends_midline(const OpenLog& log) {
  char last = '\n';
  return log.size > 0 && ::pread(log.fd.get(), &last, 1, log.size - 1) == 1 && last != '\n';
}

}  // namespace

OperationsLog::OperationsLog(std::filesystem::path path, std::uint64_t bytes_max)
    : path_(std::move(path)), bytes_max_(bytes_max) {}

void OperationsLog::append(std::string_view operation, std::string_view subject,
                           const Commit& commit) const {
  const std::string entry = encode_entry(operation, subject, commit);
  OpenLog log = open_log(path_);
  if (log.size > 0 && static_cast<std::uint64_t>(log.size) + entry.size() > bytes_max_) {
    std::filesystem::path old = path_;
    old += ".1";
    if (::rename(path_.c_str(), old.c_str()) == 0) log = open_log(path_);
  }
  if (!log.fd.valid()) return;
  const std::string line = (ends_midline(log) ? "\n" : "") + entry;
  const ssize_t wrote = ::write(log.fd.get(), line.data(), line.size());
  if (wrote >= 0 && static_cast<std::size_t>(wrote) < line.size()) {
    // A full disk: rather no line than half of one. If this fails too, the next writer ends it.
    static_cast<void>(::ftruncate(log.fd.get(), log.size) == 0);
  }
}

}  // namespace orc
