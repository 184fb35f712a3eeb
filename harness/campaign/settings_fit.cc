#include "harness/campaign/settings_fit.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "harness/target/target.h"
#include "harness/target/target_file.h"

namespace stress {
namespace {

/// Takes settings back one by one, and keeps the first complaint.
class Fit {
 public:
  Fit(StormSettings& settings, std::string target)
      : settings_(settings), target_(std::move(target)) {}

  template <class T>
  void without(bool offered, const char* name, T& field, const T& none, std::string_view why) {
    if (offered || field == none) return;
    if (settings_.given.contains(name) && complaint_.empty()) {
      complaint_ = fmt::format("--{} {}: {} {}", name, field, target_, why);
    }
    field = none;
  }
  void refuse(const std::string& sentence) {
    if (complaint_.empty()) complaint_ = sentence;
  }
  [[nodiscard]] const std::string& target() const { return target_; }
  [[nodiscard]] const std::string& complaint() const { return complaint_; }

 private:
  StormSettings& settings_;
  std::string target_;
  std::string complaint_;
};

void fit_rates(Fit& fit, StormSettings& s, const TargetOffers& offers) {
  fit.without(!offers.update_fields.empty(), "update-rate", s.update_rate, 0.0,
              R"(has no update that names {status}, {message} or {progress})");
  fit.without(offers.kill, "kill-rate", s.kill_rate, 0.0, "has no kill");
  fit.without(offers.list, "list-rate", s.list_rate, 0.0, "has no list");
  fit.without(offers.validate, "validate-rate", s.validate_rate, 0.0, "has no validate");
  fit.without(offers.parents, "child-rate", s.child_rate, 0.0,
              "has no spawn that names a {parent}, or shows none in its registry");
}

void fit_setup(Fit& fit, StormSettings& s, const TargetOffers& offers) {
  constexpr std::string_view kOwnLimits =
      R"(sets its own limits; write them into its file: "promises": {"max_concurrent": 8})";
  fit.without(offers.limits, "max-concurrent", s.max_concurrent, 0, kOwnLimits);
  fit.without(offers.limits, "max-agents", s.max_agents, 0, kOwnLimits);
  fit.without(offers.limits, "max-depth", s.max_depth, 0, kOwnLimits);
  fit.without(offers.preload, "preload", s.preload, 0,
              "is filled by its own setup commands beforehand, or not at all");
  fit.without(offers.unique_types, "unique-types", s.unique_types, false,
              "is told nothing of it; --types N makes spawns meet at one type");
}

void fit_sessions(Fit& fit, StormSettings& s, const TargetFacts& facts, bool choice) {
  if (!choice) {
    if (s.given.contains("sessions") && s.sessions != facts.sessions) {
      fit.refuse(fmt::format("--sessions {}: {} has sessions of kind {}, as its file says",
                             s.sessions, fit.target(), facts.sessions));
    }
    s.sessions = facts.sessions;
  }
  fit.without(s.sessions == "tmux", "kill-server-rate", s.kill_server_rate, 0.0,
              "has no tmux server");
  fit.without(s.sessions != "none", "kill-session-rate", s.kill_session_rate, 0.0,
              "has no sessions");
  fit.without(s.sessions != "none", "reuse-pid-rate", s.reuse_pid_rate, 0.0, "has no sessions");
}

/// Who is known to refuse is not asked again and again.
void fit_refusals(StormSettings& s, const TargetFacts& facts) {
  const auto once = static_cast<double>(spawns_required(s));
  const auto spawns = static_cast<std::uint64_t>(once + std::ceil(once * s.duplicate_rate));
  for (const std::optional<int>& limit : {facts.max_concurrent, facts.max_agents}) {
    if (limit && spawns > static_cast<std::uint64_t>(*limit)) s.accept_refusals = true;
  }
  if (s.types != 0 && facts.promises_no_duplicates) s.accept_refusals = true;
}

/// Of two equal requests one may be refused, and what a killed one has recorded refuses the next.
void fit_duplicates(StormSettings& s, const TargetFacts& facts) {
  const bool refuses = facts.promises_no_duplicates && !facts.idempotent_spawn;
  if (s.duplicate_rate > 0 && (s.unique_types || refuses)) s.accept_refusals = true;
}

/// So that a crash hits the spawn it was drawn for.
void fit_workers(StormSettings& s, const TargetOffers& offers) {
  if (offers.server_per_process && s.processes == 0 && s.threads == 0) s.threads = 1;
}

/// Workers stand in folders of their own.
void make_absolute(std::string& target) {
  if (is_target_file(target)) target = std::filesystem::absolute(target).string();
}

std::string missing_for(const std::string& op, const TargetOffers& offers,
                        const TargetFacts& facts) {
  if (op == "update" && offers.update_fields.empty()) {
    return "has no update that names {status}, {message} or {progress}";
  }
  if (op == "kill" && !offers.kill) return "has no kill";
  if (op != "repair") return {};
  if (!facts.has_repair) return "has no repair";
  return facts.sessions == "none" ? "has no sessions, so there is nothing to repair" : "";
}

}  // namespace

base::Result<StormSettings> fit_to_target(StormSettings settings) {
  const base::Result<std::unique_ptr<Target>> target = make_target(settings.target, RunPlace{});
  if (!target) return std::unexpected(target.error());
  const TargetOffers offers = (*target)->offers();
  const TargetFacts facts = (*target)->facts();
  Fit fit(settings, fmt::format("the target {}", facts.name));
  fit_workers(settings, offers);
  fit_rates(fit, settings, offers);
  fit_setup(fit, settings, offers);
  fit_sessions(fit, settings, facts, offers.session_choice);
  const bool one_file = !(*target)->observer().map().file.empty();
  fit.without(one_file, "damage", settings.damage, std::string("none"),
              "has no single registry file that could be damaged");
  fit.without(one_file, "count-loads", settings.count_loads, false,
              "has no single registry file whose reads could be counted");
  if (!offers.limits) fit_refusals(settings, facts);
  fit_duplicates(settings, facts);
  if (!fit.complaint().empty()) return base::fail(base::Errc::kInvalid, "{}", fit.complaint());
  make_absolute(settings.target);
  return settings;
}

base::Result<CrashSettings> fit_to_target(CrashSettings settings) {
  const base::Result<std::unique_ptr<Target>> target = make_target(settings.target, RunPlace{});
  if (!target) return std::unexpected(target.error());
  const TargetOffers offers = (*target)->offers();
  const TargetFacts facts = (*target)->facts();
  if (!offers.session_choice) {
    if (!settings.sessions.empty() && settings.sessions != facts.sessions) {
      return base::fail(base::Errc::kInvalid,
                        "--sessions {}: the target {} has sessions of kind {}, as its file says",
                        settings.sessions, facts.name, facts.sessions);
    }
    settings.sessions = facts.sessions;
  }
  if (settings.sessions.empty()) settings.sessions = "tmux";
  if (const std::string missing = missing_for(settings.op, offers, facts); !missing.empty()) {
    return base::fail(base::Errc::kInvalid, "--op {}: the target {} {}", settings.op, facts.name,
                      missing);
  }
  if (!offers.preload) settings.preload = 0;
  make_absolute(settings.target);
  return settings;
}

}  // namespace stress
