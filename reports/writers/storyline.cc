#include "reports/writers/storyline.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "reports/writers/story_weight.h"
#include "reports/writers/story_words.h"

namespace report {
namespace {

constexpr std::size_t kTold = 4;       ///< runs of steps in one cell; of more only the number
constexpr int kCellsOnOneScreen = 40;  ///< a story with more is told more briefly

class Teller {
 public:
  Teller(const FailingSchedule& schedule, bool brief)
      : schedule_(schedule),
        steps_(schedule.steps),
        numbers_(schedule.steps.size()),
        weight_(schedule.steps, brief) {
    for (std::size_t i = 0; i < steps_.size(); ++i) note_last(i);
  }

  Storyline tell() {
    for (std::size_t i = 0; i < steps_.size();) {
      tell_switch(i);
      const std::size_t end = steps_[i].act == "run" ? tell_group(i) : tell_fault(i);
      tell_replies(i, end);
      i = end;
    }
    for (const ScheduledOperation& operation : schedule_.operations) {
      if (!replied_.contains(operation.label)) tell_reply(operation.label);
    }
    return {std::move(rows_), std::move(numbers_)};
  }

 private:
  /// The step after which an operation's caller is told: its reply, else the end of its process,
  /// else the last of all its steps.
  void note_last(std::size_t i) {
    const ScheduleStep& step = steps_[i];
    if (step.operation.empty()) return;
    const auto rank = [&step](const ScheduleStep& other) {
      const bool ends = other.kind == "exit" || other.act == "crash";
      return is_reply(other) ? 2 : ends && other.task == step.operation ? 1 : 0;
    };
    const auto [last, fresh] = replies_after_.try_emplace(step.operation, i);
    if (!fresh && rank(step) >= rank(steps_[last->second])) last->second = i;
  }

  [[nodiscard]] const ScheduleStep* next_of(std::size_t from, const ScheduleStep& of) const {
    const auto rest = std::span(steps_).subspan(from);
    auto next = std::ranges::find(rest, of.task, &ScheduleStep::task);
    if (next == rest.end()) next = std::ranges::find(rest, of.operation, &ScheduleStep::operation);
    return next == rest.end() ? nullptr : &*next;
  }

  /// Not a server that was there before, for one.
  [[nodiscard]] bool is_announced(const std::string& label) const {
    return schedule_.operations.empty() ||
           std::ranges::find(schedule_.operations, label, &ScheduledOperation::label) !=
               schedule_.operations.end();
  }

  static std::string who(const ScheduleStep& step) {
    const std::string mark = mark_of(step);
    return mark.empty() ? step.operation
                        : fmt::format("{} {}", step.operation, mark.substr(0, mark.size() - 1));
  }

  void across(StoryRow::Kind kind, std::string text) {
    rows_.push_back({.kind = kind, .text = std::move(text)});
  }

  /// Says why someone else goes on. A child that goes on while its parent waits is no switch.
  void tell_switch(std::size_t i) {
    const ScheduleStep& step = steps_[i];
    if (step.act != "run" || step.operation.empty()) return;
    const bool begins = begun_.insert(step.operation).second && is_announced(step.operation);
    const ScheduleStep* before = ran_;
    if (before == nullptr || before->task == step.task) return;
    const bool other = before->operation != step.operation;
    if (!other && !step.preemption) return;
    const std::string_view moves = begins ? "begin" : "go on";
    const std::string moved =
        fmt::format("{} {}", other ? step.operation : who(step), begins ? "begins" : "goes on");
    const ScheduleStep* next = next_of(i, *before);
    std::string text;
    if (step.preemption) {
      text = fmt::format("the scheduler lets {} {}", other ? step.operation : who(step), moves);
      if (next != nullptr) {
        text += fmt::format("; {} stands before `{}`", other ? before->operation : who(*before),
                            infinitive(*next));
      }
    } else if (waits(*before)) {
      text = fmt::format("{} {}; {}", before->operation, before->result, moved);
    } else if (killed_.contains(before->operation) || !is_announced(before->operation)) {
      text = moved;
    } else if (next != nullptr && next->kind == "lock" && next->task == before->task) {
      text = fmt::format("{} waits for the lock on {}; {}", before->operation, next->file, moved);
    } else if (next == nullptr) {
      text = fmt::format("{} is done; {}", before->operation, moved);
    } else {
      text = fmt::format("{} cannot go on yet; {}", before->operation, moved);
    }
    across(StoryRow::Kind::kSwitch, std::move(text));
  }

  std::size_t tell_fault(std::size_t i) {
    const ScheduleStep& step = steps_[i];
    if (step.act == "crash") {
      if (step.task == step.operation) killed_.insert(step.operation);
      const std::string call = killed_before(step);
      const std::string before = call.empty() ? "" : fmt::format(", before `{}`", call);
      across(StoryRow::Kind::kFault, fmt::format("{} is killed here{}", who(step), before));
    } else if (step.act == "session-kill") {
      const std::string& which = step.result.empty() ? step.call : step.result;
      across(StoryRow::Kind::kFault,
             "a session is killed here" + (which.empty() ? "" : ": " + which));
    } else if (step.act == "agent-exit") {
      across(StoryRow::Kind::kFault, "an agent ends by itself here: session " + step.result);
    } else {
      across(StoryRow::Kind::kFault, fmt::format("{}: {}", step.act, step.call));
    }
    return i + 1;
  }

  /// Cells of the steps from `begin` on that one task took in a row.
  std::size_t tell_group(std::size_t begin) {
    const ScheduleStep& first = steps_[begin];
    std::size_t end = begin;
    while (end < steps_.size() && steps_[end].task == first.task && steps_[end].act == "run" &&
           steps_[end].operation == first.operation) {
      ++end;
    }
    if (!first.operation.empty()) ran_ = &steps_[end - 1];
    told_ = 0;
    group_has_cell_ = false;
    for (std::size_t i = begin; i < end;) {
      const std::size_t size = same_file_run(std::span(steps_).subspan(i, end - i));
      if (!is_reply(steps_[i])) tell_run(i, size);
      i += size;
    }
    return end;
  }

  void tell_run(std::size_t begin, std::size_t size) {
    const auto own = std::span(steps_).subspan(begin, size);
    if (own.front().operation.empty()) {
      return across(StoryRow::Kind::kSwitch, "the harness " + told_as_one(own));
    }
    if (!group_has_cell_ || !StoryWeight::is_nothing(own)) {
      std::vector<ScheduleStep> run(own.begin(), own.end());
      for (ScheduleStep& step : run) refer_to_cell(step);
      put_in_cell(run);
      for (const ScheduleStep& step : own) shown_.try_emplace(step.registry, cells_);
    }
    std::fill_n(numbers_.begin() + static_cast<std::ptrdiff_t>(begin), size, cells_);
  }

  /// What stands in another cell is not said again, if it is long.
  void refer_to_cell(ScheduleStep& step) const {
    constexpr std::size_t kLong = 40;
    const auto shown = shown_.find(step.registry);
    if (step.registry.size() < kLong || shown == shown_.end()) return;
    step.registry = fmt::format("as in ({})", shown->second);
  }

  void put_in_cell(std::span<const ScheduleStep> run) {
    const ScheduleStep& first = run.front();
    const bool minor = weight_.is_minor(run);
    // What a program does first belongs to its start.
    if (told_ > 0 && (minor || after_start_)) {
      add_to_cell(run);
    } else {
      rows_.push_back({.number = ++cells_,
                       .operation = first.operation,
                       .text = mark_of(first) + told_as_one(run)});
      told_ = 0;
    }
    group_has_cell_ = true;
    after_start_ = first.kind == "exec";
    // What the registry holds, what came of a step, what is strange ends its cell.
    const bool ends = std::ranges::any_of(run, [](const ScheduleStep& step) {
      return !step.registry.empty() || !step.result.empty() || is_nameless(step);
    });
    told_ = ends ? 0 : told_ + 1;
  }

  void add_to_cell(std::span<const ScheduleStep> run) {
    std::string& text = rows_.back().text;
    if (told_ < kTold) {
      text += "; " + told_as_one(run);
    } else {
      if (told_ > kTold) text.resize(text.rfind("; and "));
      text += fmt::format("; and {} more", told_ - kTold + 1);
    }
  }

  void tell_replies(std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const auto last = replies_after_.find(steps_[i].operation);
      if (last != replies_after_.end() && last->second == i) tell_reply(last->first);
    }
  }

  void tell_reply(const std::string& label) {
    replied_.insert(label);
    const auto found = std::ranges::find(schedule_.operations, label, &ScheduledOperation::label);
    if (found == schedule_.operations.end() || found->outcome.empty()) return;
    const std::string more = found->reply.empty() ? "" : ", " + found->reply;
    std::string text;
    if (found->outcome == "killed") {
      text = fmt::format("{} is dead: nobody is told anything", label);
    } else if (found->outcome == "stuck") {
      text = fmt::format("{} never ends", label) + more;
    } else if (found->outcome == "info") {
      text = fmt::format("{} is told: it may have been done, or not", label) + more;
    } else {
      text = fmt::format("{} is told: {}{}", label, found->outcome, more);
    }
    rows_.push_back({.kind = StoryRow::Kind::kReply, .operation = label, .text = std::move(text)});
  }

  const FailingSchedule& schedule_;
  const std::vector<ScheduleStep>& steps_;
  std::vector<StoryRow> rows_;
  std::vector<int> numbers_;
  StoryWeight weight_;
  std::map<std::string, int> shown_;  ///< what the registry held: the cell that says so
  int cells_ = 0;
  std::size_t told_ = 0;  ///< runs in the last cell, if more may be added to it
  bool group_has_cell_ = false;
  bool after_start_ = false;           ///< the last one was the start of a program
  const ScheduleStep* ran_ = nullptr;  ///< the last step of an operation
  std::set<std::string> killed_;       ///< operations
  std::set<std::string> begun_;
  std::set<std::string> replied_;
  std::map<std::string, std::size_t> replies_after_;
};

}  // namespace

Storyline storyline_of(const FailingSchedule& schedule) {
  Storyline whole = Teller(schedule, /*brief=*/false).tell();
  const int cells = whole.numbers.empty() ? 0 : *std::ranges::max_element(whole.numbers);
  return cells <= kCellsOnOneScreen ? whole : Teller(schedule, /*brief=*/true).tell();
}

}  // namespace report
