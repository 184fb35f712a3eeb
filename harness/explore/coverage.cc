#include "harness/explore/coverage.h"

#include <fmt/format.h>

namespace stress {
namespace {

std::string bound_in_words(const ExploreSettings& settings) {
  const std::string deaths =
      settings.crashes == 0
          ? ""
          : fmt::format(" and {} death{}", settings.crashes, settings.crashes == 1 ? "" : "s");
  return fmt::format("at most {} preemption{}{}{}{}", settings.preemptions,
                     settings.preemptions == 1 ? "" : "s", deaths,
                     settings.agents_at_once ? ", agents going on at once" : "",
                     settings.begin_in_order ? ", begun in order" : "");
}

}  // namespace

std::string coverage_in_words(const ExploreSettings& settings, const report::Exploration& report,
                              std::size_t open, std::string_view otherwise) {
  const std::string bound = bound_in_words(settings);
  if (report.exhaustive) {
    return fmt::format("exhaustive: all schedules with {}, {} executed, {} pruned", bound,
                       report.executed, report.pruned);
  }
  return fmt::format("{}: of the schedules with {}, {} executed, {} pruned, {} known and not run",
                     otherwise, bound, report.executed, report.pruned, open);
}

}  // namespace stress
