#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "harness/target/mcp_client.h"
#include "harness/target/placeholders.h"
#include "orchestrator/base/error.h"

namespace stress {

/// The MCP server of a target, as one process uses it: started at the first call, like every client
/// in life starts its own, and once more at the first call after it has died. Thread-safe.
class ToolServer {
 public:
  /// `timeout`: for the handshake, and for each call.
  ToolServer(RpcServer server, std::chrono::milliseconds timeout);
  /// Errors: those of McpClient.
  base::Result<McpReply> call(const std::string& tool, const nlohmann::json& arguments);
  /// Errors: those of McpClient.
  base::Result<std::vector<std::string>> list_tools();
  /// Ends the server, once no call is in flight; the next one starts another.
  void close();

 private:
  base::Result<std::shared_ptr<McpClient>> client();

  const RpcServer server_;
  const std::chrono::milliseconds timeout_;
  std::mutex mutex_;
  std::shared_ptr<McpClient> client_;
};

/// `arguments`: a JSON object; the placeholders in its texts are replaced. A text that is nothing
/// but `{progress}` becomes a number.
nlohmann::json expand_arguments(const std::string& arguments, const Placeholders& values);

/// What JSON pointers look into: the structured content; without it the first text that is JSON;
/// else all of its texts, as they are.
std::string json_of(const McpReply& reply);

}  // namespace stress
