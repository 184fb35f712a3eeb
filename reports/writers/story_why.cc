#include "reports/writers/story_why.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "reports/writers/story_facts.h"
#include "reports/writers/story_words.h"

namespace report {
namespace {

class Reason {
 public:
  Reason(const FailingSchedule& schedule, const std::vector<int>& numbers)
      : schedule_(schedule), steps_(schedule.steps), facts_(schedule.steps), numbers_(numbers) {}

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
  [[nodiscard]] const std::string& owner(std::size_t step) const { return facts_.owner(step); }

  [[nodiscard]] std::string outcome_of(const std::string& label) const {
    const auto found = std::ranges::find(schedule_.operations, label, &ScheduledOperation::label);
    return found == schedule_.operations.end() ? "" : found->outcome;
  }

  /// Stale read, then overwrite. One that loses what the registry had comes before any other.
  [[nodiscard]] std::string overwritten() const {
    std::optional<StaleLook> replaced;
    for (std::size_t act = 0; act < steps_.size(); ++act) {
      if (owner(act).empty()) continue;
      for (const std::string& file : changed_by(steps_[act])) {
        const auto stale = facts_.stale_read(act, file);
        if (!stale) continue;
        const std::vector<std::string> lost = facts_.lost_by(*stale);
        if (!lost.empty()) {
          return overwrite_sentence(*stale, fmt::format(" ({})", fmt::join(lost, ", ")));
        }
        if (!replaced && facts_.replaces(*stale)) replaced = stale;
      }
    }
    return replaced ? overwrite_sentence(*replaced, "") : "";
  }

  [[nodiscard]] std::string overwrite_sentence(const StaleLook& stale,
                                               const std::string& what) const {
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
    std::optional<StaleLook> elsewhere;
    std::optional<StaleLook> other_file;
    for (std::size_t act = 0; act < steps_.size(); ++act) {
      if (owner(act).empty() || !facts_.acts(act)) continue;
      if (const auto stale = facts_.stale_look(act)) {
        if (!steps_[stale->change].registry.empty()) return check_sentence(*stale);
        if (!other_file) other_file = stale;
      }
      if (!elsewhere) elsewhere = facts_.stale_look_at_registry(act);
    }
    if (!elsewhere) elsewhere = other_file;
    return elsewhere ? check_sentence(*elsewhere) : "";
  }

  [[nodiscard]] std::string check_sentence(const StaleLook& stale) const {
    return fmt::format(
        "{} looked at {}{}, then came {}, and {} went on without another look: `{}`{}.",
        owner(stale.act), stale.file, ref(stale.look), act_of(stale.change), owner(stale.act),
        infinitive(steps_[stale.act]), ref(stale.act));
  }

  /// A lock file that was deleted or replaced while somebody had it open.
  [[nodiscard]] std::string locked_two_files() const {
    for (std::size_t old = 0; old < steps_.size(); ++old) {
      if (!facts_.locks(old) || !is_nameless(steps_[old])) continue;
      const std::string& file = steps_[old].file;
      std::optional<std::size_t> gone;
      for (std::size_t i = 0; i < steps_.size(); ++i) {
        if (!gone && facts_.takes_name(i, file)) gone = i;
        const bool another = facts_.locks(i) && steps_[i].kind == "lock" &&
                             steps_[i].file == file && owner(i) != owner(old) &&
                             !is_nameless(steps_[i]);
        if (!gone || !another || *gone > old) continue;
        return fmt::format(
            "{} came in between: {} and {} are of two files of that name, which "
            "keep nobody out.",
            act_of(*gone), act_of(old), act_of(i));
      }
    }
    return "";
  }

  /// Two that make their new version under one name.
  [[nodiscard]] std::string put_in_place_for_another() const {
    for (std::size_t act = 0; act < steps_.size(); ++act) {
      const ScheduleStep& step = steps_[act];
      if (step.kind != "rename" || changed_by(step).empty()) continue;
      std::size_t own = act;
      std::size_t other = act;
      for (std::size_t i = 0; i < act; ++i) {
        if (!facts_.changes(i, step.file) && !facts_.makes(i, step.file)) continue;
        const bool is_own = owner(i) == step.operation;
        if (is_own) own = i;
        other = is_own || facts_.takes_name(i, step.file) ? act : i;
      }
      if (own == act || other == act) continue;
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
      if (owner(i) != step.operation || !facts_.acts(i)) continue;
      after = fmt::format("`{}`{}", infinitive(steps_[i]), ref(i));
    }
    if (after.empty()) return "";
    return before.empty() ? fmt::format("{} was killed after {}.", who, after)
                          : fmt::format("{} was killed between {} and `{}`.", who, after, before);
  }

  const FailingSchedule& schedule_;
  const std::vector<ScheduleStep>& steps_;
  StoryFacts facts_;
  const std::vector<int>& numbers_;
};

}  // namespace

std::vector<std::string> why(const FailingSchedule& schedule, const std::vector<int>& numbers) {
  return Reason(schedule, numbers).sentences();
}

}  // namespace report
