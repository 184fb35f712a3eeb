#include "harness/explore/programs.h"

#include <sys/wait.h>

#include <utility>

#include "orchestrator/base/file_io.h"
#include "orchestrator/base/find_program.h"

namespace stress {

namespace fs = std::filesystem;

fs::path Programs::out_of(const std::string& label) const { return folder_ / (label + ".out"); }
fs::path Programs::error_of(const std::string& label) const { return folder_ / (label + ".err"); }

base::Result<LaunchSpec> Programs::prepare(const std::string& label, OperationProgram program) {
  std::error_code error;
  fs::create_directories(folder_, error);
  fs::remove(out_of(label), error);
  fs::remove(error_of(label), error);
  if (error) return base::fail_errno(error.value(), "empty", folder_);
  const std::vector<std::string> env = program.command.env.value_or(std::vector<std::string>());
  const base::Result<fs::path> found = base::find_program(program.command.argv.at(0), env);
  if (!found) return std::unexpected(found.error());
  LaunchSpec spec;
  spec.argv = program.command.argv;
  spec.argv.front() = found->string();
  spec.env = env;
  // A dictionary's order must not differ from one repetition to the next.
  spec.env.emplace_back("PYTHONHASHSEED=0");
  spec.cwd = program.command.cwd;
  spec.output = out_of(label);
  spec.error = error_of(label);
  spec.fixed_addresses = true;
  programs_.insert_or_assign(label, std::move(program));
  return spec;
}

Reply Programs::reply(const std::string& label, int status) const {
  base::Outcome outcome;
  if (WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
  outcome.out = base::read_file(out_of(label)).value_or("");
  outcome.err = base::read_file(error_of(label)).value_or("");
  return programs_.at(label).reply(outcome);
}

}  // namespace stress
