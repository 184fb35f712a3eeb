#include "harness/fault/operation_calls.h"

#include <unistd.h>

#include <fmt/format.h>

namespace stress {

bool OperationCalls::is_of_operation(const Op& op) {
  const ThreadState* thread = threads_.find(op);
  if (thread == nullptr || thread->op == 0) return false;
  if (victim_ == Victim::kCommand && op.command == 0) return false;
  if (!op.detached) return true;
  if (have_exec_ed_.contains(op.pid)) return false;
  if (op.sys == Sys::kExec) have_exec_ed_.insert(op.pid);
  return true;
}

bool OperationCalls::matters(const Op& op) const {
  switch (op.sys) {
    case Sys::kWrite:
      return is_watched(op.path, classifier_.watched) || is_output(op);
    case Sys::kRename:
    case Sys::kLink:
      return is_watched(op.path, classifier_.watched) || is_watched(op.path2, classifier_.watched);
    case Sys::kExec:
      return access(op.path.c_str(), X_OK) == 0;  // a search along PATH tries many
    case Sys::kConnect:
      return !op.path.empty();
    case Sys::kSend:
    case Sys::kSignal:
    case Sys::kExit:
      return true;
    case Sys::kOther:
      return false;
    default:
      return is_watched(op.path, classifier_.watched);
  }
}

std::optional<OperationCall> OperationCalls::see(const Op& op) {
  if (!is_of_operation(op)) return std::nullopt;
  const bool reply =
      op.sys == Sys::kWrite && op.in_root && is_watched(op.path, {classifier_.history_folder});
  if (reply && !invoked_) {
    invoked_ = true;
    return std::nullopt;
  }
  if (!reply && !matters(op)) return std::nullopt;
  const bool by_victim = victim_ == Victim::kCommand ? op.in_command : op.in_root;
  CallNames::Name name = names_.name(op, reply, by_victim);
  const int same_words = ++seen_words_[name.words];
  if (same_words > 1) name.words += fmt::format(" ({})", same_words);
  const int occurrence = ++seen_[name.key];
  return OperationCall{{std::move(name.key), occurrence}, std::move(name.words), by_victim};
}

}  // namespace stress
