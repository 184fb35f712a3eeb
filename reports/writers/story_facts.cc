#include "reports/writers/story_facts.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "reports/writers/story_steps.h"
#include "reports/writers/story_words.h"

namespace report {
namespace {

/// "2 agents, 20 ended: a-1 running, a-2 starting" taken apart, without those that have ended
/// long ago. nullopt: it does not name each agent.
std::optional<std::set<std::string>> agents_in(const std::string& registry) {
  if (registry.starts_with("no agents") || registry == "it is not there") {
    return std::set<std::string>();
  }
  std::size_t count = 0;
  const std::size_t digits = std::min(registry.find_first_not_of("0123456789"), registry.size());
  if (digits == 0 || digits > 6) return std::nullopt;
  count = std::stoul(registry.substr(0, digits));
  std::set<std::string> agents;
  const std::size_t colon = registry.find(": ", digits);
  for (std::size_t at = colon == std::string::npos ? registry.size() : colon + 2;
       at < registry.size();) {
    const std::size_t end = std::min(registry.find(", ", at), registry.size());
    agents.insert(registry.substr(at, end - at));
    at = end + 2;
  }
  if (agents.size() != count) return std::nullopt;
  return agents;
}

std::string id_of(const std::string& agent) { return agent.substr(0, agent.find(' ')); }

}  // namespace

StoryFacts::StoryFacts(const std::vector<ScheduleStep>& steps)
    : steps_(steps), shows_reads_(shows_reads(steps)) {}

bool StoryFacts::changes(std::size_t step, const std::string& file) const {
  const std::vector<std::string> files = changed_by(steps_[step]);
  return std::ranges::find(files, file) != files.end();
}

bool StoryFacts::makes(std::size_t step, const std::string& file) const {
  return touch_of(steps_[step]) == Touch::kCreate && steps_[step].file == file;
}

bool StoryFacts::takes_name(std::size_t step, const std::string& file) const {
  const bool deletes = steps_[step].kind == "unlink" || steps_[step].kind == "rename";
  return deletes && changes(step, file);
}

bool StoryFacts::locks(std::size_t step) const {
  return steps_[step].act == "run" &&
         (steps_[step].kind == "lock" || steps_[step].kind == "unlock");
}

bool StoryFacts::acts(std::size_t step) const {
  constexpr std::array<std::string_view, 4> kOutside = {"exec", "connect", "send", "signal"};
  const Touch touch = touch_of(steps_[step]);
  return touch == Touch::kChange || touch == Touch::kCreate ||
         (steps_[step].act == "run" &&
          std::ranges::find(kOutside, steps_[step].kind) != kOutside.end());
}

std::optional<StaleLook> StoryFacts::stale_read(std::size_t act, const std::string& file) const {
  return stale_at(act, file, Look::kRead);
}

std::optional<StaleLook> StoryFacts::stale_look(std::size_t act) const {
  const ScheduleStep& step = steps_[act];
  std::vector<std::string> files = changed_by(step);
  if (touch_of(step) == Touch::kCreate) files.push_back(step.file);
  if (step.kind == "write" && step.registry.empty()) files.clear();
  for (const std::string& file : files) {
    std::optional<StaleLook> stale = stale_at(act, file, Look::kAny);
    if (stale && !locks_between(step.operation, stale->change, act)) return stale;
  }
  return std::nullopt;
}

std::optional<StaleLook> StoryFacts::stale_look_at_registry(std::size_t act) const {
  for (std::size_t i = act; i-- > 0;) {
    const ScheduleStep& step = steps_[i];
    if (step.operation != owner(act) || step.registry.empty()) continue;
    if (touch_of(step) != Touch::kLook) return std::nullopt;
    std::optional<StaleLook> stale = stale_at(act, step.file, Look::kAny);
    if (!stale || steps_[stale->change].registry.empty()) return std::nullopt;
    if (locks_between(owner(act), stale->change, act)) return std::nullopt;
    return stale;
  }
  return std::nullopt;
}

/// Of the act at `act` upon `file`: the actor's last look at it and the last change by another
/// since. Who reads a file that has lost its name meanwhile has looked when he opened it.
std::optional<StaleLook> StoryFacts::stale_at(std::size_t act, const std::string& file,
                                              Look look) const {
  const std::string& actor = owner(act);
  std::optional<std::size_t> change;
  std::optional<std::size_t> read;
  for (std::size_t i = act; i-- > 0;) {
    const ScheduleStep& step = steps_[i];
    if (owner(i) == actor && step.file == file) {
      if (!read && step.kind == "read" && is_nameless(step)) read = i;
      const bool looks = look == Look::kAny || (read ? step.kind == "open" : reads(step));
      if (touch_of(step) == Touch::kLook && looks) {
        return change ? std::optional(StaleLook{i, *change, act, file, read}) : std::nullopt;
      }
    }
    if (!change && owner(i) != actor && !owner(i).empty() && (changes(i, file) || makes(i, file))) {
      change = i;
    }
  }
  return std::nullopt;
}

/// As it is known from before, else from the next look, unless a change comes first.
std::string StoryFacts::held_at(std::size_t step) const {
  for (std::size_t i = step + 1; i-- > 0;) {
    if (!steps_[i].registry.empty()) return steps_[i].registry;
  }
  const auto later = std::span(steps_).subspan(step);
  const auto next =
      std::ranges::find_if(later, [](const ScheduleStep& one) { return !one.registry.empty(); });
  return next != later.end() && touch_of(*next) == Touch::kLook ? next->registry : "";
}

/// What the registry held before the change, by an earlier one.
std::set<std::string> StoryFacts::held_before(const StaleLook& stale) const {
  for (std::size_t i = stale.change; i-- > 0;) {
    if (!changes(i, stale.file) || owner(i) == owner(stale.change)) continue;
    return agents_in(steps_[i].registry).value_or(std::set<std::string>());
  }
  return {};
}

std::vector<std::string> StoryFacts::lost_by(const StaleLook& stale) const {
  const auto seen = agents_in(held_at(stale.look));
  const auto changed = agents_in(steps_[stale.change].registry);
  const auto after = agents_in(steps_[stale.act].registry);
  if (!seen || !changed || !after) return {};
  const std::set<std::string> before = held_before(stale);
  std::vector<std::string> lost;
  for (const std::string& agent : *changed) {
    if (seen->contains(agent) || after->contains(agent) || before.contains(agent)) continue;
    const auto is_same = [&](const std::string& other) { return id_of(other) == id_of(agent); };
    const auto now = std::ranges::find_if(*after, is_same);
    if (now == after->end() || seen->contains(*now)) lost.push_back(agent);
  }
  return lost;
}

bool StoryFacts::replaces(const StaleLook& stale) const {
  const ScheduleStep& act = steps_[stale.act];
  if (act.kind != "rename" || act.file2 != stale.file) return false;
  const bool shows_what_is_there =
      agents_in(act.registry).has_value() && agents_in(steps_[stale.change].registry).has_value();
  return !shows_what_is_there && !locks_between(owner(stale.act), stale.change, stale.act);
}

/// Where reads are no steps, whoever opens a file reads it.
bool StoryFacts::reads(const ScheduleStep& step) const {
  return is_read(step) || (!shows_reads_ && step.kind == "open");
}

/// Where reads are no steps, an open file may be read again behind a lock.
bool StoryFacts::locks_between(const std::string& who, std::size_t from, std::size_t to) const {
  return !shows_reads_ && std::ranges::any_of(std::span(steps_).subspan(from, to - from),
                                              [&who](const ScheduleStep& step) {
                                                return step.operation == who && step.kind == "lock";
                                              });
}

}  // namespace report
