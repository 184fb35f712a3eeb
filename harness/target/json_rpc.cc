#include "harness/target/json_rpc.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "orchestrator/base/file_io.h"
#include "orchestrator/base/pidfd.h"

// Policy. Callers write their own messages, so that the system call of a request is the caller's;
// a thread of the object's own reads, answers the server's requests, and writes what the pipe did
// not take at once. Both ends are non-blocking, so that a server which reads nothing while it
// writes cannot lock up with us.
namespace stress {
namespace {

using base::Errc;
using nlohmann::json;

constexpr std::size_t kLineBytesMax = 16u << 20;
constexpr std::size_t kShownBytesMax = 200;
constexpr std::size_t kLastWordsBytesMax = 1000;
constexpr std::chrono::seconds kKillGrace{10};
constexpr int kMethodNotFound = -32601;

/// SIGPIPE of this thread's writes, at the price of EPIPE: whoever uses a client need not know that
/// there is a pipe in it.
class NoSigpipe {
 public:
  NoSigpipe() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoSigpipe() {
    const int error = errno;
    if (::sigismember(&before_, SIGPIPE) == 0) {
      const timespec now{};
      while (::sigtimedwait(&pipe_, nullptr, &now) < 0 && errno == EINTR) {
      }
      ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    errno = error;
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  sigset_t pipe_{};
  sigset_t before_{};
};

bool is_over(int pidfd, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    pollfd end{pidfd, POLLIN, 0};
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const int ready = ::poll(&end, 1, static_cast<int>(std::max(left.count(), std::int64_t{0})));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

/// Throws. To copy or to print what is nested without end takes stack without end.
json parse_message(std::string_view line) {
  constexpr int kDepthMax = 256;
  return json::parse(line, [](int depth, json::parse_event_t, const json&) {
    if (depth > kDepthMax) throw std::length_error("nested too deeply");
    return true;
  });
}

std::uintmax_t size_of(const std::filesystem::path& file) {
  std::error_code none;
  const auto size = std::filesystem::file_size(file, none);
  return none ? 0 : size;
}

/// For one line of a message.
std::string shown(std::string_view text) {
  std::string line(text.substr(0, kShownBytesMax));
  for (char& byte : line) {
    if (static_cast<unsigned char>(byte) < 0x20) byte = ' ';
  }
  return text.size() > kShownBytesMax ? line + "…" : line;
}

std::string last_words(const std::filesystem::path& log, std::uintmax_t begin) {
  const auto text = base::read_file(log);
  if (!text || text->size() <= begin) return "it wrote nothing to its standard error";
  std::string_view rest = std::string_view(*text).substr(begin);
  if (rest.size() > kLastWordsBytesMax) rest.remove_prefix(rest.size() - kLastWordsBytesMax);
  while (rest.ends_with('\n')) rest.remove_suffix(1);
  return fmt::format("its last words: {}", rest);
}

}  // namespace

base::Result<std::unique_ptr<RpcProcess>> RpcProcess::start(const RpcServer& server,
                                                            Responder responder) {
  base::UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return base::fail_errno(errno, "make", "an event descriptor");
  base::Command command;
  command.argv = server.argv;
  command.env = server.env;
  command.cwd = server.cwd;
  const std::uintmax_t log_begin = size_of(server.log);
  auto process = base::start_piped(command, server.log);
  if (!process) return std::unexpected(std::move(process.error()));
  return std::unique_ptr<RpcProcess>(new RpcProcess(server, log_begin, std::move(*process),
                                                    std::move(wake), std::move(responder)));
}

RpcProcess::RpcProcess(RpcServer server, std::uintmax_t log_begin, base::PipedProcess process,
                       base::UniqueFd wake, Responder responder)
    : server_(std::move(server)),
      log_begin_(log_begin),
      responder_(std::move(responder)),
      process_(std::move(process)),
      wake_(std::move(wake)),
      thread_([this] { serve(); }) {}

RpcProcess::~RpcProcess() {
  {
    const std::lock_guard lock(mutex_);
    stage_ = Stage::kClosing;
  }
  wake();
  end_process();
  {
    const std::lock_guard lock(mutex_);
    stage_ = Stage::kOver;  // a descendant may hold the output open for ever
  }
  wake();
  thread_.join();
}

void RpcProcess::end_process() {
  const int pidfd = process_.pidfd.get();
  if (!is_over(pidfd, server_.grace)) {
    ::pidfd_send_signal(pidfd, SIGTERM, nullptr, 0);
    if (!is_over(pidfd, server_.grace)) {
      ::pidfd_send_signal(pidfd, SIGKILL, nullptr, 0);
      // One that hangs in a system call even then is left to the end of this process.
      if (!is_over(pidfd, kKillGrace)) return;
    }
  }
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED) != 0 && errno == EINTR) {
  }
}

base::Result<std::uint64_t> RpcProcess::send(const std::string& method, const json& params) {
  std::uint64_t call = 0;
  {
    const std::lock_guard lock(mutex_);
    call = ++calls_begun_;
    calls_[call] = std::nullopt;
  }
  auto posted = post({{"jsonrpc", "2.0"}, {"id", call}, {"method", method}, {"params", params}});
  if (posted) return call;
  const std::lock_guard lock(mutex_);
  calls_.erase(call);
  return std::unexpected(std::move(posted.error()));
}

base::Result<RpcReply> RpcProcess::await(std::uint64_t call, std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout, [&] { return broken_ || calls_[call]; });
  const auto entry = calls_.extract(call);
  if (entry.mapped()) return *entry.mapped();
  if (broken_) return std::unexpected(*broken_);
  return base::fail(Errc::kTimeout, "'{}' did not answer within {} ms",
                    fmt::join(server_.argv, " "), timeout.count());
}

base::Status RpcProcess::notify(const std::string& method, const json& params) {
  return post({{"jsonrpc", "2.0"}, {"method", method}, {"params", params}});
}

bool RpcProcess::broken() const {
  const std::lock_guard lock(mutex_);
  return broken_.has_value();
}

base::Status RpcProcess::post(const json& message) {
  const std::lock_guard lock(mutex_);
  if (broken_) return std::unexpected(*broken_);
  // Ids and names come from programs under test: what is no UTF-8 in them is replaced.
  unsent_ += message.dump(-1, ' ', false, json::error_handler_t::replace);
  unsent_ += '\n';
  flush();
  if (!unsent_.empty()) wake();
  return {};
}

void RpcProcess::flush() {
  const NoSigpipe guard;
  while (!unsent_.empty() && process_.in.valid()) {
    const ssize_t written = ::write(process_.in.get(), unsent_.data(), unsent_.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) return;
    if (written < 0) {
      unsent_.clear();  // nobody reads it: the thread will see why
      return;
    }
    unsent_.erase(0, static_cast<std::size_t>(written));
  }
}

void RpcProcess::wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void RpcProcess::serve() {
  while (serve_once()) {
  }
  close_input();
}

void RpcProcess::close_input() {
  const std::lock_guard lock(mutex_);
  unsent_.clear();
  process_.in.reset();
}

/// False: there is nothing more to come.
bool RpcProcess::serve_once() {
  Stage stage = Stage::kOpen;
  bool unsent = false;
  {
    const std::lock_guard lock(mutex_);
    stage = stage_;
    flush();
    unsent = !unsent_.empty();
  }
  if (stage == Stage::kOver) return false;
  if (stage == Stage::kClosing) close_input();
  // Only this thread closes `in`.
  std::array<pollfd, 4> fds{pollfd{process_.out.get(), POLLIN, 0},
                            pollfd{process_.pidfd.get(), POLLIN, 0}, pollfd{wake_.get(), POLLIN, 0},
                            pollfd{unsent ? process_.in.get() : -1, POLLOUT, 0}};
  if (::poll(fds.data(), fds.size(), -1) < 0) return errno == EINTR;
  if (fds[2].revents != 0) {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof count);
  }
  if (fds[0].revents != 0) return read_some();
  if (fds[1].revents == 0) return true;
  give_up(how_it_ended());
  return false;
}

bool RpcProcess::read_some() {
  std::array<char, 65536> buffer;  // NOLINT(*-member-init): 64 KB need no zeroing
  const ssize_t got = ::read(process_.out.get(), buffer.data(), buffer.size());
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (got <= 0) {
    give_up(is_over(process_.pidfd.get(), std::chrono::seconds(1)) ? how_it_ended()
                                                                   : "closed its output");
    return false;
  }
  const std::size_t searched = unread_.size();
  unread_.append(buffer.data(), static_cast<std::size_t>(got));
  std::size_t begin = 0;
  for (auto end = unread_.find('\n', searched); end != std::string::npos;
       end = unread_.find('\n', begin)) {
    const std::string_view line = std::string_view(unread_).substr(begin, end - begin);
    begin = end + 1;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    try {
      take(parse_message(line));
    } catch (const std::exception&) {
      give_up(fmt::format("wrote a line that is no JSON-RPC message: {}", shown(line)));
      return false;
    }
  }
  unread_.erase(0, begin);
  if (unread_.size() <= kLineBytesMax) return true;
  give_up(fmt::format("wrote a line of more than {} bytes", kLineBytesMax));
  return false;
}

/// Throws json::exception where it is no message.
void RpcProcess::take(const json& message) {
  if (message.is_array()) {  // a batch, as protocol versions before 2025-06-18 know it
    for (const json& one : message) take(one);
    return;
  }
  const json& id = message.contains("id") ? message.at("id") : json();
  if (message.contains("method")) {
    if (!id.is_null()) answer(message);
    return;
  }
  RpcReply reply;
  if (const json error = message.value("error", json()); !error.is_null()) {
    reply = std::unexpected(RpcError{error.at("code"), error.at("message")});
  } else {
    reply = message.at("result");
  }
  if (!id.is_number_unsigned()) return;
  const std::lock_guard lock(mutex_);
  const auto call = calls_.find(id.get<std::uint64_t>());
  if (call == calls_.end()) return;
  call->second = std::move(reply);
  changed_.notify_all();
}

void RpcProcess::answer(const json& request) {
  const std::string method = request.at("method");
  json reply = {{"jsonrpc", "2.0"}, {"id", request.at("id")}};
  if (auto result = responder_(method)) {
    reply["result"] = std::move(*result);
  } else {
    reply["error"] = {{"code", kMethodNotFound}, {"message", "no method '" + method + "' here"}};
  }
  (void)post(reply);
}

void RpcProcess::give_up(const std::string& why) {
  const std::lock_guard lock(mutex_);
  broken_ = base::Error{Errc::kUnavailable, 0,
                        fmt::format("'{}' {}; {}", fmt::join(server_.argv, " "), why,
                                    last_words(server_.log, log_begin_))};
  changed_.notify_all();
}

std::string RpcProcess::how_it_ended() const {
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(process_.pidfd.get()), &info, WEXITED | WNOWAIT) != 0) {
    return "ended";
  }
  if (info.si_code == CLD_EXITED) return fmt::format("ended with exit code {}", info.si_status);
  return fmt::format("was ended by signal {}", info.si_status);
}

}  // namespace stress
