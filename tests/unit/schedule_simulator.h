#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <ranges>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "harness/choice/choice.h"
#include "harness/schedule/causality.h"
#include "harness/schedule/meetings.h"
#include "harness/schedule/moment.h"
#include "harness/schedule/waiting_loops.h"
#include "tests/unit/simulated_calls.h"
#include "tests/unit/simulated_locks.h"

/// For what chooses and searches: a Simulation gives the moments that a Scheduler would give for
/// real programs that make these calls.
namespace stress::testing {

class Simulation {
 public:
  /// A run of so many steps is cut.
  static constexpr std::uint64_t kStepsMax = 40;
  struct Setting {
    int crashes_max = 0;
    bool children_at_once = false;  ///< see Scheduler::Setting::sessions_at_once
    bool begin_in_order = false;    ///< likewise
    bool shared_files = false;      ///< see SimLocks
    bool tells_states = true;       ///< see Candidate::state; without, it is cheaper
  };
  explicit Simulation(const SimProgram& program) : Simulation(program, Setting()) {}
  Simulation(const SimProgram& program, Setting setting)
      : program_(&program), setting_(setting), locks_(program, setting.shared_files) {
    for (const SimTask& task : program) tasks_.push_back({task.label == task.operation});
  }

  /// nullopt: all have ended, or nobody can go on, or it was cut.
  [[nodiscard]] std::optional<Moment> moment() {
    if (step_ >= kStepsMax) return std::nullopt;
    std::vector<std::size_t> ready;
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      if (!is_alive(i)) continue;
      if (setting_.tells_states) meetings_.stands_before((*program_)[i].label, key(i), accesses(i));
      if (!waits(i) && !begins_later(i)) ready.push_back(i);
    }
    WaitingLoops::Labels all;
    for (const std::size_t i : ready) all.insert((*program_)[i].label);
    const auto gives_way = [this, &all](std::size_t i) {
      return yields(i) && loops_.gives_way((*program_)[i].label, all);
    };
    if (!std::ranges::all_of(ready, gives_way)) std::erase_if(ready, gives_way);
    if (ready.empty()) return std::nullopt;
    Moment moment;
    moment.step = step_;
    moment.traceless = traceless_;
    moment.traceless_once_dead = traceless_once_dead_;
    const auto at_once =
        std::ranges::find_if(ready, [this](std::size_t i) { return is_child(i) && !yields(i); });
    moment.forced = setting_.children_at_once && at_once != ready.end();
    moment.held_up = is_anybody_held_up(ready, moment.forced);
    if (moment.forced) ready = {*at_once};
    forced_ = moment.forced;
    for (const std::size_t i : ready) {
      if (last_ == i && !yields(i)) moment.last = moment.candidates.size();
      if (turn_ == turn_of(i) && !yields(i)) moment.turn = turn_;
      const SimTask& task = (*program_)[i];
      moment.candidates.push_back({task.label, task.operation, turn_of(i), key(i), after(i),
                                   yields(i), lock(i), asks_after(i)});
    }
    if (crashes_ < setting_.crashes_max && !moment.forced) add_mortals(moment);
    return moment;
  }

  void carry_out(const Decision& decision) {
    const std::size_t chosen = index_of(*program_, decision.who);
    ++step_;
    traceless_ = false;
    traceless_once_dead_ = false;
    if (decision.act == Act::kRun) {
      run(chosen);
    } else {
      crash(chosen, decision.act);
    }
  }

  /// Of what is there, who of the living knows what and stands where; alike if it was cut.
  [[nodiscard]] std::uint64_t outcome() const {
    if (step_ >= kStepsMax) return 0;
    Choice state(1);
    for (const auto& [object, value] : values_) {
      if (value != 0) state = state.of(static_cast<std::uint64_t>(object)).of(value);
    }
    for (const auto& [lock, holder] : locks_.holders()) {
      state = state.of("held").of(static_cast<std::uint64_t>(lock)).of(holder);
    }
    for (const SimTaskState& task : tasks_) {
      state = task.dead ? state.of("dead") : state.of(task.known).of(task.at);
    }
    return state.bits();
  }
  /// Somebody lives, and nobody can go on.
  [[nodiscard]] bool is_stuck() {
    const auto all = std::views::iota(std::size_t{0}, tasks_.size());
    const bool lives = std::ranges::any_of(all, [this](std::size_t i) { return is_alive(i); });
    return lives && step_ < kStepsMax && !moment();
  }
  /// Which program had ended when which other one began: a bit a pair.
  [[nodiscard]] std::uint32_t order() const {
    std::uint32_t all = 0;
    for (const SimTaskState& task : tasks_) all = (all << tasks_.size()) | task.ended_before;
    return all;
  }
  [[nodiscard]] std::uint64_t state() const { return causality_.value(); }
  [[nodiscard]] const std::unordered_set<std::uint64_t>& met() const { return meetings_.met(); }

 private:
  static constexpr std::uint64_t kLives = 300;
  static constexpr std::uint64_t kPrograms = 400;
  static constexpr std::uint64_t kSharers = 500;

  [[nodiscard]] bool is_child(std::size_t i) const {
    return (*program_)[i].label != (*program_)[i].operation;
  }
  [[nodiscard]] std::string turn_of(std::size_t i) const {
    const SimTask& task = (*program_)[i];
    return setting_.children_at_once ? task.label : task.operation;
  }
  [[nodiscard]] WaitingLoops::Labels living() const {
    WaitingLoops::Labels living;
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      if (is_alive(i)) living.insert((*program_)[i].label);
    }
    return living;
  }
  [[nodiscard]] bool is_alive(std::size_t i) const {
    const SimTaskState& task = tasks_[i];
    return task.born && !task.dead && (!task.begun || task.at < (*program_)[i].calls.size());
  }
  [[nodiscard]] const SimCall& call(std::size_t i) const {
    return (*program_)[i].calls[tasks_[i].at];
  }
  [[nodiscard]] bool held_by_other(std::size_t i) const {
    return locks_.is_anothers(i, call(i).object);
  }
  /// A is the first task, B the last or its maker.
  [[nodiscard]] std::size_t main_of(int object) const {
    return object == 0 ? 0 : index_of(*program_, program_->back().operation);
  }
  [[nodiscard]] bool asked_lives(std::size_t i) const { return is_alive(main_of(call(i).object)); }
  [[nodiscard]] bool waits(std::size_t i) const {
    return tasks_[i].begun && call(i).kind == SimCall::Kind::kLock && held_by_other(i);
  }
  [[nodiscard]] bool is_anybody_held_up(const std::vector<std::size_t>& ready, bool forced) const {
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      const bool takes_turn = !forced && (last_ == i || turn_ == turn_of(i));
      const bool could_matter = takes_turn || (setting_.children_at_once && is_child(i));
      if (could_matter && is_alive(i) && std::ranges::find(ready, i) == ready.end()) return true;
    }
    return false;
  }
  [[nodiscard]] bool begins_later(std::size_t i) const {
    if (!setting_.begin_in_order || tasks_[i].begun || is_child(i)) return false;
    for (std::size_t j = 0; j < i; ++j) {
      if (!is_child(j) && !tasks_[j].begun) return true;
    }
    return false;
  }
  [[nodiscard]] std::string key(std::size_t i) const {
    return tasks_[i].begun ? key_of(call(i)) : "start";
  }
  [[nodiscard]] std::string event_key(std::size_t i) const {
    if (!tasks_[i].begun) return key(i);
    if (call(i).kind == SimCall::Kind::kAsk) return key(i) + (asked_lives(i) ? ", it lives" : "");
    const bool in_vain = call(i).kind == SimCall::Kind::kTry && held_by_other(i);
    return key(i) + (in_vain ? ", in vain" : "");
  }
  [[nodiscard]] bool yields(std::size_t i) const {
    return tasks_[i].begun &&
           (call(i).kind == SimCall::Kind::kSleep || loops_.loops((*program_)[i].label, key(i)));
  }
  [[nodiscard]] std::vector<Access> accesses(std::size_t i) const {
    if (!tasks_[i].begun && is_child(i)) return {};
    if (!tasks_[i].begun) return {{kPrograms, Touch::kLooks}};
    return accesses_of(call(i), kLives + main_of(call(i).object), sharers(i, Touch::kLooks));
  }
  /// That its call is about; 0: none.
  [[nodiscard]] std::uint64_t lock(std::size_t i) const {
    return tasks_[i].begun ? lock_of(call(i)) : 0;
  }
  [[nodiscard]] std::string asks_after(std::size_t i) const {
    if (!tasks_[i].begun || call(i).kind != SimCall::Kind::kAsk) return {};
    return (*program_)[main_of(call(i).object)].operation;
  }
  [[nodiscard]] std::vector<std::uint64_t> locks_of(const std::string& operation) const {
    std::vector<std::uint64_t> locks;
    std::ranges::transform(locks_.held_within(operation), std::back_inserter(locks), lock_object);
    return locks;
  }
  [[nodiscard]] Access sharers(std::size_t i, Touch touch) const {
    return {kSharers + index_of(*program_, (*program_)[i].operation), touch};
  }
  [[nodiscard]] std::vector<Access> death(const std::string& operation) const {
    std::vector<Access> accesses = {{1000, Touch::kChanges}};
    std::ranges::transform(locks_of(operation), std::back_inserter(accesses),
                           [](std::uint64_t lock) { return Access{lock, Touch::kChanges}; });
    return accesses;
  }
  [[nodiscard]] std::uint64_t after(std::size_t i) const {
    if (!setting_.tells_states) return 0;
    const std::uint64_t state = causality_.after({(*program_)[i].label, event_key(i), accesses(i)});
    const std::uint64_t all =
        loops_.after(state, (*program_)[i].label, key(i), yields(i), living());
    return forced_ ? Choice(all).of(last_.value_or(tasks_.size())).bits() : all;
  }
  void add_mortals(Moment& moment) const {
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      const SimTask& task = (*program_)[i];
      if (task.label != task.operation || !is_alive(i) || !tasks_[i].begun) continue;
      int standing = 0;
      for (std::size_t j = 0; j < tasks_.size(); ++j) {
        if (is_alive(j) && (*program_)[j].operation == task.operation) ++standing;
      }
      const bool shares = locks_.shares(i);
      Mortal mortal{task.label, standing > 1, false, shares, standing, locks_of(task.label), 0};
      if (setting_.tells_states) {
        const std::uint64_t dead =
            causality_.after({task.label, to_string(Act::kCrash), death(task.label)});
        mortal.state = Choice(dead).of(last_.value_or(tasks_.size())).bits();
      }
      moment.mortals.push_back(std::move(mortal));
    }
  }

  void run(std::size_t i) {
    const std::string label = (*program_)[i].label;
    const std::string made = key(i);
    if (setting_.tells_states) causality_.add({label, event_key(i), accesses(i)});
    if (setting_.tells_states) meetings_.made(label, key(i), accesses(i));
    if (!asks_after(i).empty()) meetings_.mark(life_meeting_id(asks_after(i)));
    if (setting_.tells_states && forced_) meetings_.made(cause_.first, cause_.second, accesses(i));
    const bool begun = tasks_[i].begun;
    traceless_ = begun && call(i).kind != SimCall::Kind::kSleep && leave_no_trace(accesses(i));
    // Whether its death undoes it: a lock that is taken or released is nobody else's.
    traceless_once_dead_ = traceless_ || (lock(i) != 0 && !locks_.shares(i, call(i).object));
    loops_.moved(label, made, yields(i), living());
    SimTaskState& task = tasks_[i];
    task.last_key = made;
    if (!forced_) {
      last_ = i;
      turn_ = turn_of(i);
      cause_ = {label, made};
    }
    if (task.begun) {
      effect(i);
    } else {
      begin(i);
    }
    if (is_alive(i)) return;
    traceless_ = traceless_once_dead_ = false;
    end(i, i, made);
  }
  /// An end releases locks, and is no call: it comes of a step of the same task or of another.
  void end(std::size_t i, std::size_t by, const std::string& call) {
    std::vector<Access> changed = {{kLives + i, Touch::kChanges}};
    if (locks_.shares(i)) changed.push_back(sharers(i, Touch::kAdds));
    for (const int lock : SimLocks::kLocks) {
      if (locks_.close(i, lock).had) changed.push_back({lock_object(lock), Touch::kChanges});
    }
    if (!setting_.tells_states) return;
    const std::string& label = (*program_)[i].label;
    const std::string& maker = (*program_)[by].label;
    if (by != i) {
      causality_.wake(label, maker);
      meetings_.wake(label, maker);
    }
    std::vector<Access> told = changed;
    if (!is_child(i)) told.push_back({kPrograms, Touch::kAdds});
    causality_.add({label, "end", told});
    meetings_.made(maker, call, changed);
    if (by != i) meetings_.made(label, tasks_[i].last_key, changed);
    if (forced_) meetings_.made(cause_.first, cause_.second, changed);
  }
  void begin(std::size_t i) {
    tasks_[i].begun = true;
    for (std::size_t j = 0; j < tasks_.size(); ++j) {
      const bool over = j != i && tasks_[j].begun && !tasks_[j].dead && !is_alive(j);
      if (over && !is_child(i) && !is_child(j)) tasks_[i].ended_before |= 1u << j;
    }
    for (std::size_t j = 0; j < tasks_.size(); ++j) {
      if (j == i || (*program_)[j].operation != (*program_)[i].label) continue;
      tasks_[j].born = true;
      if (!setting_.tells_states) continue;
      causality_.fork((*program_)[j].label, (*program_)[i].label);
      meetings_.fork((*program_)[j].label, (*program_)[i].label);
    }
  }
  void effect(std::size_t i) {
    SimTaskState& task = tasks_[i];
    const SimCall made = call(i);
    switch (made.kind) {
      case SimCall::Kind::kAsk:
        task.known = Choice(task.known).of(asked_lives(i) ? "lives" : "gone").bits();
        break;
      case SimCall::Kind::kLookAndClose:
        close(i, made.object);
        [[fallthrough]];
      case SimCall::Kind::kRead:
        task.known = Choice(task.known).of(values_[made.object]).bits();
        break;
      case SimCall::Kind::kAwait:
        if (values_[made.object] == 0) return;
        break;
      case SimCall::Kind::kClose:
        close(i, made.object);
        [[fallthrough]];
      case SimCall::Kind::kWrite:
        values_[made.object] = Choice(task.known).of(i).of(task.at).bits();
        break;
      case SimCall::Kind::kAdd:
        values_[made.object] += Choice(task.known).of(i).of(task.at).bits();
        break;
      case SimCall::Kind::kTry:
        task.known = Choice(task.known).of(held_by_other(i) ? "held" : "free").bits();
        [[fallthrough]];
      case SimCall::Kind::kLock:
        locks_.take(i, made.object);
        break;
      case SimCall::Kind::kUnlock:
        locks_.release(i, made.object);
        break;
      case SimCall::Kind::kSleep:
        break;
    }
    ++task.at;
  }
  /// By which its lock is released, if it has it.
  void close(std::size_t i, int object) {
    const SimLocks::Closed closed = locks_.close(i, object);
    if (!closed.had && !closed.shared) return;
    traceless_ = false;
    if (!setting_.tells_states) return;
    const std::string& label = (*program_)[i].label;
    std::vector<Access> changed;
    if (closed.had) changed.push_back({lock_object(object), Touch::kChanges});
    if (closed.shared) changed.push_back(sharers(i, Touch::kAdds));
    causality_.add({label, "lets go", changed});
    meetings_.made(label, key(i), changed);
    if (forced_) meetings_.made(cause_.first, cause_.second, changed);
  }
  void crash(std::size_t victim, Act act) {
    const SimTask& main = (*program_)[victim];
    if (setting_.tells_states) {
      const std::vector<Access> accesses = death(main.label);
      causality_.add({main.label, to_string(act), accesses});
      meetings_.made(main.label, to_string(act), accesses);
    }
    cause_ = {main.label, std::string(to_string(act))};
    loops_.disturbed();
    ++crashes_;
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      const bool dies = i == victim || (act == Act::kCrashWithDescendants &&
                                        (*program_)[i].operation == main.label);
      if (!dies || !is_alive(i)) continue;
      tasks_[i].dead = true;
      end(i, victim, std::string(to_string(act)));
    }
  }

  const SimProgram* program_;
  Setting setting_;
  std::vector<SimTaskState> tasks_;
  std::map<int, std::uint64_t> values_;
  SimLocks locks_;
  Causality causality_;
  mutable Meetings meetings_;
  std::optional<std::size_t> last_;  ///< of those who take turns, of the dead too
  std::string turn_;
  WaitingLoops loops_{3};
  std::uint64_t step_ = 0;
  int crashes_ = 0;
  bool traceless_ = false;  ///< the last step, as its moment says
  bool traceless_once_dead_ = false;
  bool forced_ = false;  ///< the moment
  std::pair<std::string, std::string> cause_;
};

}  // namespace stress::testing
