#include "tests/contract/strace_record.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>
#include <sstream>

#include <fmt/format.h>

namespace stress {
namespace {

const std::set<std::string_view> kCompared = {
    "open",      "openat",         "openat2",  "creat",     "write",    "pwrite64",
    "writev",    "pwritev",        "pwritev2", "sendfile",  "splice",   "copy_file_range",
    "fsync",     "fdatasync",      "syncfs",   "rename",    "renameat", "renameat2",
    "link",      "linkat",         "symlink",  "symlinkat", "unlink",   "unlinkat",
    "mkdir",     "mkdirat",        "rmdir",    "mknod",     "mknodat",  "truncate",
    "ftruncate", "fallocate",      "chmod",    "fchmod",    "fchmodat", "flock",
    "fcntl",     "sync_file_range"};

/// Text as strace writes it: bytes beyond ASCII as octal numbers.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      plain += text[i];
      continue;
    }
    std::size_t end = ++i;
    int value = 0;
    while (end < text.size() && end < i + 3 && text[end] >= '0' && text[end] <= '7') {
      value = 8 * value + (text[end++] - '0');
    }
    plain += end > i ? static_cast<char>(value) : text[i];
    if (end > i) i = end - 1;
  }
  return plain;
}

struct Arguments {
  std::vector<std::string> descriptors;  ///< what they refer to
  std::vector<std::string> paths;        ///< made absolute by the descriptor before them
  std::uint64_t bytes = 0;               ///< the number after the first text
};

/// "3</tmp/f>, ""..., 4) = 4": descriptors with their paths in angle brackets, texts in quotes.
Arguments read_arguments(std::string_view rest, const std::string& folder) {
  Arguments found;
  std::optional<std::string> base;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '=' && i > 0 && rest[i - 1] == ' ') break;  // the result
    if (rest[i] == '<' && i > 0 && rest[i - 1] != ' ') {
      const std::size_t end = std::min(rest.find('>', i), rest.size());
      base = unescape(rest.substr(i + 1, end - i - 1));
      found.descriptors.push_back(*base);
      i = end;
    } else if (rest[i] == '"') {
      std::size_t end = i + 1;
      while (end < rest.size() && rest[end] != '"') end += rest[end] == '\\' ? 2u : 1u;
      const std::string text = unescape(rest.substr(i + 1, end - i - 1));
      found.paths.push_back(
          (std::filesystem::path(base.value_or(folder)) / text).lexically_normal().native());
      base.reset();
      const std::size_t number = rest.find_first_of("0123456789", end);
      if (number != std::string_view::npos && found.bytes == 0) {
        found.bytes = std::strtoull(std::string(rest.substr(number)).c_str(), nullptr, 10);
      }
      i = end;
    }
  }
  return found;
}

bool writes_to_second(std::string_view name) {
  return name == "splice" || name == "copy_file_range";
}

}  // namespace

std::string call_line(std::string_view name, std::vector<std::string> paths, bool unlock,
                      std::uint64_t bytes, const std::string& folder) {
  if (!kCompared.contains(name)) return {};
  std::string line(name);
  if (unlock) line += " (unlock)";
  bool below = false;
  for (std::string& path : paths) {
    constexpr std::string_view kDeleted = " (deleted)";
    if (path.ends_with(kDeleted)) path.resize(path.size() - kDeleted.size());
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    if (path == folder) {
      below = true;
      path = ".";
    } else if (path.starts_with(folder + "/")) {
      below = true;
      path = path.substr(folder.size() + 1);
    }
    line += " " + path;
  }
  if (!below) return {};
  if (name == "write" || name == "pwrite64") line += fmt::format(" {}", bytes);
  return line;
}

CallsByTask read_strace(const std::string& text, const std::string& folder) {
  CallsByTask calls;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t begin = line.find_first_not_of("0123456789 ");
    const std::size_t end = line.find('(');
    if (begin == std::string::npos || end == std::string::npos || end < begin) continue;
    const std::string name = line.substr(begin, end - begin);  // none in "<... x resumed>"
    if (name == "fcntl" && line.find("_SETLK") == std::string::npos) continue;
    const bool unlock = line.find("LOCK_UN") != std::string::npos ||
                        line.find("l_type=F_UNLCK") != std::string::npos;
    Arguments arguments = read_arguments(std::string_view(line).substr(end), folder);
    std::vector<std::string> paths = std::move(arguments.paths);
    const bool by_descriptor = paths.empty() || name.find("write") != std::string::npos;
    if (by_descriptor) {
      if (arguments.descriptors.empty()) continue;
      paths = {
          arguments.descriptors[writes_to_second(name) ? arguments.descriptors.size() - 1 : 0]};
    }
    std::string told = call_line(name, std::move(paths), unlock, arguments.bytes, folder);
    if (!told.empty())
      calls[static_cast<int>(std::strtol(line.c_str(), nullptr, 10))].push_back(std::move(told));
  }
  return calls;
}

}  // namespace stress
