#include "harness/explore/fit.h"

#include <filesystem>

#include "harness/explore/requests.h"
#include "harness/target/target.h"
#include "harness/target/target_file.h"

namespace stress {

base::Result<ExploreSettings> fit_to_target(ExploreSettings settings) {
  const base::Result<std::unique_ptr<Target>> target = make_target(settings.target, RunPlace{});
  if (!target) return std::unexpected(target.error());
  const TargetFacts facts = (*target)->facts();
  if (!(*target)->offers().session_choice) {
    if (!settings.sessions.empty() && settings.sessions != facts.sessions) {
      return base::fail(base::Errc::kInvalid,
                        "--sessions {}: the target {} has sessions of kind {}, as its file says",
                        settings.sessions, facts.name, facts.sessions);
    }
    settings.sessions = facts.sessions;
  }
  if (settings.sessions.empty()) settings.sessions = "tmux";
  if ((*target)->offers().session_choice && settings.sessions != "tmux" &&
      settings.sessions != "process") {
    return base::fail(base::Errc::kInvalid, "--sessions must be tmux or process, not '{}'",
                      settings.sessions);
  }
  if (base::Status offered = check_operations(settings.ops, **target); !offered) {
    return std::unexpected(offered.error());
  }
  const int needed = need_an_agent(settings.ops) ? 1 : 0;
  // Where all that spawn may be killed, one that was there before is left to be judged.
  if (settings.prepared < 0) settings.prepared = settings.crashes > 0 ? 1 : needed;
  if (settings.prepared < needed) {
    return base::fail(base::Errc::kInvalid, "--prepared {}: one of the operations acts on an agent",
                      settings.prepared);
  }
  if (is_target_file(settings.target)) {  // explorers stand in folders of their own
    settings.target = std::filesystem::absolute(settings.target).string();
  }
  return settings;
}

}  // namespace stress
