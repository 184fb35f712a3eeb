#include "orchestrator/core/observation.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "orchestrator/core/sessions.h"

namespace orc {
namespace {

using base::Errc;

constexpr int kLooksMax = 3;

void copy_registry(const RegistryState& state, Observation& out) {
  std::unordered_set<std::string_view> ids;
  ids.reserve(state.agents().size());
  for (const AgentEntry& entry : state.agents()) {
    if (!ids.insert(entry.id).second) {
      out.duplicate_ids.emplace(entry.id);
      continue;
    }
    if (!is_active(entry.status)) continue;
    if (auto agent = state.agent(entry.id)) out.active.push_back(*std::move(agent));
  }
  out.agents_total = static_cast<int>(state.agents().size());
  out.counts = state.counts();
  out.stored_counts = state.stored_counts();
  out.counts_by_task = state.counts_by_task();
  out.stored_counts_by_task = state.stored_counts_by_task();
}

void list_sessions(SessionHost& host, Observation& out, Listing& into) {
  auto listing = host.list();
  if (listing) {
    into = *std::move(listing);
  } else {
    out.host_error = listing.error();
  }
}

void list_users_sessions(Observation& out) {
  const bool imported = std::ranges::any_of(
      out.active, [](const Agent& agent) { return agent.session && is_mere_name(*agent.session); });
  if (!imported) return;
  if (auto listing = list_users_server()) {
    out.users = *std::move(listing);
  } else {
    out.users_error = listing.error();
  }
}

/// Whatever else somebody keeps in that folder is theirs.
std::vector<std::string> list_prompts(const Workspace& workspace) {
  std::vector<std::string> ids;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(workspace.prompt_folder(), error)) {
    std::string id = entry.path().stem().string();
    if (entry.path().extension() != ".md" || !looks_like_agent_id(id)) continue;
    ids.push_back(std::move(id));
  }
  return ids;
}

base::Result<Observation> look_once(const Workspace& workspace) {
  Observation out;
  out.prompt_ids = list_prompts(workspace);
  list_sessions(workspace.host(), out, out.before);
  auto read = workspace.store().inspect([&](const RegistryState& state) -> base::Status {
    copy_registry(state, out);
    return {};
  });
  if (read) {
    list_sessions(workspace.host(), out, out.after);
    list_users_sessions(out);
    auto later = workspace.store().read();
    if (later) {
      out.later = *std::move(later);
    } else {
      read = std::unexpected(later.error());
    }
  }
  if (!read && read.error().code != Errc::kDamaged) return std::unexpected(read.error());
  if (!read) {
    Observation damaged;
    damaged.damage = read.error();
    return damaged;
  }
  auto leftovers = workspace.store().leftovers();
  if (!leftovers) return std::unexpected(leftovers.error());
  out.leftovers = *std::move(leftovers);
  return out;
}

}  // namespace

base::Result<Observation> observe(const Workspace& workspace) {
  auto seen = look_once(workspace);
  for (int looks = 1; looks < kLooksMax; ++looks) {
    if (!seen || seen->damage || seen->host_error || seen->host_is_steady()) break;
    seen = look_once(workspace);
  }
  return seen;
}

}  // namespace orc
