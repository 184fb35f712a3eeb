#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "harness/target/json_rpc.h"
#include "orchestrator/base/error.h"

namespace stress {

/// What a tool answered.
struct McpReply {
  bool is_error = false;  ///< the tool says that it failed, or the protocol that there was no call
  std::optional<std::int64_t> error_code;  ///< of the protocol; its message then is the only text
  std::vector<std::string> texts;          ///< contents that are text, in order
  nlohmann::json structured;               ///< structuredContent; null: none
  [[nodiscard]] std::string text() const;  ///< all of them, one a line
};

/// A client of one MCP server (Model Context Protocol, 2025-06-18, stdio transport), as far as
/// calls of tools need one: it offers no capabilities, so it answers the server's `ping` and no
/// other request. What is promised about the process: see RpcProcess.
/// Thread-safety: all calls from any thread, many at once; destroying it is the last one.
class McpClient {
 public:
  /// Starts a server and shakes hands with it, within `timeout`. Any version of the protocol that
  /// the server answers with is accepted. Errors: those of RpcProcess, kTimeout, kInvalid (it
  /// refuses the handshake).
  static base::Result<std::unique_ptr<McpClient>> start(const RpcServer& server,
                                                        std::chrono::milliseconds timeout);

  /// The names of all tools, however many pages they fill; `timeout` for each page.
  /// Errors: kTimeout, kUnavailable, kInvalid (the server answers with something else).
  base::Result<std::vector<std::string>> list_tools(std::chrono::milliseconds timeout);

  /// A call that gets no answer within `timeout` is cancelled, and may have had its effect or have
  /// it later. Errors: kTimeout, kUnavailable, kInvalid.
  base::Result<McpReply> call(const std::string& tool, const nlohmann::json& arguments,
                              std::chrono::milliseconds timeout);

  /// Whether no further call can succeed: a new one has to be started.
  [[nodiscard]] bool broken() const { return process_->broken(); }
  /// The version of the protocol that the server chose.
  [[nodiscard]] const std::string& protocol() const { return protocol_; }
  [[nodiscard]] pid_t pid() const { return process_->pid(); }

 private:
  explicit McpClient(std::unique_ptr<RpcProcess> process) : process_(std::move(process)) {}
  base::Status initialize(std::chrono::milliseconds timeout);

  std::unique_ptr<RpcProcess> process_;
  std::string protocol_;
};

}  // namespace stress
