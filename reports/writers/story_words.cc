#include "reports/writers/story_words.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>

#include "reports/writers/text.h"

namespace report {
namespace {

bool is_one_of(std::string_view word, std::span<const std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

/// What was called, without the name of the program that some calls begin with.
std::string_view bare_call(const ScheduleStep& step) {
  const std::string_view call = step.call;
  const std::string prefix = step.program + ": ";
  return call.starts_with(prefix) ? call.substr(prefix.size()) : call;
}

bool lists(const ScheduleStep& step) {
  return step.kind == "list" || (step.kind == "look" && bare_call(step).starts_with("list"));
}

bool searches(const ScheduleStep& step) {
  constexpr std::array<std::string_view, 4> kKinds = {"look", "stat", "access", "readlink"};
  return is_one_of(step.kind, kKinds) && !lists(step);
}

bool opens(const ScheduleStep& step, std::string_view how) {
  return step.kind == "open" && bare_call(step).starts_with(how);
}

bool creates(const ScheduleStep& step) {
  return step.kind == "create" || opens(step, "create ") || opens(step, "open or create ");
}

bool empties(const ScheduleStep& step) { return opens(step, "open and empty "); }

/// Of a long one, its beginning and its end.
std::string name_of(const std::string& file) {
  constexpr std::size_t kLongest = 36;
  constexpr std::size_t kBegin = 22;
  constexpr std::size_t kEnd = 10;
  if (file == ".") return "the folder";
  if (file.starts_with("pipe:")) return "a pipe";
  if (file.starts_with("socket:")) return "a socket";
  if (width(file) <= kLongest) return file;
  const std::u32string name = decode_utf8(file);
  std::string shown;
  for (const char32_t c : name.substr(0, kBegin)) append_utf8(shown, c);
  shown += "…";
  for (const char32_t c : name.substr(name.size() - kEnd)) append_utf8(shown, c);
  return shown;
}

/// A sentence without its subject.
struct Clause {
  std::string verb;  ///< "write"
  std::string rest;  ///< "412 bytes to registry.json"
};

std::string join(const std::string& verb, const std::string& rest) {
  return rest.empty() ? verb : verb + " " + rest;
}

std::string conjugated_word(const std::string& word) {
  if (word == "or" || word == "and") return word;
  if (word == "empty") return "empties";
  const bool hisses = word.ends_with('s') || word.ends_with("sh") || word.ends_with("ch");
  return word + (hisses || word == "go" ? "es" : "s");
}

/// "opens or creates" of "open or create".
std::string conjugated(const std::string& verb) {
  std::string out;
  for (std::size_t at = 0; at < verb.size();) {
    const std::size_t end = std::min(verb.find(' ', at), verb.size());
    out += (out.empty() ? "" : " ") + conjugated_word(verb.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

/// As the schedule has it, where there are no better words.
Clause as_called(const ScheduleStep& step) {
  std::string_view call = bare_call(step);
  if (call.empty()) call = step.kind;
  if (call.empty()) return {"go", "on"};
  const std::size_t blank = call.find(' ');
  if (blank == std::string_view::npos) return {std::string(call), ""};
  return {std::string(call.substr(0, blank)), std::string(call.substr(blank + 1))};
}

/// `file` is what the file is called here: its name, or "it".
Clause at_file(const ScheduleStep& step, const std::string& file) {
  const std::string_view kind = step.kind;
  if (opens(step, "open or create ")) return {"open or create", file};
  if (creates(step)) return {"create", file};
  if (empties(step)) return {"open and empty", file};
  if (opens(step, "open for writing ")) return {"open", file + " for writing"};
  if (kind == "write") {
    return {"write", step.bytes == 0 ? "to " + file
                                     : fmt::format("{} to {}", count_of(step.bytes, "byte"), file)};
  }
  if (kind == "rename") return {"rename", fmt::format("{} to {}", file, name_of(step.file2))};
  if (kind == "link") return {"link", fmt::format("{} as {}", file, name_of(step.file2))};
  if (kind == "fsync") return {"flush", file + " to disk"};
  if (kind == "unlink") return {"delete", file};
  if (kind == "chmod") return {"change", "the mode of " + file};
  if (kind == "lock") return {"lock", file};
  if (kind == "connect") return {"connect", "to " + file};
  if (lists(step)) return {"list", file};
  if (searches(step)) return {"look", "at " + file};
  if (kind == "folder") {
    const bool removes =
        bare_call(step).starts_with("rmdir") || bare_call(step).starts_with("remove");
    return {removes ? "remove" : "make", "the folder " + file};
  }
  if (kind == "read" || is_read(step)) return {"read", file};
  if (is_one_of(kind, std::array<std::string_view, 3>{"open", "truncate", "unlock"})) {
    return {step.kind, file};
  }
  return as_called(step);
}

Clause clause_of(const ScheduleStep& step) {
  if (step.kind == "exit") return {"end", ""};
  if (step.kind == "exec" && bare_call(step).starts_with("exec ")) {
    return {"start", std::string(bare_call(step).substr(5))};
  }
  return step.file.empty() || step.kind == "exec" ? as_called(step)
                                                  : at_file(step, name_of(step.file));
}

/// As much of it as a reader takes in.
std::string outcome(const ScheduleStep& step) {
  constexpr std::size_t kBytesMax = 240;
  std::string text(is_nameless(step) ? kNameless : "");
  if (!step.result.empty()) text += ": " + clip(step.result, kBytesMax);
  if (step.registry.empty()) return text;
  text += touch_of(step) == Touch::kChange ? ": now " : ": ";
  return text + clip(step.registry, kBytesMax);
}

/// Makes something of a file that it is about to put in place, or adds to it.
bool works_on(const ScheduleStep& step) {
  constexpr std::array<std::string_view, 4> kKinds = {"write", "fsync", "truncate", "chmod"};
  return creates(step) || empties(step) || is_one_of(step.kind, kKinds);
}

/// The sum of neighbours that do the same, and what came of the last.
ScheduleStep merged(std::span<const ScheduleStep> same) {
  ScheduleStep sum = same.front();
  sum.bytes = 0;
  for (const ScheduleStep& step : same) {
    sum.bytes += step.bytes;
    if (!step.registry.empty()) sum.registry = step.registry;
  }
  sum.result = same.back().result;
  return sum;
}

/// The strongest of them, which needs the others: who reads has opened.
std::string told_looks(std::span<const ScheduleStep> run) {
  ScheduleStep sum = merged(run);
  const auto take = [&](auto is_it) {
    const auto found = std::ranges::find_if(run, is_it);
    if (found == run.end()) return false;
    sum.kind = found->kind;
    sum.call = found->call;
    return true;
  };
  const auto opens_it = [](const ScheduleStep& step) { return step.kind == "open"; };
  const auto reads_it = [](const ScheduleStep& step) { return step.kind == "read"; };
  const bool goes_in = take(reads_it) || take(is_read) || take(lists) || take(opens_it);
  return (goes_in && searches(run.front()) ? "looks for and " : "") + third_person(sum);
}

}  // namespace

Touch touch_of(const ScheduleStep& step) {
  constexpr std::array<std::string_view, 6> kChanges = {"write",  "rename",   "link",
                                                        "unlink", "truncate", "folder"};
  if (step.act != "run" || is_nameless(step)) return Touch::kNone;
  if (creates(step)) return Touch::kCreate;
  if (empties(step) || is_one_of(step.kind, kChanges)) return Touch::kChange;
  if (opens(step, "open for writing ")) return Touch::kNone;
  const bool looks = step.kind == "open" || step.kind == "read" || searches(step) || lists(step);
  return looks ? Touch::kLook : Touch::kNone;
}

/// The step of an open lasts until the next relevant call: what was seen was read in it.
bool is_read(const ScheduleStep& step) {
  if (step.kind == "read") return touch_of(step) == Touch::kLook;
  return step.kind == "open" && touch_of(step) == Touch::kLook && !step.registry.empty();
}

std::vector<std::string> changed_by(const ScheduleStep& step) {
  const bool done = step.result.empty() || !step.registry.empty();
  if (touch_of(step) != Touch::kChange || !done) return {};
  std::vector<std::string> files;
  if (!step.file2.empty()) files.push_back(step.file2);
  if (!step.file.empty() && step.kind != "link") files.push_back(step.file);
  return files;
}

bool is_nameless(const ScheduleStep& step) { return step.call.ends_with(kNameless); }

std::string killed_before(const ScheduleStep& crash) {
  constexpr std::string_view kPrefix = "is killed before: ";
  const std::string_view call = crash.call;
  if (call.starts_with(kPrefix)) return std::string(call.substr(kPrefix.size()));
  if (call == "is killed" || (call.empty() && crash.kind.empty())) return "";
  return infinitive(crash);
}

bool waits(const ScheduleStep& step) { return step.result.starts_with("waits"); }

bool is_reply(const ScheduleStep& step) { return step.kind == "reply" || step.call == "reply"; }

std::string infinitive(const ScheduleStep& step) {
  const Clause clause = clause_of(step);
  return join(clause.verb, clause.rest);
}

std::string third_person(const ScheduleStep& step) {
  const Clause clause = clause_of(step);
  return join(conjugated(clause.verb), clause.rest) + outcome(step);
}

std::size_t same_file_run(std::span<const ScheduleStep> steps) {
  if (steps.empty()) return 0;
  const ScheduleStep& first = steps.front();
  const auto alike = [&first](const ScheduleStep& step) {
    if (is_nameless(step) != is_nameless(first)) return false;
    if (touch_of(first) == Touch::kLook) return touch_of(step) == Touch::kLook;
    return works_on(first) ? works_on(step) : step.kind == first.kind;
  };
  std::size_t count = 1;
  const auto goes_on = [&] {
    return count < steps.size() && steps[count - 1].result.empty() && !first.file.empty() &&
           steps[count].file == first.file;
  };
  while (goes_on() && alike(steps[count])) ++count;
  if (goes_on() && works_on(first) && steps[count].kind == "rename") ++count;
  return count;
}

std::string told_as_one(std::span<const ScheduleStep> run) {
  if (run.empty()) return "";
  if (run.size() == 1) return third_person(run.front());
  if (touch_of(run.front()) == Touch::kLook) return told_looks(run);
  std::vector<std::string> parts;
  for (std::size_t begin = 0, end = 0; begin < run.size(); begin = end) {
    while (end < run.size() && run[end].kind == run[begin].kind &&
           touch_of(run[end]) == touch_of(run[begin])) {
      ++end;
    }
    const ScheduleStep sum = merged(run.subspan(begin, end - begin));
    const Clause clause = at_file(sum, begin == 0 ? name_of(sum.file) : "it");
    parts.push_back(join(conjugated(clause.verb), clause.rest));
    if (end - begin > 1) parts.back() += fmt::format(" ({} times)", end - begin);
  }
  std::string text = parts.front();
  for (std::size_t i = 1; i < parts.size(); ++i) {
    text += (i + 1 == parts.size() ? " and " : ", ") + parts[i];
  }
  ScheduleStep last = run.back();
  last.registry = merged(run).registry;
  return text + outcome(last);
}

std::string mark_of(const ScheduleStep& step) {
  if (step.task.size() <= step.operation.size()) return "";
  const std::string_view below = std::string_view(step.task).substr(step.operation.size());
  const std::size_t thread = below.rfind('/');
  const bool is_child = below.starts_with('.');
  // The program of an exec is the one that it starts.
  std::string mark = !is_child ? "" : step.kind == "exec" ? "child" : "child " + step.program;
  if (thread != std::string_view::npos) {
    mark += fmt::format("{}thread {}", is_child ? ", " : "", below.substr(thread + 1));
  }
  return mark.empty() ? "" : "[" + mark + "] ";
}

}  // namespace report
