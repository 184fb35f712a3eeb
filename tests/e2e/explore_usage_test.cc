// Goal: who asks for what cannot be is told so in one sentence, and nothing is run.
#include <unistd.h>

#include <fstream>

#include "tests/e2e/explorations.h"

namespace e2e {
namespace {

using ::testing::HasSubstr;

struct Wrong {
  Words flags;
  std::string sentence;
};

void PrintTo(const Wrong& wrong, std::ostream* out) {
  for (const std::string& flag : wrong.flags) *out << flag << ' ';
}

class ExploreWrongly : public Explorations, public ::testing::WithParamInterface<Wrong> {};

TEST_P(ExploreWrongly, IsRefusedInASentence) {
  const base::Outcome run = explore(GetParam().flags);
  EXPECT_EQ(run.exit_code, kUsage) << run.out;
  EXPECT_THAT(run.err, HasSubstr(GetParam().sentence));
  EXPECT_LT(run.err.size(), 300u) << run.err;
  EXPECT_EQ(run.out, "");
  EXPECT_FALSE(std::filesystem::exists(out_ / "latest"));
}

INSTANTIATE_TEST_SUITE_P(
    With, ExploreWrongly,
    ::testing::Values(
        Wrong{{"--strategy", "luck"}, "--strategy must be one of random, pct, exhaustive, swarm"},
        Wrong{{"--until", "luck"}, "--until must be one of "},
        Wrong{{"--ops", "spawn dance"}, "--ops: there is no operation 'dance'; there are spawn, "},
        Wrong{{"--ops", ""}, "--ops needs at least one operation"},
        Wrong{{"--ops", "spawn", "--spawners", "2"}, "--spawners and --ops exclude each other"},
        Wrong{{"--target", explored("locked"), "--ops", "update"},
              "--ops update: target locked does not offer it as a program of its own"},
        Wrong{{"--target", explored("locked"), "--ops", "spawn session-kill"},
              "--ops session-kill: target locked has no sessions"},
        Wrong{{"--target", specimen("mcp/orchestrator")},
              "target python-mcp does not offer it as a program of its own"},
        Wrong{{"--target", "nowhere.json"}, "nowhere.json: No such file"},
        Wrong{{"--target", "nobody"}, "no target 'nobody'; known: "},
        Wrong{{"--sessions", "dream"}, "--sessions must be tmux or process, not 'dream'"},
        Wrong{{"--target", explored("locked"), "--sessions", "tmux"},
              "--sessions tmux: the target locked has sessions of kind none"},
        Wrong{{"--ops", "update", "--prepared", "0"}, "--prepared 0: one of the operations acts"},
        Wrong{{"--jobs", "0"}, "--jobs must be 1 or more"},
        Wrong{{"--depth", "0"}, "--depth must be 1 or more"},
        Wrong{{"--preemptions", "-1"}, "--preemptions must not be negative"},
        Wrong{{"--crashes", "-1"}, "--crashes must not be negative"},
        Wrong{{"--spawners", "0"}, "--spawners: must be more than 0, not 0"},
        Wrong{{"--seed", "-1"}, "--seed: must be 0 or more, not -1"},
        Wrong{{"--seed", "x"}, "--seed"}, Wrong{{"--schedules", "-1"}, "--schedules: must be 0"},
        Wrong{{"--time-limit", "0"}, "--time-limit must be positive"}));

TEST_F(Explorations, IntoAFolderThatCannotBeMadeAreRefused) {
  const base::Outcome run = execute({STRESS_PROGRAM, "explore", "--out", "/proc/here"});
  EXPECT_EQ(run.exit_code, kUsage) << run.out;
  EXPECT_THAT(run.err, HasSubstr("stress explore: create the results folder /proc/here"));
}

TEST_F(Explorations, WithoutTmuxAreRefusedAndWithoutNeedOfItAreNot) {
  const std::string nothing = "PATH=" + (out_ / "nothing").string();
  const Words words{STRESS_PROGRAM, "explore", "--schedules", "2", "--out", out_.path().string()};
  const base::Outcome run = execute(words, {nothing});
  EXPECT_EQ(run.exit_code, kUsage) << run.out << run.err;
  EXPECT_THAT(run.err, HasSubstr("tmux: no such program on PATH"));
  Words without = words;
  without.insert(without.end(), {"--target", explored("locked")});
  EXPECT_EQ(execute(without, {nothing}).exit_code, 0);
}

TEST_F(Explorations, WhoseOperationFailsByItselfAreRefused) {
  const base::Outcome run = explore({"--target", explored("broken")});
  EXPECT_EQ(run.exit_code, kUsage) << run.out << run.err;
  EXPECT_THAT(run.err, HasSubstr("spawn worker1 of target"));
  EXPECT_THAT(run.err, HasSubstr("fails even where nobody interferes: "));
}

TEST_F(Explorations, AsJsonSayNothingElse) {
  const base::Outcome run = explore({"--target", explored("locked"), "--schedules", "2", "--json"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.err, "");
  EXPECT_EQ(Json::parse(run.out, nullptr, false)["executed"], 2) << run.out;
}

TEST_F(Explorations, ArePrintedAgainAsTheyWere) {
  for (const auto& [target, code] : {std::pair("locked", 0), std::pair("unlocked", 1)}) {
    const base::Outcome run = explore({"--target", explored(target), "--schedules", "4"});
    const auto report = [&](const std::string& format) {
      const base::Outcome printed =
          execute({STRESS_PROGRAM, "report", results().string(), "--format", format});
      EXPECT_EQ(printed.exit_code, code) << printed.err;
      EXPECT_EQ(printed.err, "");
      return printed.out;
    };
    EXPECT_EQ(run.out, report("text") + "results: " + results().string() + "\n");
    EXPECT_EQ(report("json"), text_of(results() / "exploration.json"));
    EXPECT_EQ(report("markdown"), text_of(results() / "exploration.md"));
    EXPECT_THAT(report("junit"), HasSubstr("<testsuite name=\"explore\""));
  }
}

TEST_F(Explorations, ThatAreDamagedAreNotPrinted) {
  std::ofstream(out_ / "exploration.json") << R"({"verdict": "pass", "jobs": "two"})";
  const base::Outcome printed = execute({STRESS_PROGRAM, "report", out_.path().string()});
  EXPECT_EQ(printed.exit_code, kUsage) << printed.out;
  EXPECT_THAT(printed.err, HasSubstr("exploration.json: field '/jobs'"));
  EXPECT_EQ(printed.out, "");
}

TEST_F(Explorations, WhoseReaderHasGoneEndAllTheSame) {
  const base::Outcome run = execute(
      {"/bin/sh", "-c", R"("$0" explore --target "$1" --schedules 2 --out "$2" 2>&1 | head -1)",
       STRESS_PROGRAM, explored("locked"), out_.path().string()});
  EXPECT_EQ(run.out, "seed 1\n");
  EXPECT_EQ(exploration()["executed"], 2);
}

// Goal: nothing of it is for root alone. Method: as nobody, where this is root.
TEST_F(Explorations, WorkForAnOrdinaryUser) {
  std::filesystem::permissions(out_.path().parent_path(), std::filesystem::perms::all);
  std::filesystem::permissions(out_.path(), std::filesystem::perms::all);
  Words words{STRESS_PROGRAM, "explore", "--out", (out_ / "r").string(), "--schedules", "4"};
  if (::geteuid() == 0) {
    words.insert(words.begin(),
                 {"/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"});
  }
  Words look = words;
  look.resize(::geteuid() == 0 ? 5 : 0);
  const auto folder = std::filesystem::path(STRESS_PROGRAM).parent_path();
  look.insert(look.end(), {"/usr/bin/test", "-x", (folder / "orchestrator").string()});
  if (execute(look).exit_code != 0) GTEST_SKIP() << "an ordinary user may not enter " << folder;
  for (const char* sessions : {"tmux", "process"}) {
    Words more = words;
    more.insert(more.end(), {"--sessions", sessions});
    const base::Outcome run = execute(more, {"HOME=/nonexistent"});
    EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
  }
  words.insert(words.end(), {"--target", explored("unlocked")});
  const base::Outcome flawed = execute(words);
  EXPECT_EQ(flawed.exit_code, 1) << flawed.out << flawed.err;
}

// Goal: explorers want namespaces of their own, and do without. Method: a user namespace in which
// no others can be made.
TEST_F(Explorations, WorkWhereNoNamespacesAreToBeHad) {
  const std::string forbid =
      "for kind in user pid mnt; do echo 0 >/proc/sys/user/max_${kind}_namespaces || exit 77; "
      "done; exec \"$@\"";
  const Words inside{"/usr/bin/unshare", "--user", "--map-root-user", "/bin/sh", "-c", forbid, "-"};
  Words probe = inside;
  probe.emplace_back("/bin/true");
  if (execute(probe).exit_code != 0) GTEST_SKIP() << "namespaces cannot be forbidden here";
  for (const auto& [target, code] : {std::pair("locked", 0), std::pair("unlocked", 1)}) {
    Words words = inside;
    words.insert(words.end(), {STRESS_PROGRAM, "explore", "--out", out_.path().string(),
                               "--schedules", "10", "--target", explored(target)});
    const base::Outcome run = execute(words);
    EXPECT_EQ(run.exit_code, code) << run.out << run.err;
  }
}

}  // namespace
}  // namespace e2e
