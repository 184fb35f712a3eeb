#include "harness/cli/results.h"

#include "harness/history/codec.h"

namespace stress {
namespace fs = std::filesystem;

base::Status write_results(const StormResult& result) {
  const fs::path& folder = result.results;
  if (base::Status done = store_history(result.evidence, folder / "history.jsonl"); !done) {
    return done;
  }
  const report::Report& report = result.report;
  struct File {
    const char* name;
    std::string content;
    mode_t mode;
  };
  for (const File& file : {File{"report.json", report::to_json(report), 0644},
                           File{"junit.xml", report::to_junit({report}), 0644},
                           File{"report.md", report::to_markdown(report), 0644},
                           File{"repro.sh", report::to_repro_script(report), 0755}}) {
    if (base::Status done = base::replace_file(folder / file.name, file.content, file.mode);
        !done) {
      return done;
    }
  }
  std::error_code ignored;
  for (const char* part : {"history-parts", "home", "tmp"}) fs::remove_all(folder / part, ignored);
  fs::remove(folder / "logs" / "control", ignored);
  if (report.verdict == report::Verdict::kPass) {
    for (const char* part :
         {"workspace", "canary-workspace", "logs", "agents.jsonl", "canary-agents.jsonl"}) {
      fs::remove_all(folder / part, ignored);
    }
  }
  return {};
}

base::Result<report::Report> read_report(const fs::path& folder) {
  return read_result<report::Report>(folder / "report.json");
}

}  // namespace stress
