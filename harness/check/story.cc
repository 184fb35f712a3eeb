#include "harness/check/story.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace stress::check {
namespace {

constexpr std::size_t kLinesBefore = 8;
constexpr std::size_t kLinesAfter = 2;

bool concerns(const Finding& finding, const std::string& agent) {
  return !agent.empty() &&
         (agent == finding.agent || std::ranges::find(finding.with, agent) != finding.with.end());
}

}  // namespace

std::string_view to_string(OpKind kind) {
  switch (kind) {
    case OpKind::kSpawn:
      return "spawn";
    case OpKind::kKill:
      return "kill";
    case OpKind::kUpdate:
      return "update";
    case OpKind::kList:
      return "list";
    case OpKind::kValidate:
      return "validate";
  }
  return "?";
}

std::string_view to_string(OpOutcome outcome) {
  switch (outcome) {
    case OpOutcome::kOk:
      return "ok";
    case OpOutcome::kRefused:
      return "refused";
    case OpOutcome::kInfo:
      return "info";
  }
  return "?";
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string render(const ObservedAgent& agent) {
  std::string out;
  const auto text = [&out](std::string_view name, const std::string& value) {
    if (!value.empty()) out += fmt::format(", {}: {}", quote(name), quote(value));
  };
  const auto number = [&out](std::string_view name, const auto& value) {
    if (value) out += fmt::format(", {}: {}", quote(name), *value);
  };
  text("id", agent.id);
  text("status", agent.status);
  text("type", agent.type);
  text("task", agent.task);
  text("parent", agent.parent);
  number("depth", agent.depth);
  text("session", agent.session);
  number("pid", agent.pid);
  text("created", agent.created);
  number("version", agent.version);
  for (const auto& [name, value] : agent.fields) text(name, value);
  return out.empty() ? "{}" : fmt::format("{{{}}}", out.substr(2));
}

std::string render(const ObservedAgent* agent) {
  return agent == nullptr ? "(absent)" : render(*agent);
}

Story::Story(const Evidence& evidence) : evidence_(evidence) {
  std::optional<Nanoseconds> first;
  const auto consider = [&first](Nanoseconds at) { first = std::min(first.value_or(at), at); };
  if (!evidence.operations.empty()) consider(evidence.operations.front().invoked);
  if (!evidence.snapshots.empty()) consider(evidence.snapshots.front().at.begin);
  if (!evidence.lives.empty()) consider(evidence.lives.front().at);
  origin_ = first.value_or(0);
  for (const Operation& op : evidence.operations) by_id_.emplace(op.id, &op);
}

std::string Story::when(Nanoseconds at) const {
  return fmt::format("{:+.3f} ms", static_cast<double>(at - origin_) / 1e6);
}

std::string Story::name(const Operation& op) {
  return fmt::format("operation {} ({}{}{})", op.id, to_string(op.kind),
                     op.client.empty() ? "" : " by ", op.client);
}

std::string Story::line(const Operation& op) const {
  std::string out = fmt::format(
      "{} .. {}  {}  {} #{} {}", when(op.invoked), op.completed ? when(*op.completed) : "no reply",
      op.client.empty() ? "-" : op.client, to_string(op.kind), op.id, to_string(op.outcome));
  if (!op.agent.empty()) out += fmt::format("  {}", op.agent);
  for (const auto& [field, value] : op.writes) out += fmt::format(" {}={}", field, quote(value));
  if (op.kind == OpKind::kSpawn) {
    for (const std::string* word : {&op.task, &op.type}) {
      if (!word->empty()) out += ' ' + *word;
    }
    if (!op.parent.empty()) out += " below " + op.parent;
  }
  if (op.kind == OpKind::kList) out += fmt::format("  saw {}", op.seen.size());
  if (!op.error.empty()) out += fmt::format("  {}", quote(op.error));
  return out;
}

std::vector<std::string> Story::operations_around(const Finding& finding) const {
  std::vector<const Operation*> before;
  std::vector<const Operation*> after;
  const auto gather = [&](auto&& wanted) {
    for (const Operation& op : evidence_.operations) {
      if (wanted(op)) (op.invoked <= finding.at ? before : after).push_back(&op);
    }
  };
  gather([&](const Operation& op) { return concerns(finding, op.agent); });
  if (before.empty() && after.empty()) {
    if (finding.agent.empty()) {
      gather([&](const Operation& op) {
        return op.invoked <= finding.at && (!op.completed || *op.completed >= finding.at);
      });
      if (before.empty()) gather([](const Operation&) { return true; });
    } else {
      gather([](const Operation& op) {
        return op.kind == OpKind::kSpawn && op.outcome == OpOutcome::kInfo;
      });
    }
    after.clear();
  }
  std::vector<std::string> lines;
  const std::size_t skipped = before.size() - std::min(before.size(), kLinesBefore);
  if (skipped > 0) lines.push_back(fmt::format("({} earlier)", skipped));
  for (std::size_t i = skipped; i < before.size(); ++i) lines.push_back(line(*before[i]));
  for (std::size_t i = 0; i < std::min(after.size(), kLinesAfter); ++i) {
    lines.push_back(line(*after[i]));
  }
  return lines;
}

const Operation* Story::find(std::uint64_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

std::string Story::line(const Fault& fault) const {
  std::string out = fmt::format("{}  {}", when(fault.at), fault.kind);
  for (const std::string* word : {&fault.cls, &fault.variant, &fault.agent}) {
    if (!word->empty()) out += ' ' + *word;
  }
  if (fault.op) {
    const Operation* op = find(*fault.op);
    out +=
        fmt::format(" in {}", op == nullptr ? fmt::format("operation {}", *fault.op) : name(*op));
  }
  if (!fault.detail.empty()) out += ": " + fault.detail;
  return out;
}

std::string Story::fault_before(const Finding& finding) const {
  const Fault* last = nullptr;
  const Fault* last_concerning = nullptr;
  for (const Fault& fault : evidence_.faults) {
    if (!fault.injected || fault.at > finding.at) continue;
    last = &fault;
    const Operation* op = fault.op ? find(*fault.op) : nullptr;
    if (concerns(finding, fault.agent) || (op != nullptr && concerns(finding, op->agent))) {
      last_concerning = &fault;
    }
  }
  if (last_concerning != nullptr) return line(*last_concerning);
  return last == nullptr ? "" : line(*last);
}

}  // namespace stress::check
