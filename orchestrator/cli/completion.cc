#include "orchestrator/cli/command.h"

namespace orc::cli {
namespace {

struct CompletionOptions {
  std::string shell;
};

std::string words_of(const CLI::App& app, const CLI::App& root) {
  std::string words;
  for (const CLI::App* command : app.get_subcommands({})) words += command->get_name() + " ";
  for (const CLI::App* level : {&app, &root}) {
    for (const CLI::Option* option : level->get_options()) {
      for (const std::string& name : option->get_lnames()) words += "--" + name + " ";
    }
    if (&app == &root) break;
  }
  return words;
}

/// One line of a bash `case` for each path of subcommands: "task create" and so on.
void print_cases(const CLI::App& app, const CLI::App& root, const std::string& path) {
  fmt::print("    \"{}\") words=\"{}\" ;;\n", path, words_of(app, root));
  for (const CLI::App* command : app.get_subcommands({})) {
    print_cases(*command, root,
                path.empty() ? command->get_name() : path + " " + command->get_name());
  }
}

/// Made from the commands themselves, so that it cannot lag behind them.
int run_completion(const Cli& cli, const CompletionOptions&) {
  fmt::print(
      "# bash completion for orchestrator: eval \"$(orchestrator completion bash)\"\n"
      "_orchestrator() {{\n"
      "  local cur=\"${{COMP_WORDS[COMP_CWORD]}}\" path=\"\" words=\"\" i=1\n"
      "  for ((; i < COMP_CWORD; i++)); do\n"
      "    case \"${{COMP_WORDS[i]}}\" in\n"
      "      --) return ;;\n"
      "      --workspace) ((i++)) ;;\n"
      "      -*) ;;\n"
      "      *)\n"
      "        case \"$path\" in\n"
      "          \"\"|task|backup|completion) path=\"${{path:+$path }}${{COMP_WORDS[i]}}\" ;;\n"
      "        esac ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$path\" in\n");
  print_cases(cli.app, cli.app, "");
  fmt::print(
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
      "}}\n"
      "complete -o default -F _orchestrator orchestrator\n");
  return kOk;
}

}  // namespace

void add_completion(Cli& cli) {
  static CompletionOptions options;
  CLI::App* completion = add_command(cli, cli.app, "completion",
                                     "Print a shell's completion script", options, &run_completion);
  completion->add_option("shell", options.shell, "bash")
      ->required()
      ->check(CLI::IsMember({"bash"}));
  completion->footer("Example:\n  eval \"$(orchestrator completion bash)\"");
}

}  // namespace orc::cli
