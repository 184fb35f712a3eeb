#include "reports/writers/story_steps.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "reports/writers/story_words.h"

namespace report {
namespace {

/// What a step's change of the registry would be a change of.
const std::string& place_of(const ScheduleStep& step) {
  return step.file2.empty() ? step.file : step.file2;
}

/// A database has files beside it: "registry.db-wal".
bool is_beside(const std::string& file, const std::string& other) {
  return other.size() > file.size() && other.starts_with(file + "-");
}

class Registry {
 public:
  explicit Registry(const std::vector<ScheduleStep>& steps)
      : changed_(steps.size()), there_(steps.size()) {
    const std::string* held = nullptr;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].registry.empty()) continue;
      const bool another = held != nullptr && *held != steps[i].registry;
      changed_[i] = another && touch_of(steps[i]) != Touch::kLook;
      if (changed_[i] && !place_of(steps[i]).empty()) files_.insert(place_of(steps[i]));
      there_[i] = held != nullptr && *held != "it is not there";
      held = &steps[i].registry;
    }
  }

  [[nodiscard]] bool was_there(std::size_t step) const { return there_[step]; }
  [[nodiscard]] bool is_changed_by(std::size_t step) const { return changed_[step]; }
  [[nodiscard]] bool has(const std::string& file) const {
    return !file.empty() && std::ranges::any_of(files_, [&file](const std::string& one) {
      return one == file || is_beside(file, one) || is_beside(one, file);
    });
  }

 private:
  std::vector<bool> changed_;
  std::vector<bool> there_;  ///< before the step
  std::set<std::string> files_;
};

/// A rename that the same task makes once more, though nobody made its file anew, has failed: mv
/// first tries not to replace anything.
void mark_renames_in_vain(std::vector<ScheduleStep>& steps) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].kind != "rename" || steps[i].act != "run") continue;
    for (std::size_t next = i + 1; next < steps.size(); ++next) {
      const bool made_anew =
          steps[next].file == steps[i].file &&
          (steps[next].kind == "write" || touch_of(steps[next]) == Touch::kCreate);
      if (made_anew) break;
      if (steps[next].kind != "rename" || steps[next].task != steps[i].task ||
          steps[next].file != steps[i].file || steps[next].file2 != steps[i].file2) {
        continue;
      }
      steps[i].result = "in vain";
      steps[i].registry.clear();
      break;
    }
  }
}

/// The words of a call are those of when it was asked for; whoever goes on only later may find that
/// his open file has been replaced meanwhile.
void mark_replaced_files(std::vector<ScheduleStep>& steps) {
  std::map<std::pair<std::string, std::string>, std::size_t> opened;  ///< by task and file
  std::map<std::string, std::size_t> replaced;                        ///< by file
  for (std::size_t i = 0; i < steps.size(); ++i) {
    ScheduleStep& step = steps[i];
    if (step.kind == "open") opened[{step.task, step.file}] = i;
    const auto open = opened.find({step.task, step.file});
    const auto other = replaced.find(step.file);
    const bool by_descriptor = step.kind == "read" || step.kind == "write";
    if (by_descriptor && open != opened.end() && other != replaced.end() &&
        open->second < other->second && !is_nameless(step)) {
      step.call += kNameless;
    }
    if (step.kind != "rename" && step.kind != "unlink") continue;
    for (const std::string& file : changed_by(step)) replaced[file] = i;
  }
}

/// An open that may make a file has changed what was there: it has cut it.
void tell_that_it_empties(ScheduleStep& step) {
  if (touch_of(step) == Touch::kCreate) step.call = "open and empty " + step.file;
}

}  // namespace

bool shows_reads(const std::vector<ScheduleStep>& steps) {
  return std::ranges::find(steps, "read", &ScheduleStep::kind) != steps.end();
}

FailingSchedule for_story(FailingSchedule schedule) {
  mark_renames_in_vain(schedule.steps);
  mark_replaced_files(schedule.steps);
  const Registry registry(schedule.steps);
  const bool reads = shows_reads(schedule.steps);
  for (std::size_t i = 0; i < schedule.steps.size(); ++i) {
    ScheduleStep& step = schedule.steps[i];
    if (step.registry.empty()) continue;
    if (registry.is_changed_by(i)) {
      if (registry.was_there(i)) tell_that_it_empties(step);
      continue;
    }
    const bool looks = touch_of(step) == Touch::kLook && (!reads || step.kind == "read");
    const bool writes = touch_of(step) == Touch::kChange;
    if (!(looks || writes) || !registry.has(place_of(step))) step.registry.clear();
  }
  return schedule;
}

}  // namespace report
