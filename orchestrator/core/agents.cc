#include "orchestrator/core/agents.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "orchestrator/base/unique_fd.h"
#include "orchestrator/core/sessions.h"

namespace orc {
namespace {

using base::Errc;

constexpr std::size_t kMessageBytesMax = 4u << 10;
constexpr std::size_t kFindingsMax = 100;
constexpr int kOutputLinesMax = 100'000;
constexpr off_t kLogBytesRead = 4 << 20;

base::Status refuse_ended(const Agent& agent) {
  if (is_terminal(agent.status)) {
    return base::fail(Errc::kRefused, "agent {} has ended: it is {}", agent.id,
                      to_string(agent.status));
  }
  if (agent.status == AgentStatus::kStopping) {
    return base::fail(Errc::kRefused, "agent {} is being stopped", agent.id);
  }
  return {};
}

base::Status check_update(const AgentUpdate& update) {
  if (!update.status && !update.progress && !update.message) {
    return base::fail(Errc::kInvalid, "an update needs a status, a progress or a message");
  }
  if (update.progress && (*update.progress < 0 || *update.progress > 100)) {
    return base::fail(Errc::kInvalid, "progress {} is not within 0 and 100", *update.progress);
  }
  if (update.message) {
    if (auto ok = check_text("message", *update.message, kMessageBytesMax); !ok) return ok;
  }
  if (update.status && !claims_session(*update.status) &&
      *update.status != AgentStatus::kCompleted && *update.status != AgentStatus::kError) {
    return base::fail(Errc::kRefused, "status {} is set by the orchestrator only",
                      to_string(*update.status));
  }
  return {};
}

void apply(Agent& agent, const AgentUpdate& update) {
  const base::WallTime now = base::wall_now();
  if (update.progress) agent.progress = *update.progress;
  if (update.message) agent.message = *update.message;
  agent.updated_at = now;
  if (!update.status) return;
  if (is_terminal(*update.status)) {
    end_record(agent, *update.status, "", now);
  } else {
    // Owner and deadline of an unconfirmed record stay: its spawner has yet to commit.
    agent.status = *update.status;
  }
}

/// active -> stopping, owned by this process. The gate is closed from here on.
base::Result<Agent> claim_for_stopping(const Workspace& workspace, const std::string& agent_id,
                                       const std::string& reason) {
  Agent claimed;
  const auto commit =
      workspace.store().transact("kill-intent", agent_id, [&](Transaction& tx) -> base::Status {
        auto agent = tx.agent(agent_id);
        if (!agent) return std::unexpected(agent.error());
        if (is_terminal(agent->status)) return refuse_ended(*agent);
        const base::WallTime now = base::wall_now();
        if (agent->status == AgentStatus::kStopping && !abandoned(*agent, now)) {
          return refuse_ended(*agent);
        }
        agent->status = AgentStatus::kStopping;
        agent->owner = base::self_identity();
        agent->deadline = now + kStopTimeout;
        agent->updated_at = now;
        if (!reason.empty()) agent->reason = reason;
        claimed = *agent;
        tx.put(*std::move(agent));
        return {};
      });
  if (!commit) return std::unexpected(commit.error());
  return claimed;
}

base::Result<std::string> log_tail(const std::filesystem::path& path, int lines) {
  base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return base::fail_errno(errno, "open", path);
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return base::fail_errno(errno, "stat", path);
  const off_t from = std::max<off_t>(0, info.st_size - kLogBytesRead);
  std::string text(static_cast<std::size_t>(info.st_size - from), '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t got = ::pread(fd.get(), text.data() + filled, text.size() - filled,
                                from + static_cast<off_t>(filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::fail_errno(errno, "read", path);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  text.resize(filled);
  std::size_t begin = text.size();
  if (begin > 0 && text.back() == '\n') --begin;
  for (int found = 0; begin > 0; --begin) {
    if (text[begin - 1] == '\n' && ++found == lines) break;
  }
  return text.substr(begin);
}

}  // namespace

base::Result<std::uint64_t> update_agent(const Workspace& workspace, const std::string& agent_id,
                                         const AgentUpdate& update) {
  if (auto ok = check_update(update); !ok) return std::unexpected(ok.error());
  std::uint64_t version = 0;
  const auto commit =
      workspace.store().transact("update", agent_id, [&](Transaction& tx) -> base::Status {
        auto agent = tx.agent(agent_id);
        if (!agent) return std::unexpected(agent.error());
        if (auto ok = refuse_ended(*agent); !ok) return ok;
        apply(*agent, update);
        version = agent->version + 1;
        tx.put(*std::move(agent));
        return {};
      });
  if (!commit) return std::unexpected(commit.error());
  return version;
}

base::Status add_finding(const Workspace& workspace, const std::string& agent_id, Finding finding) {
  if (auto ok = check_name("kind", finding.kind); !ok) return ok;
  if (auto ok = check_name("severity", finding.severity); !ok) return ok;
  if (finding.message.empty()) return base::fail(Errc::kInvalid, "a finding needs a message");
  if (auto ok = check_text("message", finding.message, kMessageBytesMax); !ok) return ok;
  const auto commit =
      workspace.store().transact("finding", agent_id, [&](Transaction& tx) -> base::Status {
        auto agent = tx.agent(agent_id);
        if (!agent) return std::unexpected(agent.error());
        if (auto ok = refuse_ended(*agent); !ok) return ok;
        if (agent->findings.size() >= kFindingsMax) {
          return base::fail(Errc::kRefused, "agent {} has reported {} findings, which is the most",
                            agent_id, kFindingsMax);
        }
        finding.time = base::wall_now();
        agent->updated_at = finding.time;
        agent->findings.push_back(finding);
        tx.put(*std::move(agent));
        return {};
      });
  if (!commit) return std::unexpected(commit.error());
  return {};
}

base::Status kill_agent(const Workspace& workspace, const std::string& agent_id,
                        const std::string& reason) {
  if (auto ok = check_text("reason", reason, kMessageBytesMax); !ok) return ok;
  const auto claimed =
      claim_for_stopping(workspace, agent_id, reason.empty() ? "killed on request" : reason);
  if (!claimed) return std::unexpected(claimed.error());
  return finish_stopping(workspace, *claimed);
}

base::Result<std::string> agent_output(const Workspace& workspace, const std::string& agent_id,
                                       int lines) {
  if (lines < 1 || lines > kOutputLinesMax) {
    return base::fail(Errc::kInvalid, "lines must be within 1 and {}", kOutputLinesMax);
  }
  const auto state = workspace.store().read();
  if (!state) return std::unexpected(state.error());
  const auto agent = (*state)->agent(agent_id);
  if (!agent) return std::unexpected(agent.error());
  if (agent->session && is_active(agent->status)) {
    if (auto screen = workspace.host().capture(*agent->session, lines)) return screen;
  }
  auto tail = log_tail(workspace.log_file(agent_id), lines);
  if (!tail && tail.error().code == Errc::kNotFound) {
    return base::fail(Errc::kNotFound, "agent {} has neither a screen nor a log", agent_id);
  }
  return tail;
}

}  // namespace orc
