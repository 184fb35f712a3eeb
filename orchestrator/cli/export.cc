#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string_view>

#include "orchestrator/base/file_io.h"
#include "orchestrator/base/unique_fd.h"
#include "orchestrator/cli/command.h"

namespace orc::cli {
namespace {

struct ExportOptions {
  std::string output;
};

base::Status write_through(const std::filesystem::path& path, std::string_view text, int flags) {
  const auto fail = [&](std::string_view step) {
    auto error = base::fail_errno(errno, step, path);
    error.error().code = base::Errc::kIo;  // whatever is missing, it is no part of the workspace
    return error;
  };
  const base::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC | flags, 0600));
  if (!fd.valid()) return fail("open");
  while (!text.empty()) {
    const ssize_t written = ::write(fd.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail("write");
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

/// A file is replaced whole, where its links lead and with the mode that it has. A device or a pipe
/// has a life of its own and is written through; so is a link to nothing, which makes its target.
base::Status write_output(const std::filesystem::path& path, std::string_view text) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    std::error_code ignored;
    const bool link = std::filesystem::is_symlink(path, ignored);
    return link ? write_through(path, text, O_CREAT) : base::replace_file(path, text);
  }
  if (!S_ISREG(status.st_mode)) return write_through(path, text, 0);
  std::error_code error;
  const std::filesystem::path target = std::filesystem::canonical(path, error);
  if (error) return base::fail_errno(error.value(), "resolve", path);
  return base::replace_file(target, text, status.st_mode & 07777U);
}

int run_export(const Cli& cli, const ExportOptions& options) {
  const auto workspace = cli.open();
  if (!workspace) return cli.fail(workspace.error());
  const auto state = workspace->store().read();
  if (!state) return cli.fail(state.error());
  const Json document = (*state)->document();
  if (options.output.empty()) {
    print_json(document);
    return kOk;
  }
  if (auto ok = write_output(options.output, document.dump(2) + "\n"); !ok) {
    return cli.fail(ok.error());
  }
  if (cli.json) {
    print_json({{"output", options.output}, {"generation", (*state)->generation()}});
  }
  return kOk;
}

}  // namespace

void add_export(Cli& cli) {
  static ExportOptions options;
  CLI::App* command =
      add_command(cli, cli.app, "export", "Write the whole registry as JSON", options, &run_export);
  command->add_option("--output", options.output,
                      "A file, which keeps its mode, or a device; standard output by default");
  command->footer("Example:\n  orchestrator export --output registry-copy.json");
}

}  // namespace orc::cli
