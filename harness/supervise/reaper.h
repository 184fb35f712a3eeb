#pragma once

#include <sys/types.h>

namespace stress {

/// A process that is a subreaper becomes the parent of every orphan among its descendants (tmux
/// servers, detached agents, children of killed spawners) and must reap them, in long runs too.
/// It must not reap what its own code has launched and waits for. An exited child tells neither its
/// environment nor who made it, so the rule is: launched children are named by own_child(), or stay
/// in this process's process group and cgroup and are waited for at once (as by base::run);
/// whatever else is a zombie at two calls of reap_adopted() in a row is an adopted orphan. A
/// launcher of workers therefore gives each a process group of its own and names it.
/// All of it belongs to the process, as its children do. Thread-safe.

/// `pid` is never reaped by reap_adopted(). To be called right after fork.
void own_child(pid_t pid);
/// After the owner has reaped it.
void disown_child(pid_t pid);

/// Returns how many were reaped. Cheap where no child is a zombie.
int reap_adopted();

}  // namespace stress
