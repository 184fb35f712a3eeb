#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "orchestrator/base/error.h"
#include "orchestrator/base/subprocess.h"
#include "orchestrator/base/unique_fd.h"

namespace stress {

/// A program to talk to over its standard streams.
struct RpcServer {
  std::vector<std::string> argv;  ///< no shell
  std::vector<std::string> env;   ///< complete
  std::filesystem::path cwd;      ///< the caller's own where empty
  std::filesystem::path log;      ///< its standard error is appended here
  /// When it is closed: how long it may take to end after the end of its input, and after SIGTERM.
  std::chrono::milliseconds grace{2'000};
};

struct RpcError {
  std::int64_t code = 0;
  std::string message;
};
using RpcReply = std::expected<nlohmann::json, RpcError>;

/// A running server that speaks JSON-RPC 2.0, one message a line, and its side of the conversation.
/// It is a child in the caller's process group. Messages that are neither an answer to a call in
/// flight nor a request are ignored: notifications, and answers that come too late. A server that
/// ends, closes its output or writes what is no message is broken for good: each call fails with
/// one sentence which says why, with the last lines that it wrote to its log.
/// Thread-safety: all calls from any thread; destroying it is the last one.
class RpcProcess {
 public:
  /// What a request of the server is answered with; nothing: there is no such method. Called in a
  /// thread of the object's own.
  using Responder = std::function<std::optional<nlohmann::json>(const std::string& method)>;

  /// Errors: kNotFound (no such program or folder), kInvalid (no argv), kIo.
  static base::Result<std::unique_ptr<RpcProcess>> start(const RpcServer& server,
                                                         Responder responder);
  /// Closes the server's input, waits for its end, then SIGTERM, then SIGKILL.
  ~RpcProcess();
  RpcProcess(const RpcProcess&) = delete;
  RpcProcess& operator=(const RpcProcess&) = delete;

  /// Begins a call; the number that it gets is to be awaited, once. Errors: kUnavailable (broken).
  base::Result<std::uint64_t> send(const std::string& method, const nlohmann::json& params);
  /// The answer. Errors: kTimeout (the answer is no longer wanted), kUnavailable (broken).
  base::Result<RpcReply> await(std::uint64_t call, std::chrono::milliseconds timeout);
  /// Errors: kUnavailable (broken).
  base::Status notify(const std::string& method, const nlohmann::json& params);

  [[nodiscard]] bool broken() const;
  [[nodiscard]] pid_t pid() const { return process_.pid; }

 private:
  RpcProcess(RpcServer server, std::uintmax_t log_begin, base::PipedProcess process,
             base::UniqueFd wake, Responder responder);

  base::Status post(const nlohmann::json& message);
  void flush();  ///< under the lock; what the pipe does not take is left to the thread
  void serve();
  bool serve_once();
  void close_input();
  bool read_some();
  void take(const nlohmann::json& message);
  void answer(const nlohmann::json& request);
  void give_up(const std::string& why);
  std::string how_it_ended() const;
  void end_process();
  void wake() const;

  const RpcServer server_;
  const std::uintmax_t log_begin_;  ///< what stands in the log before it is not this server's
  const Responder responder_;
  base::PipedProcess process_;  ///< `in` under the lock; closed by the thread alone
  const base::UniqueFd wake_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t calls_begun_ = 0;
  std::map<std::uint64_t, std::optional<RpcReply>> calls_;
  std::string unsent_;
  std::optional<base::Error> broken_;
  enum class Stage { kOpen, kClosing, kOver } stage_ = Stage::kOpen;

  std::string unread_;  ///< the thread's own: the beginning of a line
  std::thread thread_;
};

}  // namespace stress
