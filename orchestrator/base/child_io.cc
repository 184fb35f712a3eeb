#include "orchestrator/base/child_io.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "orchestrator/base/child_setup.h"

namespace base {
namespace {

Result<UniqueFd> open_file(const std::filesystem::path& path, int flags) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail_errno(errno, "open", path);
  return above_stdio(std::move(fd));
}

Result<Channel> checked(UniqueFd ours, UniqueFd child) {
  auto high_ours = above_stdio(std::move(ours));
  if (!high_ours) return std::unexpected(high_ours.error());
  auto high_child = above_stdio(std::move(child));
  if (!high_child) return std::unexpected(high_child.error());
  return Channel{std::move(*high_ours), std::move(*high_child)};
}

}  // namespace

Result<UniqueFd> no_input() { return open_file("/dev/null", O_RDONLY); }

Result<UniqueFd> open_log(const std::filesystem::path& log) {
  if (log.empty()) return open_file("/dev/null", O_WRONLY);
  return open_file(log, O_WRONLY | O_APPEND | O_CREAT);
}

Result<Channel> pipe_channel(Direction direction) {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) return fail_errno(errno, "make", "a pipe");
  if (direction == Direction::kToChild) std::swap(fds[0], fds[1]);
  UniqueFd ours(fds[0]);
  UniqueFd child(fds[1]);
  if (::fcntl(ours.get(), F_SETFL, O_NONBLOCK) != 0) return fail_errno(errno, "set up", "a pipe");
  return checked(std::move(ours), std::move(child));
}

Result<Channel> report_channel() {
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) != 0) {
    return fail_errno(errno, "make", "a socket pair");
  }
  return checked(UniqueFd(fds[0]), UniqueFd(fds[1]));
}

Result<UniqueFd> input_file(std::string_view text) {
  if (text.empty()) return no_input();
  UniqueFd fd(::memfd_create("input", MFD_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, "make", "the input file");
  while (!text.empty()) {
    const ssize_t written = ::write(fd.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(errno, "write", "the input file");
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::lseek(fd.get(), 0, SEEK_SET) != 0) return fail_errno(errno, "rewind", "the input file");
  return above_stdio(std::move(fd));
}

void OutputStream::read_some(std::size_t bytes_max) {
  std::array<char, 65536> buffer;  // NOLINT(*-member-init): 64 KB need no zeroing
  const ssize_t got = ::read(fd_.get(), buffer.data(), std::min(bytes_max, buffer.size()));
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    fd_.reset();
    return;
  }
  const auto room = bytes_max_ - std::min(bytes_max_, text_.size());
  text_.append(buffer.data(), std::min(static_cast<std::size_t>(got), room));
  drained_ += static_cast<std::size_t>(got);
}

void OutputStream::read_rest() {
  int waiting = 0;
  if (!fd_.valid() || ::ioctl(fd_.get(), FIONREAD, &waiting) != 0) return;
  const std::size_t goal = drained_ + static_cast<std::size_t>(waiting);
  while (fd_.valid() && drained_ < goal) read_some(goal - drained_);
}

}  // namespace base
