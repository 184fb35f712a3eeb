#include "orchestrator/core/repairer.h"

#include <algorithm>
#include <csignal>
#include <map>
#include <unordered_map>
#include <utility>

#include "orchestrator/core/sessions.h"

namespace orc {
namespace {

enum class Applied { kNo, kYes, kInMotion };

bool changes_record(Fix fix) {
  return fix == Fix::kFail || fix == Fix::kFence || fix == Fix::kAdopt || fix == Fix::kFinishStop;
}

base::Status kill_process(const base::ProcessIdentity& process) {
  if (auto ok = base::signal_process(process, SIGKILL); !ok) return ok;
  return base::wait_dead(process, kEndTimeout);
}

void failed_to_repair(Problem& problem, const base::Error& error) {
  problem.finding.message += "; not repaired: " + error.message;
}

class Repairer {
 public:
  Repairer(const Workspace& workspace, std::vector<Problem>& problems)
      : workspace_(workspace), problems_(problems) {}

  base::Status run() {
    end_survivors();
    if (auto ok = change_records(); !ok) return ok;
    end_sessions();
    remove_files();
    return {};
  }

  [[nodiscard]] bool in_motion(const Problem& problem) const {
    if (!problem.agent || !changes_record(problem.fix)) return false;
    const auto applied = applied_.find(problem.agent->id);
    return applied != applied_.end() && applied->second == Applied::kInMotion;
  }

 private:
  /// A ghost's process goes first: were its record ended before it and we killed in between, it
  /// would only be found as a stray.
  void end_survivors() {
    for (Problem& problem : problems_) {
      if (problem.fix != Fix::kFail || !problem.process) continue;
      if (auto ok = kill_process(*problem.process); !ok) {
        failed_to_repair(problem, ok.error());
        problem.fix = Fix::kNone;
      }
    }
  }

  base::Status change_records() {
    const bool any = std::ranges::any_of(problems_, [](const Problem& problem) {
      return changes_record(problem.fix) || problem.fix == Fix::kRecount;
    });
    if (!any) return {};
    const auto commit =
        workspace_.store().transact("repair", "", [&](Transaction& tx) -> base::Status {
          for (const Problem& problem : problems_) {
            if (changes_record(problem.fix)) change_record(tx, problem);
          }
          if (tx.stored_counts() != tx.counts() ||
              tx.stored_counts_by_task() != tx.counts_by_task()) {
            tx.recount();
          }
          return {};
        });
    if (!commit) return std::unexpected(commit.error());
    for (Problem& problem : problems_) {
      if (problem.fix == Fix::kRecount) problem.finding.repaired = true;
      if (problem.fix != Fix::kFail && problem.fix != Fix::kAdopt) continue;
      problem.finding.repaired = applied_[problem.agent->id] == Applied::kYes;
    }
    return {};
  }

  void change_record(Transaction& tx, const Problem& problem) {
    const Agent& seen = *problem.agent;
    Applied& applied = applied_[seen.id];
    if (applied == Applied::kYes) return;  // another finding about the same record did it
    applied = Applied::kInMotion;
    auto record = tx.agent(seen.id);
    if (!record || record->status != seen.status || record->attempt != seen.attempt ||
        record->session != seen.session || record->owner != seen.owner) {
      return;
    }
    const base::WallTime now = base::wall_now();
    switch (problem.fix) {
      case Fix::kAdopt:
        if (record->status == AgentStatus::kStarting) record->status = AgentStatus::kRunning;
        record->session = problem.session;
        record->started_at = now;
        record->updated_at = now;
        record->owner.reset();
        record->deadline.reset();
        break;
      case Fix::kFinishStop:
        record->owner = base::self_identity();
        record->deadline = now + kStopTimeout;
        claimed_[seen.id] = *record;
        break;
      default:
        end_record(*record, AgentStatus::kFailed, "repair: " + problem.finding.message, now);
        break;
    }
    tx.put(*std::move(record));
    applied = Applied::kYes;
  }

  void end_sessions() {
    const bool fenced = std::ranges::any_of(
        problems_, [](const Problem& problem) { return problem.fix == Fix::kFence; });
    // Younger than the fence: a session that is not in it can run no agent.
    const auto listing = fenced ? workspace_.host().list() : base::Result<Listing>(Listing{});
    for (Problem& problem : problems_) {
      if (in_motion(problem)) continue;
      if (const auto ended = end_session(problem, listing)) {
        problem.finding.repaired = ended->has_value();
        if (!*ended) failed_to_repair(problem, ended->error());
      }
    }
  }

  /// nullopt: nothing to end for this problem.
  std::optional<base::Status> end_session(const Problem& problem,
                                          const base::Result<Listing>& listing) {
    switch (problem.fix) {
      case Fix::kFence:
        if (!listing) return std::unexpected(listing.error());
        return end_attempt(workspace_, *listing, *problem.agent);
      case Fix::kFinishStop:
        return finish_stopping(workspace_, claimed_.at(problem.agent->id));
      case Fix::kFail:
        if (!problem.session) return std::nullopt;
        [[fallthrough]];
      case Fix::kEndSession:
        return workspace_.host().end(*problem.session, kEndTimeout);
      case Fix::kKillProcess:
        return kill_process(*problem.process);
      default:
        return std::nullopt;
    }
  }

  void remove_files() {
    bool swept = false;
    for (Problem& problem : problems_) {
      if (problem.fix == Fix::kFence && !in_motion(problem)) remove_prompt(problem.agent->id);
      if (problem.fix == Fix::kRemovePrompt) {
        problem.finding.repaired = remove_prompt(problem.finding.agent_id);
      }
      if (problem.fix == Fix::kRemoveTemporaries) {
        if (!swept) swept = workspace_.store().remove_leftovers().has_value();
        problem.finding.repaired = swept;
      }
    }
  }

  bool remove_prompt(const std::string& agent_id) {
    std::error_code error;
    std::filesystem::remove(workspace_.prompt_file(agent_id), error);
    return !error;
  }

  const Workspace& workspace_;
  std::vector<Problem>& problems_;
  std::unordered_map<std::string, Applied> applied_;
  std::map<std::string, Agent> claimed_;
};

}  // namespace

base::Result<std::vector<Problem>> apply_repairs(const Workspace& workspace,
                                                 std::vector<Problem> problems) {
  Repairer repairer(workspace, problems);
  if (auto ok = repairer.run(); !ok) return std::unexpected(ok.error());
  std::erase_if(problems, [&](const Problem& problem) { return repairer.in_motion(problem); });
  return problems;
}

}  // namespace orc
