// Goal: the supervisor sees every call of an unmodified program that changes or locks a file, once
// and in order.
// Method: each program runs once under the engine with all that it can watch, and once under
// strace; the calls of each task on files below its folder must be the same, one by one. Tasks are
// compared as a set of sequences, as their numbers and their order in time differ between runs.
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include <gmock/gmock.h>

#include "orchestrator/base/file_io.h"
#include "tests/contract/strace_record.h"
#include "tests/contract/system_calls_helper.h"
#include "tests/unit/engine_fixture.h"

namespace stress {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using Words = std::vector<std::string>;

constexpr std::uint32_t kAllSets = kPointSet | kReadOpens;
constexpr const char* kPython = "/usr/bin/python3";

class SupervisorCompleteness : public EngineTest {
 protected:
  std::vector<Words> by_engine(const Words& argv) {
    script_.seen.clear();
    EXPECT_EQ(run(argv, kAllSets), 0);
    CallsByTask calls;
    for (const Op& op : script_.seen) {
      Words paths{op.path};
      if (op.sys == Sys::kRename || op.sys == Sys::kLink) paths.push_back(op.path2);
      std::string line = call_line(op.name, paths, op.sys == Sys::kUnlock, op.bytes, folder_);
      if (!line.empty()) calls[op.tid].push_back(std::move(line));
    }
    return sequences(calls);
  }
  std::vector<Words> by_strace(Words argv) {
    clear_folder();
    const Words strace{
        "/usr/bin/strace", "-f", "-y", "-s", "0", "-o", in_folder("strace.out"), "-e",
        "trace=file,desc"};
    argv.insert(argv.begin(), strace.begin(), strace.end());
    EXPECT_EQ(run(argv, 0), 0);
    return sequences(
        read_strace(base::read_file(in_folder("strace.out")).value_or(""), folder_.native()));
  }
  /// At least `least` calls, or the comparison would show nothing.
  void expect_same(const Words& argv, std::size_t least) {
    if (run({"/usr/bin/strace", "-o", "/dev/null", "/bin/true"}, 0) != 0) {
      GTEST_SKIP() << "strace may not trace here";
    }
    clear_folder();
    const std::vector<Words> seen = by_engine(argv);
    EXPECT_EQ(seen, by_strace(argv));
    std::size_t calls = 0;
    for (const Words& of_task : seen) calls += of_task.size();
    EXPECT_GE(calls, least);
  }
  Words python(const std::string& program) { return {kPython, "-B", "-c", program}; }

 private:
  static std::vector<Words> sequences(const CallsByTask& calls) {
    std::vector<Words> result;
    for (const auto& [task, lines] : calls) result.push_back(lines);
    std::ranges::sort(result);
    return result;
  }
  void clear_folder() {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
      fs::remove_all(entry.path());
    }
  }
};

TEST_F(SupervisorCompleteness, OfAStaticBinaryThatMakesEachCall) {
  expect_same({system_calls_helper(), "all"}, 49);
}

TEST_F(SupervisorCompleteness, OfAShellWithItsPipesAndPrograms) {
  expect_same({"/bin/sh", "-c",
               "for i in 1 2 3; do echo $i >> log; done; cp log copy; mv copy final; ln -s final s;"
               "cat log | sort > sorted & (flock 9; echo x >&9) 9> lock; wait;"
               "mkdir d; touch d/f; rm -r d; dd if=log of=dd bs=2 count=2 conv=fsync"},
              25);
}

TEST_F(SupervisorCompleteness, OfPythonThreads) {
  expect_same(python("import os, threading\n"
                     "def work(i):\n"
                     "  for _ in range(5):\n"
                     "    with open(f'{i}.tmp', 'w') as f:\n"
                     "      f.write('x' * i); f.flush(); os.fsync(f.fileno())\n"
                     "    os.replace(f'{i}.tmp', f'{i}')\n"
                     "threads = [threading.Thread(target=work, args=(i,)) for i in range(1, 5)]\n"
                     "for t in threads: t.start()\n"
                     "for t in threads: t.join()\n"),
              80);
}

TEST_F(SupervisorCompleteness, OfPythonProcessesThatShareALock) {
  expect_same(python("import fcntl, multiprocessing\n"
                     "def work(i):\n"
                     "  for _ in range(3):\n"
                     "    with open('lock', 'a') as lock, open('log', 'a') as log:\n"
                     "      fcntl.flock(lock, fcntl.LOCK_EX)\n"
                     "      log.write('x' * (i + 1)); log.flush()\n"
                     "      fcntl.flock(lock, fcntl.LOCK_UN)\n"
                     "if __name__ == '__main__':\n"
                     "  context = multiprocessing.get_context('fork')\n"
                     "  workers = [context.Process(target=work, args=(i,)) for i in range(4)]\n"
                     "  for w in workers: w.start()\n"
                     "  for w in workers: w.join()\n"),
              60);
}

TEST_F(SupervisorCompleteness, OfSqlite) {
  expect_same(python("import sqlite3\n"
                     "for mode in 'delete', 'wal':\n"
                     "  db = sqlite3.connect(mode + '.db')\n"
                     "  db.execute('pragma journal_mode=' + mode)\n"
                     "  db.execute('create table t (a, b)')\n"
                     "  for i in range(3):\n"
                     "    with db: db.execute('insert into t values (?, ?)', (i, 'x' * 3000))\n"
                     "  db.close()\n"),
              80);
}

TEST_F(SupervisorCompleteness, OfNode) {
  if (!fs::exists("/usr/bin/node")) GTEST_SKIP() << "there is no /usr/bin/node here";
  // One thread in the pool of those that make calls, so that each run shares them out alike.
  expect_same({"/usr/bin/env", "UV_THREADPOOL_SIZE=1", "/usr/bin/node", "-e",
               "const fs = require('fs'), files = fs.promises;"
               "fs.writeFileSync('a', 'text'); fs.appendFileSync('a', 'more');"
               "fs.renameSync('a', 'b'); fs.mkdirSync('d/e', {recursive: true});"
               "(async () => { const f = await files.open('c', 'w'); await f.write('text');"
               " await f.sync(); await f.truncate(2); await f.close();"
               " await files.rename('c', 'd/c'); await files.chmod('d/c', 0o600);"
               " await files.symlink('b', 'link'); await files.unlink('d/c'); })();"},
              15);
}

TEST_F(SupervisorCompleteness, OfACallThatStraceDoesNotKnowYet) {
  const int status = run({system_calls_helper(), "fchmodat2"});
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_TRUE(std::ranges::any_of(script_.seen, [&](const Op& op) {
    return op.sys == Sys::kMode && op.name == "fchmodat2" && op.path == folder_.native();
  }));
}

TEST_F(SupervisorCompleteness, PathsAreThoseOfTheFilesHoweverTheyAreReached) {
  EXPECT_EQ(run({system_calls_helper(), "by-links"}), 0);
  Words seen;
  for (const Op& op : script_.seen) {
    if (op.path.starts_with(in_folder("real/"))) {
      seen.push_back(std::string(op.name) + op.path.substr(folder_.native().size()));
    }
  }
  EXPECT_THAT(seen, ElementsAre("creat/real/file", "truncate/real/file", "unlink/real/file-link"));
}

}  // namespace
}  // namespace stress
