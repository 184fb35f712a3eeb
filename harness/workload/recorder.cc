#include "harness/workload/recorder.h"

#include <fcntl.h>

#include <cstdio>
#include <cstdlib>

#include "orchestrator/base/clock.h"

namespace stress {

base::Result<Recorder> Recorder::open(const std::filesystem::path& file) {
  base::UniqueFd fd(::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) return base::fail_errno(errno, "open the history", file);
  return Recorder(std::move(fd));
}

void Recorder::write_line(const Event& event) const {
  const std::string line = encode(event) + "\n";
  if (::write(fd_.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size())) return;
  // Without its history an operation proves nothing; to go on would turn gaps into false alarms.
  std::perror("stress worker: cannot write the history");
  std::abort();
}

void Recorder::begin(ThreadState& state, Operation& op) const {
  op.invoked = base::monotonic_ns();
  state.since = op.invoked;
  state.duplicate = op.duplicate_of.has_value();
  state.spawn_slot = op.kind == OpKind::kSpawn ? op.slot + 1 : 0;
  state.op = op.id;
  write_line(Invocation{op});
}

void Recorder::complete(ThreadState& state, const Operation& op, const Reply& reply) const {
  write_line(
      Completion{op.id, base::monotonic_ns(), reply.outcome, reply.agent, reply.error, reply.seen});
  state.op = 0;
  state.spawn_slot = 0;
}

void Recorder::note(const Event& event) const { write_line(event); }

}  // namespace stress
