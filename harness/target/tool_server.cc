#include "harness/target/tool_server.h"

#include <charconv>
#include <filesystem>
#include <system_error>
#include <utility>

namespace stress {
namespace {

using nlohmann::json;

constexpr std::string_view kProgress = "{progress}";

json expanded_text(const std::string& text, const Placeholders& values) {
  std::string result = expand(text, values);
  int number = 0;
  const char* end = result.data() + result.size();
  const bool is_number = std::from_chars(result.data(), end, number).ptr == end && !result.empty();
  if (text == kProgress && is_number) return number;
  return result;
}

void expand_within(json& value, const Placeholders& values) {
  if (value.is_string()) value = expanded_text(value.get<std::string>(), values);
  if (value.is_structured()) {
    for (json& inner : value) expand_within(inner, values);
  }
}

}  // namespace

ToolServer::ToolServer(RpcServer server, std::chrono::milliseconds timeout)
    : server_(std::move(server)), timeout_(timeout) {}

base::Result<std::shared_ptr<McpClient>> ToolServer::client() {
  const std::lock_guard lock(mutex_);
  if (client_ && !client_->broken()) return client_;
  client_.reset();
  std::error_code told_when_it_is_opened;
  std::filesystem::create_directories(server_.log.parent_path(), told_when_it_is_opened);
  auto started = McpClient::start(server_, timeout_);
  if (!started) return std::unexpected(std::move(started.error()));
  client_ = std::move(*started);
  return client_;
}

base::Result<McpReply> ToolServer::call(const std::string& tool, const json& arguments) {
  const auto mcp = client();
  if (!mcp) return std::unexpected(mcp.error());
  return (*mcp)->call(tool, arguments, timeout_);
}

base::Result<std::vector<std::string>> ToolServer::list_tools() {
  const auto mcp = client();
  if (!mcp) return std::unexpected(mcp.error());
  return (*mcp)->list_tools(timeout_);
}

void ToolServer::close() {
  const std::lock_guard lock(mutex_);
  client_.reset();
}

json expand_arguments(const std::string& arguments, const Placeholders& values) {
  json result = json::parse(arguments);
  expand_within(result, values);
  return result;
}

std::string json_of(const McpReply& reply) {
  if (!reply.structured.is_null()) return reply.structured.dump();
  for (const std::string& text : reply.texts) {
    if (json::accept(text)) return text;
  }
  return reply.text();
}

}  // namespace stress
