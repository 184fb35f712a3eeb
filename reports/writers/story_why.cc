#include "reports/writers/story_why.h"

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "reports/writers/story_steps.h"
#include "reports/writers/story_words.h"

namespace report {
namespace {

using Steps = std::vector<ScheduleStep>;

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

/// Three steps: who acts has looked at `file` at `look`, another has changed it at `change`, and
/// who looked has acted at `act` without another look.
struct Stale {
  std::size_t look = 0;
  std::size_t change = 0;
  std::size_t act = 0;
  std::string file;
  std::optional<std::size_t> read;  ///< where the look is the opening of what was read later
};

class Reason {
 public:
  Reason(const FailingSchedule& schedule, const std::vector<int>& numbers)
      : schedule_(schedule),
        steps_(schedule.steps),
        numbers_(numbers),
        shows_reads_(shows_reads(schedule.steps)) {}

  std::vector<std::string> sentences() {
    std::vector<std::string> said;
    const auto add = [&said](std::string sentence) {
      if (!sentence.empty()) said.push_back(std::move(sentence));
    };
    add(overwritten());
    add(put_in_place_for_another());
    add(locked_two_files());
    if (said.empty()) add(checked_then_acted());
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (steps_[i].act == "crash") add(killed_between(i));
    }
    return said;
  }

 private:
  [[nodiscard]] std::string ref(std::size_t step) const {
    const int number = step < numbers_.size() ? numbers_[step] : 0;
    return number == 0 ? "" : fmt::format(" ({})", number);
  }
  /// "A's `delete x` (5)".
  [[nodiscard]] std::string act_of(std::size_t step) const {
    return fmt::format("{}'s `{}`{}", owner(step), infinitive(steps_[step]), ref(step));
  }
  [[nodiscard]] const std::string& owner(std::size_t step) const { return steps_[step].operation; }

  [[nodiscard]] bool changes(std::size_t step, const std::string& file) const {
    const std::vector<std::string> files = changed_by(steps_[step]);
    return std::ranges::find(files, file) != files.end();
  }
  [[nodiscard]] bool makes(std::size_t step, const std::string& file) const {
    return touch_of(steps_[step]) == Touch::kCreate && steps_[step].file == file;
  }
  /// Where reads are no steps, whoever opens a file reads it.
  [[nodiscard]] bool reads(const ScheduleStep& step) const {
    return is_read(step) || (!shows_reads_ && step.kind == "open");
  }
  /// Where reads are no steps, an open file may be read again behind a lock.
  [[nodiscard]] bool locks_between(const std::string& who, std::size_t from, std::size_t to) const {
    return !shows_reads_ && std::ranges::any_of(std::span(steps_).subspan(from, to - from),
                                                [&who](const ScheduleStep& step) {
                                                  return step.operation == who &&
                                                         step.kind == "lock";
                                                });
  }

  enum class Look { kAny, kRead };
  /// Of the act at `act` upon `file`: the actor's last look at it and the last change by another
  /// since. Who reads a file that has lost its name meanwhile has looked when he opened it.
  [[nodiscard]] std::optional<Stale> stale_at(std::size_t act, const std::string& file,
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
          return change ? std::optional(Stale{i, *change, act, file, read}) : std::nullopt;
        }
      }
      if (!change && owner(i) != actor && !owner(i).empty() &&
          (changes(i, file) || makes(i, file))) {
        change = i;
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] std::string held_at(std::size_t step) const {
    for (std::size_t i = step + 1; i-- > 0;) {
      if (!steps_[i].registry.empty()) return steps_[i].registry;
    }
    return "";
  }

  /// What the registry held before the change, by an earlier one.
  [[nodiscard]] std::set<std::string> held_before(const Stale& stale) const {
    for (std::size_t i = stale.change; i-- > 0;) {
      if (!changes(i, stale.file) || owner(i) == owner(stale.change)) continue;
      return agents_in(steps_[i].registry).value_or(std::set<std::string>());
    }
    return {};
  }

  /// What the registry held by the change and no longer after the act, though the act knew nothing
  /// of it: "a-2 running".
  [[nodiscard]] std::vector<std::string> lost_by(const Stale& stale) const {
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

  [[nodiscard]] std::string outcome_of(const std::string& label) const {
    const auto found = std::ranges::find(schedule_.operations, label, &ScheduledOperation::label);
    return found == schedule_.operations.end() ? "" : found->outcome;
  }

  /// Stale read, then overwrite. One that loses what the registry had comes before any other.
  [[nodiscard]] std::string overwritten() const {
    std::optional<Stale> replaced;
    for (std::size_t act = 0; act < steps_.size(); ++act) {
      if (owner(act).empty()) continue;
      for (const std::string& file : changed_by(steps_[act])) {
        const auto stale = stale_at(act, file, Look::kRead);
        if (!stale) continue;
        const std::vector<std::string> lost = lost_by(*stale);
        if (!lost.empty()) {
          return overwrite_sentence(*stale, fmt::format(" ({})", fmt::join(lost, ", ")));
        }
        const bool whole = steps_[act].kind == "rename" && steps_[act].file2 == file;
        if (!replaced && whole && !shows_otherwise(*stale)) replaced = stale;
      }
    }
    return replaced ? overwrite_sentence(*replaced, "") : "";
  }

  [[nodiscard]] bool shows_otherwise(const Stale& stale) const {
    const bool judged = agents_in(steps_[stale.act].registry).has_value() &&
                        agents_in(steps_[stale.change].registry).has_value();
    return judged || locks_between(owner(stale.act), stale.change, stale.act);
  }

  [[nodiscard]] std::string overwrite_sentence(const Stale& stale, const std::string& what) const {
    const std::string& changer = owner(stale.change);
    std::string text =
        stale.read
            ? fmt::format("{} opened {}{} before {}'s change of it{}, read what was there before{}",
                          owner(stale.act), stale.file, ref(stale.look), changer, ref(stale.change),
                          ref(*stale.read))
            : fmt::format("{} read {}{} before {}'s change of it{}", owner(stale.act), stale.file,
                          ref(stale.look), changer, ref(stale.change));
    text +=
        fmt::format(", and wrote it after{}: {}'s change is gone{}", ref(stale.act), changer, what);
    if (outcome_of(changer) == "ok") text += fmt::format(", though {} was told ok", changer);
    return text + ".";
  }

  /// A look, another's change, an act upon the look: of the registry, else on anything after a look
  /// at the registry, else of any one file.
  [[nodiscard]] std::string checked_then_acted() const {
    std::optional<Stale> elsewhere;
    std::optional<Stale> other_file;
    for (std::size_t act = 0; act < steps_.size(); ++act) {
      if (owner(act).empty() || !acts(steps_[act])) continue;
      if (const auto stale = stale_file_at(act)) {
        if (!steps_[stale->change].registry.empty()) return check_sentence(*stale);
        if (!other_file) other_file = stale;
      }
      if (!elsewhere) elsewhere = stale_registry_at(act);
    }
    if (!elsewhere) elsewhere = other_file;
    return elsewhere ? check_sentence(*elsewhere) : "";
  }

  static bool acts(const ScheduleStep& step) {
    const Touch touch = touch_of(step);
    const bool outside = step.kind == "exec" || step.kind == "connect" || step.kind == "send" ||
                         step.kind == "signal";
    return step.act == "run" && (touch == Touch::kChange || touch == Touch::kCreate || outside);
  }

  /// Plain writes count for the registry alone: a log of several is appended to.
  [[nodiscard]] std::optional<Stale> stale_file_at(std::size_t act) const {
    const ScheduleStep& step = steps_[act];
    std::vector<std::string> files = changed_by(step);
    if (touch_of(step) == Touch::kCreate) files.push_back(step.file);
    if (step.kind == "write" && step.registry.empty()) files.clear();
    for (const std::string& file : files) {
      std::optional<Stale> stale = stale_at(act, file, Look::kAny);
      if (stale && !locks_between(step.operation, stale->change, act)) return stale;
    }
    return std::nullopt;
  }

  /// Of the act upon the last look at the registry, unless that look has led to a change of it.
  [[nodiscard]] std::optional<Stale> stale_registry_at(std::size_t act) const {
    for (std::size_t i = act; i-- > 0;) {
      const ScheduleStep& step = steps_[i];
      if (step.operation != owner(act) || step.registry.empty()) continue;
      if (touch_of(step) != Touch::kLook) return std::nullopt;
      std::optional<Stale> stale = stale_at(act, step.file, Look::kAny);
      if (!stale || steps_[stale->change].registry.empty()) return std::nullopt;
      if (locks_between(owner(act), stale->change, act)) return std::nullopt;
      return stale;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::string check_sentence(const Stale& stale) const {
    return fmt::format(
        "{} looked at {}{}, then came {}, and {} went on without another look: `{}`{}.",
        owner(stale.act), stale.file, ref(stale.look), act_of(stale.change), owner(stale.act),
        infinitive(steps_[stale.act]), ref(stale.act));
  }

  /// A lock file that was deleted or replaced while somebody had it open.
  [[nodiscard]] std::string locked_two_files() const {
    for (std::size_t old = 0; old < steps_.size(); ++old) {
      if (!is_lock(old) || !is_nameless(steps_[old])) continue;
      const std::string& file = steps_[old].file;
      std::optional<std::size_t> gone;
      for (std::size_t i = 0; i < steps_.size(); ++i) {
        if (!gone && takes_name(i, file)) gone = i;
        const bool another = is_lock(i) && steps_[i].kind == "lock" && steps_[i].file == file &&
                             owner(i) != owner(old) && !is_nameless(steps_[i]);
        if (!gone || !another || *gone > old) continue;
        return fmt::format(
            "{} came in between: {} and {} are of two files of that name, which "
            "keep nobody out.",
            act_of(*gone), act_of(old), act_of(i));
      }
    }
    return "";
  }

  [[nodiscard]] bool is_lock(std::size_t step) const {
    return steps_[step].act == "run" &&
           (steps_[step].kind == "lock" || steps_[step].kind == "unlock");
  }
  /// The file of that name is another from then on, or none.
  [[nodiscard]] bool takes_name(std::size_t step, const std::string& file) const {
    const bool deletes = steps_[step].kind == "unlink" || steps_[step].kind == "rename";
    return deletes && changes(step, file);
  }

  /// Two that make their new version under one name.
  [[nodiscard]] std::string put_in_place_for_another() const {
    for (std::size_t act = 0; act < steps_.size(); ++act) {
      const ScheduleStep& step = steps_[act];
      if (step.kind != "rename" || changed_by(step).empty()) continue;
      const std::size_t none = act;
      std::size_t own = none;
      std::size_t other = none;
      for (std::size_t i = 0; i < act; ++i) {
        if (!changes(i, step.file) && !makes(i, step.file)) continue;
        const bool takes_away = takes_name(i, step.file);
        if (owner(i) == step.operation) own = i;
        if (owner(i) == step.operation || takes_away) other = none;
        if (owner(i) != step.operation && !takes_away) other = i;
      }
      if (own == none || other == none) continue;
      return fmt::format("{}, then {}, then {}: both use that one name.", act_of(own),
                         act_of(other), act_of(act));
    }
    return "";
  }

  [[nodiscard]] std::string killed_between(std::size_t crash) const {
    const ScheduleStep& step = steps_[crash];
    const std::string who = step.task == step.operation
                                ? step.operation
                                : fmt::format("{}'s {}", step.operation, step.program);
    const std::string before = killed_before(step);
    std::string after;
    for (std::size_t i = crash; i-- > 0 && after.empty();) {
      if (owner(i) != step.operation || steps_[i].act != "run" || !acts(steps_[i])) continue;
      after = fmt::format("`{}`{}", infinitive(steps_[i]), ref(i));
    }
    if (after.empty()) return "";
    return before.empty() ? fmt::format("{} was killed after {}.", who, after)
                          : fmt::format("{} was killed between {} and `{}`.", who, after, before);
  }

  const FailingSchedule& schedule_;
  const Steps& steps_;
  const std::vector<int>& numbers_;
  bool shows_reads_;
};

}  // namespace

std::vector<std::string> why(const FailingSchedule& schedule, const std::vector<int>& numbers) {
  return Reason(schedule, numbers).sentences();
}

}  // namespace report
