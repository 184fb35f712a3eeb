#include "reports/writers/storyline.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "reports/writers/story_words.h"

namespace report {
namespace {

constexpr std::size_t kMinorsTold = 3;  ///< in one cell; of more only the number

class Teller {
 public:
  explicit Teller(const FailingSchedule& schedule)
      : schedule_(schedule), steps_(schedule.steps), numbers_(schedule.steps.size()) {
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
  /// The step after which an operation's caller is told: its reply, else its own last one, else
  /// that of any process of it.
  void note_last(std::size_t i) {
    const ScheduleStep& step = steps_[i];
    if (step.operation.empty()) return;
    const auto rank = [&step](const ScheduleStep& other) {
      return is_reply(other) ? 2 : other.task == step.operation ? 1 : 0;
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
    const bool begins = begun_.insert(step.operation).second;
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
    } else if (killed_.contains(before->operation)) {
      text = moved;
    } else if (next == nullptr) {
      text = fmt::format("{} is done; {}", before->operation, moved);
    } else {
      text = fmt::format("{} cannot go on yet; {}", before->operation, moved);
    }
    across(StoryRow::Kind::kSwitch, std::move(text));
  }

  std::size_t tell_fault(std::size_t i) {
    const ScheduleStep& step = steps_[i];
    const std::string call = step.call.empty() && step.kind.empty() ? "" : infinitive(step);
    if (step.act == "crash") {
      if (step.task == step.operation) killed_.insert(step.operation);
      const std::string before = call.empty() ? "" : fmt::format(", before `{}`", call);
      across(StoryRow::Kind::kFault, fmt::format("{} is killed here{}", who(step), before));
    } else if (step.act == "session-kill") {
      const std::string which = step.file.empty() ? "" : " " + step.file;
      across(StoryRow::Kind::kFault, call.empty()
                                         ? fmt::format("the session{} is killed here", which)
                                         : fmt::format("a session is killed here: {}", call));
    } else {
      across(StoryRow::Kind::kFault, fmt::format("{}: {}", step.act, call));
    }
    return i + 1;
  }

  /// Cells of the steps from `begin` on that one task took in a row.
  std::size_t tell_group(std::size_t begin) {
    const ScheduleStep& first = steps_[begin];
    std::size_t end = begin;
    while (end < steps_.size() && steps_[end].task == first.task && steps_[end].act == "run" &&
           steps_[end].operation == first.operation && steps_[end].program == first.program) {
      ++end;
    }
    if (!first.operation.empty()) ran_ = &steps_[end - 1];
    std::size_t minors = 0;
    for (std::size_t i = begin; i < end;) {
      if (is_reply(steps_[i])) {
        ++i;
        minors = 0;
        continue;
      }
      const std::size_t size = same_file_run(std::span(steps_).subspan(i, end - i));
      const auto run = std::span(steps_).subspan(i, size);
      const bool minor = is_minor(run);
      if (first.operation.empty()) {
        across(StoryRow::Kind::kSwitch, "the harness " + told_as_one(run));
        i += size;
        continue;
      }
      if (minor && minors > 0) {
        add_minor(run, minors++);
      } else {
        rows_.push_back({.number = ++cells_,
                         .operation = first.operation,
                         .text = mark_of(first) + told_as_one(run)});
        minors = minor ? 1 : 0;
      }
      std::fill_n(numbers_.begin() + static_cast<std::ptrdiff_t>(i), size, cells_);
      i += size;
    }
    return end;
  }

  /// Nothing that another operation could see or wait for, nor a look at the registry.
  static bool is_minor(std::span<const ScheduleStep> run) {
    return std::ranges::all_of(run, [](const ScheduleStep& step) {
      const bool quiet = touch_of(step) == Touch::kLook || step.kind == "fsync" ||
                         step.kind == "chmod" || step.kind == "connect" || step.kind == "send" ||
                         step.kind == "exit" || step.kind == "other";
      return quiet && step.registry.empty() && step.result.empty();
    });
  }

  void add_minor(std::span<const ScheduleStep> run, std::size_t before) {
    std::string& text = rows_.back().text;
    if (before < kMinorsTold) {
      text += "; " + told_as_one(run);
    } else {
      if (before > kMinorsTold) text.resize(text.rfind("; and "));
      text += fmt::format("; and {} more", before - kMinorsTold + 1);
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
  int cells_ = 0;
  const ScheduleStep* ran_ = nullptr;  ///< the last step of an operation
  std::set<std::string> killed_;       ///< operations
  std::set<std::string> begun_;
  std::set<std::string> replied_;
  std::map<std::string, std::size_t> replies_after_;
};

}  // namespace

Storyline storyline_of(const FailingSchedule& schedule) { return Teller(schedule).tell(); }

}  // namespace report
