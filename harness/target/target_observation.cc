#include <string_view>

#include <fmt/format.h>

#include "harness/target/target_file_reader.h"

namespace stress {
namespace {

using Source = TargetObservation::Source;
using Reading = TargetObservation::Reading;

/// Pointers within one agent's record.
constexpr std::pair<const char*, std::string ObservationMap::*> kPointers[] = {
    {"id", &ObservationMap::id},           {"status", &ObservationMap::status},
    {"type", &ObservationMap::type},       {"task", &ObservationMap::task},
    {"parent", &ObservationMap::parent},   {"depth", &ObservationMap::depth},
    {"session", &ObservationMap::session}, {"version", &ObservationMap::version},
    {"pid", &ObservationMap::pid},         {"created", &ObservationMap::created}};

constexpr const char* kSources[] = {"file", "files", "argv", "queries"};

Names known_members() {
  Names known = {"read",   "agents",      "tasks", "message", "progress", "generation",
                 "counts", "task_counts", "root",  "active",  "claims",   "terminal"};
  for (const auto& [name, field] : kPointers) known.insert(name);
  for (const char* name : kSources) known.insert(name);
  return known;
}

void read_source(MemberReader& reader, const Member& at, const Names& known,
                 TargetObservation& observe) {
  int given = 0;
  for (const char* name : kSources) given += (at / name).present() ? 1 : 0;
  if (given != 1) {
    reader.wrong(
        at, fmt::format("must have exactly one of file, files, argv and queries, not {}", given));
    return;
  }
  if (const Member file = at / "file"; file.present()) {
    observe.source = Source::kFile;
    observe.path = reader.template_text(file, known);
  } else if (const Member files = at / "files"; files.present()) {
    observe.source = Source::kFiles;
    observe.path = reader.template_text(files, known);
  } else if (const Member argv = at / "argv"; argv.present()) {
    observe.source = Source::kCommand;
    observe.argv = reader.templates(argv, known);
    if (observe.argv.empty()) reader.wrong(argv, "must be the program and its arguments");
  } else {
    const Member queries = at / "queries";
    observe.source = Source::kDatabase;
    if (!reader.object(queries, {"database", "agents", "counts"})) return;
    reader.require(queries / "database", "the path of the SQLite file");
    reader.require(queries / "agents",
                   R"(e.g. "select id, state as status, pane as session from agents")");
    observe.path = reader.template_text(queries / "database", known);
    observe.agents_query = reader.text(queries / "agents");
    observe.counts_query = reader.text(queries / "counts");
  }
}

void read_reading(MemberReader& reader, const Member& at, const Names& known,
                  TargetObservation& observe) {
  if (!at.present()) return;
  const std::string text = reader.template_text(at, known);
  constexpr std::string_view kFlock = "flock:";
  if (text == "atomic") {
    observe.reading = Reading::kAnyTime;
    if (observe.source == Source::kDatabase) {
      reader.wrong(at,
                   "a database is read by copies of its files, which is not atomic; leave it "
                   "out, or name the lock that all writers hold: \"flock:PATH\"");
    }
  } else if (text.starts_with(kFlock) && text.size() > kFlock.size()) {
    observe.reading = Reading::kLocked;
    observe.lock = text.substr(kFlock.size());
    if (observe.source == Source::kCommand) {
      reader.wrong(at,
                   "a command would wait for the lock that is held for it; it reads under its "
                   "own: say \"atomic\" if that is so");
    }
  } else {
    reader.wrong(at,
                 "must be \"atomic\" or \"flock:PATH\", or be left out where the registry may "
                 "only be read while nobody writes");
  }
}

void read_counts(MemberReader& reader, const Member& at, TargetObservation& observe) {
  ObservationMap& map = observe.map;
  const auto read = [&](const Member& counts, std::string& total, std::string& active,
                        std::string& completed) {
    if (!reader.object(counts, {"total", "active", "completed"})) return;
    total = reader.pointer(counts / "total");
    active = reader.pointer(counts / "active");
    completed = reader.pointer(counts / "completed");
  };
  read(at / "counts", map.count_total, map.count_active, map.count_completed);
  read(at / "task_counts", map.task_count_total, map.task_count_active, map.task_count_completed);
  if ((at / "task_counts").present()) {
    reader.require(at / "tasks",
                   "task_counts are looked for within each of the tasks: where are "
                   "these?");
  }
  const bool whole = observe.source == Source::kFile || observe.source == Source::kCommand;
  for (const char* name : {"agents", "counts", "task_counts", "tasks", "generation"}) {
    if (!whole && (at / name).present()) {
      reader.wrong(at / name,
                   observe.source == Source::kFiles
                       ? "there is no such place where each agent has a file of its own"
                       : "a database is asked by \"queries\": see its own \"agents\" and "
                         "\"counts\"");
    }
  }
}

}  // namespace

TargetObservation read_observation(MemberReader& reader, const Member& at, const Names& known) {
  TargetObservation observe;
  reader.require(at, "where the registry is and what stands where in it");
  if (!at.present() || !reader.object(at, known_members())) return observe;
  read_source(reader, at, known, observe);
  read_reading(reader, at / "read", known, observe);
  ObservationMap& map = observe.map;
  map.agents = reader.pointer(at / "agents");
  map.tasks = reader.pointer(at / "tasks");
  map.generation = reader.pointer(at / "generation");
  const bool database = observe.source == Source::kDatabase;
  for (const auto& [name, field] : kPointers) {
    const Member member = at / name;
    // A query names its columns after the fields.
    map.*field = database ? std::string("/") + name : reader.pointer(member);
    if (database && member.present()) {
      reader.wrong(member,
                   fmt::format("a query says which column is the {0}: select … as {0}", name));
    }
  }
  for (const char* name : {"message", "progress"}) {
    const std::string pointer = database ? std::string("/") + name : reader.pointer(at / name);
    if (!pointer.empty()) map.fields[name] = pointer;
  }
  if (!database) {
    reader.require(at / "status", R"(a JSON pointer within an agent's record, e.g. "/status")");
  }
  if (observe.source == Source::kFile || observe.source == Source::kCommand) {
    reader.require(at / "agents",
                   R"(a JSON pointer to the agents, an array or an object by id; "" )"
                   "where the document itself is that");
  }
  if (observe.source == Source::kFiles) {
    reader.require(at / "id", R"(a JSON pointer within an agent's file, e.g. "/id")");
  }
  read_counts(reader, at, observe);
  reader.require(at / "active", R"(the statuses of agents that live, e.g. ["running"])");
  const auto statuses = [&](const char* name) {
    const std::vector<std::string> texts = reader.texts(at / name);
    return std::set<std::string>(texts.begin(), texts.end());
  };
  observe.active = statuses("active");
  observe.claims = statuses("claims");
  observe.terminal = statuses("terminal");
  for (const std::string& status : observe.claims) {
    if (!observe.active.contains(status)) {
      reader.wrong(at / "claims", fmt::format("'{}' is not among the active statuses", status));
    }
  }
  observe.root = (at / "root").present() ? reader.text(at / "root") : "";
  return observe;
}

}  // namespace stress
