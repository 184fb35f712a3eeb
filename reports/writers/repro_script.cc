#include <string>

#include <fmt/format.h>

#include "reports/writers/text.h"
#include "reports/writers/writers.h"

namespace report {

std::string to_repro_script(const Report& report) {
  std::string out = "#!/bin/sh\n";
  out +=
      fmt::format("# {}: {} ({})\n# {}\n# More arguments are passed on.\n", one_line(report.name),
                  verdict_word(report.verdict), one_line(run_line(report)), reproduce_hint(report));
  if (report.command.empty()) {
    return out + "echo 'the command of this run is not known' >&2\nexit 254\n";
  }
  return out + fmt::format("exec {} \"$@\"\n", shell_command(report.command));
}

}  // namespace report
