#include "orchestrator/session/tmux_listing.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>

namespace orc {
namespace {

constexpr std::string_view kServerPrefix = "server:";

std::optional<int> parse_number(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

/// One line: numbers and ids first. tmux allows no ':' in a session's name; only in an option that
/// somebody else has set could there be one.
struct Line {
  pid_t server = 0;
  std::string session_id;
  int pane = 0;
  pid_t process = 0;
  std::string workspace;
  std::string attempt;
  std::string name;
};

std::optional<Line> parse_line(std::string_view text) {
  std::array<std::string_view, 4> head;
  for (std::string_view& part : head) {
    const auto end = text.find(':');
    if (end == std::string_view::npos) return std::nullopt;
    part = text.substr(0, end);
    text.remove_prefix(end + 1);
  }
  const auto server = parse_number(head[0]);
  const auto pane = head[2].starts_with('%') ? parse_number(head[2].substr(1)) : std::nullopt;
  const auto process = parse_number(head[3]);
  const auto name = text.rfind(':');
  if (!server || !pane || !process || !head[1].starts_with('$')) return std::nullopt;
  if (name == std::string_view::npos) return std::nullopt;
  Line line{.server = *server,
            .session_id = std::string(head[1]),
            .pane = *pane,
            .process = *process,
            .workspace = {},
            .attempt = {},
            .name = std::string(text.substr(name + 1))};
  const auto marks = text.substr(0, name);
  const auto middle = marks.find(':');
  if (middle == std::string_view::npos) return std::nullopt;
  // More colons: values that we never write, so the marks are not ours.
  if (marks.find(':', middle + 1) == std::string_view::npos) {
    line.workspace = marks.substr(0, middle);
    line.attempt = marks.substr(middle + 1);
  }
  return line;
}

std::optional<base::ProcessIdentity> identity_if_there(pid_t pid) {
  auto identity = base::identify(pid);
  if (!identity) return std::nullopt;
  return *std::move(identity);
}

Session to_session(Line line, const std::optional<base::ProcessIdentity>& server) {
  return {.identity = {.host = "tmux",
                       .name = std::move(line.name),
                       .session_id = std::move(line.session_id),
                       .server = server,
                       .process = identity_if_there(line.process)},
          .workspace = std::move(line.workspace),
          .attempt = std::move(line.attempt)};
}

std::unexpected<base::Error> not_understood(std::string_view line) {
  return base::fail(base::Errc::kUnavailable, "tmux printed '{}', which is no session", line);
}

}  // namespace

std::string listing_format() {
  return fmt::format(
      "#{{pid}}:#{{session_id}}:#{{pane_id}}:#{{pane_pid}}:#{{{}}}:#{{{}}}:"
      "#{{session_name}}",
      kWorkspaceOption, kAttemptOption);
}

std::vector<std::string> listing_commands() {
  // The first command names the server even where it has no sessions.
  return {"list-commands",
          "-F",
          fmt::format("{}#{{pid}}", kServerPrefix),
          "has-session",
          ";",
          "list-panes",
          "-a",
          "-F",
          listing_format()};
}

base::Result<Session> parse_session(std::string_view text) {
  auto line = parse_line(text);
  if (!line) return not_understood(text);
  auto server = base::identify(line->server);
  if (!server) {
    return base::fail(base::Errc::kUnavailable, "the tmux server {} is gone", line->server);
  }
  return to_session(*std::move(line), *server);
}

base::Result<Listing> parse_listing(std::string_view text) {
  Listing listing{.server_running = true, .server = {}, .sessions = {}};
  std::map<std::string, Line> oldest_pane;  // by session id
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto row = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!listing.server) {
      const auto pid = row.starts_with(kServerPrefix)
                           ? parse_number(row.substr(kServerPrefix.size()))
                           : std::nullopt;
      if (!pid) return not_understood(row);
      listing.server = identity_if_there(*pid);
      if (!listing.server) {
        return base::fail(base::Errc::kUnavailable, "the tmux server {} is gone", *pid);
      }
      continue;
    }
    auto line = parse_line(row);
    if (!line || line->server != listing.server->pid) return not_understood(row);
    const auto [entry, fresh] = oldest_pane.try_emplace(line->session_id, *line);
    if (!fresh && line->pane < entry->second.pane) entry->second = *std::move(line);
  }
  if (!listing.server) return not_understood("");
  for (auto& [id, line] : oldest_pane) {
    listing.sessions.push_back(to_session(std::move(line), listing.server));
  }
  return listing;
}

}  // namespace orc
