// `stress` with targets that are wrong on purpose, each in one way only.
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <mutex>
#include <set>

#include <nlohmann/json.hpp>

#include "harness/cli/main.h"
#include "orchestrator/base/subprocess.h"
#include "orchestrator/registry/checksum.h"
#include "tests/e2e/command_target.h"
#include "tests/e2e/flawed_at_a_crash.h"
#include "tests/e2e/flawed_target.h"

namespace flawed {
namespace {

using stress::OpOutcome;
using stress::RepairReply;
using stress::Reply;
using stress::SpawnArguments;

/// Some write that is no whole: a reader finds half of the file.
class RegistryReadable : public Wrapper {
 public:
  using Wrapper::Wrapper;
  Reply spawn(const SpawnArguments& arguments) override {
    if (strikes()) {
      show_to_a_reader([](const std::string& bytes) { return bytes.substr(0, bytes.size() / 2); });
    }
    return inner().spawn(arguments);
  }
};

/// Two spawns are told one id.
class UniqueIds : public Wrapper {
 public:
  using Wrapper::Wrapper;
  Reply spawn(const SpawnArguments& arguments) override {
    Reply reply = inner().spawn(arguments);
    if (reply.outcome != OpOutcome::kOk) return reply;
    if (strikes()) reply.agent = last_;
    last_ = reply.agent;
    return reply;
  }

 private:
  std::string last_;  // one spawner a process
};

/// Acknowledges an agent that it does not write down.
class AckedPresent : public Wrapper {
 public:
  using Wrapper::Wrapper;
  Reply spawn(const SpawnArguments& arguments) override {
    Reply reply = inner().spawn(arguments);
    if (reply.outcome == OpOutcome::kOk && strikes()) {
      reply.agent = arguments.type + "-20000101T000000-aaaaaaaaaaaaa";
    }
    return reply;
  }
};

class NoLostUpdate : public Wrapper {
 public:
  using Wrapper::Wrapper;
  Reply update(const std::string&, const std::map<std::string, std::string>&) override {
    return {.outcome = OpOutcome::kOk};
  }
};

/// One registry whose checksum holds, and whose count does not.
class CountsMatch : public Wrapper {
 public:
  using Wrapper::Wrapper;
  Reply spawn(const SpawnArguments& arguments) override {
    Reply reply = inner().spawn(arguments);
    if (strikes()) show_to_a_reader(miscount);
    return reply;
  }

 private:
  static std::string miscount(const std::string& bytes) {
    auto document = nlohmann::ordered_json::parse(bytes);
    auto& active = document["counts"]["agents_active"];
    active = active.get<int>() + 1;
    document.erase("checksum");
    orc::Checksum checksum;
    checksum.update(document.dump());
    document["checksum"] = checksum.hex();
    return document.dump();
  }
};

/// Promises a limit that it does not keep.
class LimitsHold : public Wrapper {
 public:
  using Wrapper::Wrapper;
  base::Status setup(const stress::TargetSetup& setup) override {
    promised_ = setup.max_concurrent;
    stress::TargetSetup unlimited = setup;
    unlimited.max_concurrent = 0;
    return inner().setup(unlimited);
  }
  [[nodiscard]] stress::TargetFacts facts() const override {
    stress::TargetFacts facts = inner().facts();
    facts.max_concurrent = promised_;
    return facts;
  }

 private:
  int promised_ = 0;
};

/// One request, two agents of the type that was to be the only one.
class NoDuplicates : public Wrapper {
 public:
  using Wrapper::Wrapper;
  Reply spawn(const SpawnArguments& arguments) override {
    if (strikes()) (void)inner().spawn(arguments);
    SpawnArguments unchecked = arguments;
    unchecked.unique_type = false;
    return inner().spawn(unchecked);
  }
};

/// Looks for others of a type only when it is asked for that type for the first time.
class SecondIdentity : public Wrapper {
 public:
  using Wrapper::Wrapper;
  Reply spawn(const SpawnArguments& arguments) override {
    // The second of two equal requests comes after the first, or there would be nobody to look for.
    const std::lock_guard lock(mutex_);
    SpawnArguments admitted = arguments;
    if (!asked_for_.insert(arguments.type).second) admitted.unique_type = false;
    return inner().spawn(admitted);
  }

 private:
  std::mutex mutex_;
  std::set<std::string> asked_for_;
};

class HierarchySound : public Wrapper {
 public:
  using Wrapper::Wrapper;
  Reply spawn(const SpawnArguments& arguments) override {
    Reply reply = inner().spawn(arguments);
    if (reply.outcome != OpOutcome::kOk || !strikes()) return reply;
    const base::Status changed = change_record(reply.agent, [](orc::Agent& agent) -> base::Status {
      agent.depth = 2;  // right below the root
      return {};
    });
    return changed ? reply : Reply{.error = changed.error().message};
  }
};

/// A repair that says there is nothing to do.
class LazyRepair : public Wrapper {
 public:
  using Wrapper::Wrapper;
  RepairReply repair(bool) override { return {.reported = 0}; }
};

/// The record names a process that is not the session's.
class NoGhosts : public LazyRepair {
 public:
  using LazyRepair::LazyRepair;
  Reply spawn(const SpawnArguments& arguments) override {
    Reply reply = inner().spawn(arguments);
    if (reply.outcome != OpOutcome::kOk || !strikes()) return reply;
    const base::Status changed = change_record(reply.agent, [](orc::Agent& agent) -> base::Status {
      agent.session->process->pid = ::getpid();
      return {};
    });
    return changed ? reply : Reply{.error = changed.error().message};
  }
};

/// A kill that ends the record and forgets the session.
class NoOrphans : public LazyRepair {
 public:
  using LazyRepair::LazyRepair;
  Reply kill(const std::string& id) override {
    const base::Status changed = change_record(id, [](orc::Agent& agent) -> base::Status {
      if (orc::is_terminal(agent.status)) return base::fail(base::Errc::kRefused, "it has ended");
      agent.status = orc::AgentStatus::kTerminated;
      return {};
    });
    if (changed) return {.outcome = OpOutcome::kOk};
    return {.outcome = OpOutcome::kRefused, .error = changed.error().message};
  }
};

/// Starts the agent once more, where no session is marked as its.
class ThreeWayMatch : public Wrapper {
 public:
  using Wrapper::Wrapper;
  Reply spawn(const SpawnArguments& arguments) override {
    Reply reply = inner().spawn(arguments);
    if (reply.outcome != OpOutcome::kOk || !strikes()) return reply;
    const auto workspace = orc::Workspace::open(place().workspace);
    if (!workspace) return {.error = workspace.error().message};
    base::Command twin;
    twin.argv = {"tmux",        "-N", "-S", place().tmux_socket.string(),
                 "new-session", "-d", "-s", "twin"};
    for (const std::string& word : workspace->config().agent_command) {
      twin.argv.push_back(word == "{agent_id}" ? reply.agent : word);
    }
    twin.env = place().env;
    const auto outcome = base::run(twin);
    if (!outcome || !outcome->ok()) return {.error = "no twin was started"};
    return reply;
  }
};

/// Finds the same thing to repair each time.
class RepairIdempotent : public Wrapper {
 public:
  using Wrapper::Wrapper;
  RepairReply repair(bool dry_run) override {
    RepairReply reply = inner().repair(dry_run);
    if (!dry_run && reply.reported) ++*reply.reported;
    return reply;
  }
};

/// A dry run that leaves a trace.
class RepairIdempotentDry : public Wrapper {
 public:
  using Wrapper::Wrapper;
  RepairReply repair(bool dry_run) override {
    if (dry_run) std::ofstream(place().workspace / "last-check") << "found nothing\n";
    return inner().repair(dry_run);
  }
};

/// Ends a healthy agent.
class RepairHarmless : public Wrapper {
 public:
  using Wrapper::Wrapper;
  RepairReply repair(bool dry_run) override {
    if (!dry_run && !std::exchange(done_, true)) {
      const auto agents = observer().observe().agents;
      const auto victim = std::ranges::find(agents, "running", &stress::ObservedAgent::status);
      if (victim == agents.end()) return {.ok = false, .error = "no agent is running"};
      const Reply killed = inner().kill(victim->id);
      if (killed.outcome != OpOutcome::kOk) return {.ok = false, .error = killed.error};
    }
    return inner().repair(dry_run);
  }

 private:
  bool done_ = false;
};

/// Ends a session that is not marked as its own, for the sound of its name.
class RepairHarmlessForeign : public Wrapper {
 public:
  using Wrapper::Wrapper;
  RepairReply repair(bool dry_run) override {
    if (!dry_run) {
      base::Command end;
      end.argv = {"tmux",
                  "-N",
                  "-S",
                  place().tmux_socket.string(),
                  "kill-session",
                  "-t",
                  "=" + session_naming().prefix + "a-10"};
      end.env = place().env;
      (void)base::run(end);  // the second time there is nothing to end
    }
    return inner().repair(dry_run);
  }
};

/// Never replies.
class Progress : public Wrapper {
 public:
  using Wrapper::Wrapper;
  Reply spawn(const SpawnArguments& arguments) override {
    while (stuck_ || strikes()) {
      stuck_ = true;
      ::pause();
    }
    return inner().spawn(arguments);
  }
  [[nodiscard]] std::chrono::milliseconds reply_deadline() const override {
    return std::chrono::seconds(5);
  }

 private:
  bool stuck_ = false;  // one spawner a process
};

/// Leaves a temporary file.
class CleanExit : public Wrapper {
 public:
  using Wrapper::Wrapper;
  Reply spawn(const SpawnArguments& arguments) override {
    if (strikes()) std::ofstream(place().workspace / "notes.tmp") << "half a thought";
    return inner().spawn(arguments);
  }
};

/// Leaves a process.
class CleanExitDaemon : public Wrapper {
 public:
  using Wrapper::Wrapper;
  RepairReply repair(bool dry_run) override {
    if (!dry_run && !std::exchange(done_, true)) {
      base::Command daemon;
      daemon.argv = {"sleep", "infinity"};  // as the harness's own bystanders are called
      daemon.env = place().env;
      if (const auto started = base::start_detached(daemon, {}); !started) {
        return {.ok = false, .error = started.error().message};
      }
    }
    return inner().repair(dry_run);
  }

 private:
  bool done_ = false;
};

template <class Flaw>
void add(const std::string& name) {
  stress::register_target(name,
                          [](const stress::RunPlace& place) -> std::unique_ptr<stress::Target> {
                            return std::make_unique<Flaw>(place);
                          });
}

void add_all() {
  add<Wrapper>("control");
  add<ByCommand>("by-command");
  add<RegistryReadable>("flawed-registry-readable");
  add<InPlace>("flawed-in-place");
  add<GivesOthersUp>("flawed-gives-others-up");
  add<BusyForEver>("flawed-busy-for-ever");
  add<MapsAFile>("maps-a-file");
  add<LazyRepair>("flawed-registry-readable-lazy-repair");
  add<UniqueIds>("flawed-unique-ids");
  add<AckedPresent>("flawed-acked-present");
  add<NoLostUpdate>("flawed-no-lost-update");
  add<CountsMatch>("flawed-counts-match");
  add<LimitsHold>("flawed-limits-hold");
  add<NoDuplicates>("flawed-no-duplicates");
  add<SecondIdentity>("flawed-second-identity");
  add<HierarchySound>("flawed-hierarchy-sound");
  add<NoGhosts>("flawed-no-ghosts");
  add<LazyRepair>("flawed-no-ghosts-lazy-repair");
  add<NoOrphans>("flawed-no-orphans");
  add<ThreeWayMatch>("flawed-three-way-match");
  add<RepairIdempotent>("flawed-repair-idempotent");
  add<RepairIdempotentDry>("flawed-repair-idempotent-dry-run");
  add<RepairHarmless>("flawed-repair-harmless");
  add<RepairHarmlessForeign>("flawed-repair-harmless-foreign");
  add<Progress>("flawed-progress");
  add<CleanExit>("flawed-clean-exit");
  add<CleanExitDaemon>("flawed-clean-exit-daemon");
}

}  // namespace
}  // namespace flawed

int main(int argc, char** argv) {
  flawed::add_all();
  return stress::stress_main(argc, argv);
}
