#include "harness/target/mcp_client.h"

#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace stress {
namespace {

using base::Errc;
using nlohmann::json;

constexpr const char* kProtocol = "2025-06-18";

std::optional<json> respond(const std::string& method) {
  if (method == "ping") return json::object();
  return std::nullopt;
}

/// Throws json::exception where it is no result of a tool.
McpReply to_reply(const json& result) {
  McpReply reply;
  reply.is_error = result.value("isError", false);
  if (result.contains("structuredContent")) reply.structured = result.at("structuredContent");
  for (const json& content : result.value("content", json::array())) {
    if (content.at("type") == "text") reply.texts.push_back(content.at("text"));
  }
  return reply;
}

}  // namespace

std::string McpReply::text() const { return fmt::format("{}", fmt::join(texts, "\n")); }

base::Result<std::unique_ptr<McpClient>> McpClient::start(const RpcServer& server,
                                                          std::chrono::milliseconds timeout) {
  auto process = RpcProcess::start(server, &respond);
  if (!process) return std::unexpected(std::move(process.error()));
  std::unique_ptr<McpClient> client(new McpClient(std::move(*process)));
  if (auto ready = client->initialize(timeout); !ready) {
    return base::fail_from(std::move(ready.error()), "MCP handshake");
  }
  return client;
}

base::Status McpClient::initialize(std::chrono::milliseconds timeout) {
  const auto call = process_->send(
      "initialize", {{"protocolVersion", kProtocol},
                     {"capabilities", json::object()},
                     {"clientInfo", {{"name", "spawnstorm"}, {"version", SPAWNSTORM_VERSION}}}});
  if (!call) return std::unexpected(call.error());
  const auto reply = process_->await(*call, timeout);  // the protocol forbids cancelling this one
  if (!reply) return std::unexpected(reply.error());
  if (!*reply) {
    return base::fail(Errc::kInvalid, "the server refuses: {}", reply->error().message);
  }
  const json& result = **reply;
  if (!result.is_object() || !result.contains("protocolVersion") ||
      !result["protocolVersion"].is_string()) {
    return base::fail(Errc::kInvalid, "the server answers without a protocolVersion: {}",
                      result.dump());
  }
  protocol_ = result["protocolVersion"];
  return process_->notify("notifications/initialized", json::object());
}

base::Result<std::vector<std::string>> McpClient::list_tools(std::chrono::milliseconds timeout) {
  std::vector<std::string> names;
  std::set<std::string> cursors;
  json params = json::object();
  for (;;) {
    const auto call = process_->send("tools/list", params);
    if (!call) return std::unexpected(call.error());
    const auto reply = process_->await(*call, timeout);
    if (!reply) return base::fail_from(reply.error(), "MCP tools/list");
    if (!*reply) return base::fail(Errc::kInvalid, "MCP tools/list: {}", reply->error().message);
    try {
      for (const json& tool : (*reply)->at("tools")) names.push_back(tool.at("name"));
      params["cursor"] = (*reply)->value("nextCursor", json());
      if (params["cursor"].is_null()) return names;
      if (!cursors.insert(params["cursor"]).second) {
        return base::fail(Errc::kInvalid, "MCP tools/list: the same nextCursor {} for two pages",
                          params["cursor"].dump());
      }
    } catch (const json::exception& error) {
      return base::fail(Errc::kInvalid, "MCP tools/list: no list of tools: {}", error.what());
    }
  }
}

base::Result<McpReply> McpClient::call(const std::string& tool, const json& arguments,
                                       std::chrono::milliseconds timeout) {
  const auto call = process_->send("tools/call", {{"name", tool}, {"arguments", arguments}});
  if (!call) return std::unexpected(call.error());
  const auto reply = process_->await(*call, timeout);
  if (!reply) {
    if (reply.error().code == Errc::kTimeout) {
      (void)process_->notify("notifications/cancelled",
                             {{"requestId", *call}, {"reason", "no answer in time"}});
    }
    return base::fail_from(reply.error(), fmt::format("MCP tool {}", tool));
  }
  if (!*reply) {
    return McpReply{
        .is_error = true, .error_code = reply->error().code, .texts = {reply->error().message}};
  }
  try {
    return to_reply(**reply);
  } catch (const json::exception& error) {
    return base::fail(Errc::kInvalid, "MCP tool {}: no result of a tool: {}", tool, error.what());
  }
}

}  // namespace stress
