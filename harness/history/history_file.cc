#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "harness/history/codec.h"
#include "orchestrator/base/file_io.h"

namespace stress {
namespace {

struct Line {
  Nanoseconds at;
  std::string text;
};

std::vector<Line> lines_by_time(const Evidence& evidence) {
  std::vector<Line> lines;
  for (const Operation& op : evidence.operations) {
    Invocation invocation{op};
    invocation.op.seen.clear();
    if (op.completed) {
      invocation.op.error.clear();
      if (op.kind == OpKind::kSpawn) invocation.op.agent.clear();
      lines.push_back({*op.completed, encode(Completion{op.id, *op.completed, op.outcome,
                                                        op.kind == OpKind::kSpawn ? op.agent : "",
                                                        op.error, op.seen})});
    }
    lines.push_back({op.invoked, encode(invocation)});
  }
  for (const Fault& fault : evidence.faults) lines.push_back({fault.at, encode(fault)});
  for (const AgentLife& life : evidence.lives) lines.push_back({life.at, encode(life)});
  for (const SessionsView& view : evidence.session_views) {
    lines.push_back({view.at.begin, encode(view)});
  }
  for (const RepairRun& run : evidence.repairs) lines.push_back({run.at.begin, encode(run)});
  // Their order carries their deltas, so no snapshot may be sorted before an earlier one.
  Nanoseconds latest = 0;
  for (const Snapshot& snapshot : evidence.snapshots) {
    latest = std::max(latest, snapshot.at.begin);
    lines.push_back({latest, encode(snapshot)});
  }
  std::ranges::stable_sort(lines, {}, &Line::at);
  return lines;
}

}  // namespace

base::Result<LoadedHistory> load_history(const std::filesystem::path& file) {
  const auto content = base::read_file(file);
  if (!content) return std::unexpected(content.error());
  LoadedHistory loaded;
  EvidenceBuilder builder;
  std::string_view rest = *content;
  for (int number = 1; !rest.empty(); ++number) {
    const std::size_t newline = rest.find('\n');
    const std::string_view line = rest.substr(0, newline);
    const bool last = newline == std::string_view::npos;
    rest.remove_prefix(last ? rest.size() : newline + 1);
    auto event = decode(line);
    if (event) {
      builder.add(std::move(*event));
    } else if (last && !nlohmann::json::accept(line)) {
      loaded.torn_lines = 1;  // the newline is written last: with it a line is whole
    } else {
      return base::fail(base::Errc::kInvalid, "{}:{}: {}", file.string(), number,
                        event.error().message);
    }
  }
  loaded.evidence = builder.finish();
  return loaded;
}

base::Status store_history(const Evidence& evidence, const std::filesystem::path& file) {
  std::string text = encode(evidence.run) + "\n";
  const auto add = [&text](const std::string& line) { text.append(line).push_back('\n'); };
  for (const Line& line : lines_by_time(evidence)) add(line.text);
  for (const Bystander& bystander : evidence.bystanders) add(encode(bystander));
  for (const Leftover& leftover : evidence.leftovers) add(encode(leftover));
  for (const Stall& stall : evidence.stalls) add(encode(stall));
  for (const RegistryLoads& loads : evidence.loads) add(encode(loads));
  for (const Trouble& trouble : evidence.troubles) add(encode(trouble));
  if (evidence.quiescence) add(encode(*evidence.quiescence));
  if (evidence.finished) add(encode(Finished{}));
  return base::replace_file(file, text, 0644);
}

}  // namespace stress
