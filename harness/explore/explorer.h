#pragma once

#include <filesystem>

namespace stress {

/// What the hidden subcommand `stress explorer SCENE` runs: one explorer, with a workspace, a tmux
/// server and a group of processes of its own. It reads plans of schedules from its standard input,
/// one a line, and writes a result for each, likewise; a first line without content says that its
/// ground is ready. A line that begins with '!' is a sentence on why it cannot go on, and the last.
/// It ends with its input.
int explorer_main(const std::filesystem::path& scene_file);

}  // namespace stress
