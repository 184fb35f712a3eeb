#include "harness/target/target_file_views.h"

#include <string>
#include <vector>

#include "harness/target/placeholders.h"

namespace stress {

TargetFacts facts_of(const TargetFile& file, bool live) {
  const TargetPromises& promises = file.promises;
  const TargetObservation& observe = file.observe;
  const bool id_is_told = !file.agent_id.variable.empty() || !file.agent_id.after.empty();
  TargetFacts facts;
  facts.name = file.name;
  facts.sessions = file.sessions.kind;
  facts.live_snapshots = observe.reading != TargetObservation::Reading::kAtRest;
  facts.has_repair = file.repair.has_value();
  facts.has_dry_run = file.repair && file.repair->has_dry_run();
  facts.has_counts = observe.has_counts();
  facts.has_hierarchy = TargetFile::uses(file.spawn, "parent") && !observe.map.parent.empty();
  facts.limits_always = promises.limits_always;
  facts.limits_per_task = promises.limits_per_task;
  facts.promises_durable = promises.durable;
  facts.promises_no_duplicates = promises.no_duplicates;
  facts.removes_records = promises.removes_records;
  facts.keeps_finished_sessions = promises.keeps_finished_sessions;
  facts.idempotent_spawn = promises.idempotent_spawn;
  facts.agents_report =
      !live && !file.agent_binaries.empty() && (id_is_told || file.sessions.kind != "none");
  facts.max_concurrent = promises.max_concurrent;
  facts.max_agents = promises.max_agents;
  facts.max_depth = promises.max_depth;
  facts.root_parent = observe.root;
  facts.active = observe.active;
  facts.claims_session = observe.claims;
  facts.terminal = observe.terminal;
  return facts;
}

TargetOffers offers_of(const TargetFile& file) {
  TargetOffers offers;
  offers.kill = file.kill.has_value();
  offers.list = file.list.has_value();
  offers.validate = file.validate.has_value();
  offers.parents = facts_of(file, false).has_hierarchy;
  offers.server_per_process = !file.mcp.empty();
  offers.limits = offers.preload = offers.unique_types = offers.session_choice = false;
  offers.update_fields.clear();
  offers.partial_updates = false;
  if (!file.update) return offers;
  for (const char* field : {"status", "message", "progress"}) {
    if (TargetFile::uses(*file.update, field)) offers.update_fields.insert(field);
  }
  offers.statuses = file.update->statuses;
  return offers;
}

SessionNaming naming_of(const TargetFile& file, bool live) {
  const std::string& name = file.sessions.name;
  const std::vector<std::string> inside = placeholders_in(name);
  SessionNaming naming;
  naming.agents_are_stand_ins = facts_of(file, live).agents_report;
  naming.by_recorded_pid = file.sessions.kind == "process";
  naming.names_agent = inside.size() == 1 && inside.front() == "agent_id";
  if (inside.empty()) {
    naming.prefix = expand(name, {});
    return naming;
  }
  const std::string first = "{" + inside.front() + "}";
  const std::string last = "{" + inside.back() + "}";
  naming.prefix = name.substr(0, name.find(first));
  naming.suffix = name.substr(name.rfind(last) + last.size());
  return naming;
}

}  // namespace stress
