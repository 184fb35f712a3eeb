#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reports/model/exploration.h"

namespace report {

/// Steps of schedules in plain words. All take any bytes, and hand on bytes that are not UTF-8 as
/// they are: who lays the text out replaces them.

/// How the words of a call on a nameless file end; see is_nameless().
inline constexpr std::string_view kNameless = ", which is no longer the file of that name";

/// What a step has to do with a file; a fault: nothing. kCreate: it makes the file, unless it is
/// there. A file that has lost its name since it was opened is none.
enum class Touch { kNone, kLook, kCreate, kChange };
Touch touch_of(const ScheduleStep& step);
bool is_read(const ScheduleStep& step);
/// The files whose content or name the step changes; none where it came to something else
/// (`result`) and the registry does not show a change.
std::vector<std::string> changed_by(const ScheduleStep& step);
/// Its file was deleted or replaced since it was opened.
bool is_nameless(const ScheduleStep& step);
/// The call before which somebody was killed: "rename x -> y"; empty: not known.
std::string killed_before(const ScheduleStep& crash);
/// "locks x: waits for …": it could not go on.
bool waits(const ScheduleStep& step);
/// The operation's last word to its caller.
bool is_reply(const ScheduleStep& step);

/// "write 412 bytes to registry.json".
std::string infinitive(const ScheduleStep& step);
/// The same of one who does it, and what came of it: "reads registry.json: 1 agent: a-1 running".
std::string third_person(const ScheduleStep& step);
/// Several steps of one task at one file as one sentence: "creates x, writes 412 bytes to it and
/// renames it to registry.json: now 1 agent: a-1 running". How many steps from the first on make up
/// such a sentence: same_file_run(). At least one, unless `steps` is empty.
std::size_t same_file_run(std::span<const ScheduleStep> steps);
std::string told_as_one(std::span<const ScheduleStep> run);

/// Who of an operation's processes and threads it was: "[child tmux] ", "[thread 2] "; empty: the
/// operation's own.
std::string mark_of(const ScheduleStep& step);

}  // namespace report
