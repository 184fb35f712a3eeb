#pragma once

#include "harness/check/linear/model.h"
#include "harness/history/client_history.h"
#include "reports/model/report.h"

namespace stress {

/// Whether a history of clients is linearizable, as the result of an invariant: a violation is told
/// with the operations that are illegal by themselves, and with what would have been legal.
/// `initial`: what registers begin with; a store's texts begin empty. Where operations have their
/// places in the order of commits, that is the order they are held against (strict
/// serializability).
report::InvariantResult check_clients(const ClientHistory& history, ValueTable::Id initial,
                                      const linear::Limits& limits);

}  // namespace stress
