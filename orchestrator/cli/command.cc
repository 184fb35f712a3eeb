#include "orchestrator/cli/command.h"

#include <algorithm>
#include <cstdio>

#include "orchestrator/core/prompt.h"

namespace orc::cli {

int exit_code(base::Errc code) {
  switch (code) {
    case base::Errc::kInvalid:
      return kUsage;
    case base::Errc::kNotFound:
      return kNotFound;
    case base::Errc::kExists:
    case base::Errc::kRefused:
      return kRefused;
    case base::Errc::kDamaged:
      return kDamaged;
    case base::Errc::kUnavailable:
    case base::Errc::kTimeout:
      return kUnavailable;
    case base::Errc::kIo:
    case base::Errc::kConflict:
      return kFailed;
  }
  return kInternal;
}

namespace {

std::string_view name_of(int code) {
  switch (code) {
    case kFailed:
      return "failed";
    case kRefused:
      return "refused";
    case kNotFound:
      return "not-found";
    case kDamaged:
      return "damaged";
    case kUnavailable:
      return "unavailable";
    case kUsage:
      return "usage";
    default:
      return "internal";
  }
}

}  // namespace

CLI::Option* add_list_option(CLI::App& command, const std::string& name,
                             std::vector<std::string>& values, const std::string& description) {
  // Only a list without a bound would be split.
  constexpr int kValuesMax = 10'000;
  return command.add_option(name, values, description)
      ->expected(1, kValuesMax)
      ->allow_extra_args(false);
}

base::Result<Workspace> Cli::open() const {
  return Workspace::open(workspace, {.operations_log = !no_operations_log});
}

int Cli::fail(const base::Error& error) const {
  const int code = exit_code(error.code);
  const std::string message = one_line(error.message);
  fmt::print(stderr, "orchestrator: {}\n", message);
  if (json) {
    print_json({{"error", {{"code", name_of(code)}, {"message", message}}}});
  }
  return code;
}

void print_json(const Json& json) {
  fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
}

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string cell = one_line(row[i]);
      line += i + 1 == row.size() ? cell : fmt::format("{:<{}}  ", cell, widths[i]);
    }
    fmt::print("{}\n", line);
  }
}

Json counts_json(const Counts& counts) {
  return {{"agents_total", counts.agents_total},
          {"agents_active", counts.agents_active},
          {"agents_completed", counts.agents_completed}};
}

std::string one_line(std::string text) {
  std::ranges::replace_if(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return text;
}

std::string first_line(const std::string& text, std::size_t bytes_max) {
  const std::string line = text.substr(0, text.find('\n'));
  return line.size() <= bytes_max ? line : excerpt(line, bytes_max - 3) + "...";
}

}  // namespace orc::cli
