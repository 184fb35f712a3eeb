#include "harness/fault/fault_spec.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <span>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace stress {
namespace {

using std::chrono::milliseconds;

struct PlaceName {
  std::string_view name;
  FaultPlace place;
  Sys sys;
  bool has_path = true;
};
constexpr std::array kPlaces = {
    PlaceName{"open", FaultPlace::kOpen, Sys::kOpen},
    PlaceName{"write", FaultPlace::kWrite, Sys::kWrite},
    PlaceName{"fsync", FaultPlace::kFsync, Sys::kSync},
    PlaceName{"rename", FaultPlace::kRename, Sys::kRename},
    PlaceName{"link", FaultPlace::kLink, Sys::kLink},
    PlaceName{"unlink", FaultPlace::kUnlink, Sys::kUnlink},
    PlaceName{"mkdir", FaultPlace::kMkdir, Sys::kFolder},
    PlaceName{"truncate", FaultPlace::kTruncate, Sys::kTruncate},
    PlaceName{"chmod", FaultPlace::kChmod, Sys::kMode},
    PlaceName{"flock", FaultPlace::kFlock, Sys::kLock},
    PlaceName{"unlock", FaultPlace::kUnlock, Sys::kUnlock},
    PlaceName{"exec", FaultPlace::kExec, Sys::kExec},
    PlaceName{"connect", FaultPlace::kConnect, Sys::kConnect},
    PlaceName{"send", FaultPlace::kSend, Sys::kSend, false},
    PlaceName{"spawn", FaultPlace::kSpawn, Sys::kOther, false},
};
constexpr std::string_view kActions =
    "kill, kill-mid, short=N, errno=NAME, exit=N, unlink, delay=50ms, pause=50ms";
constexpr milliseconds kLongest{10'000};

const PlaceName& about(FaultPlace place) {
  return *std::ranges::find(kPlaces, place, &PlaceName::place);
}

/// 0: no such errno.
int error_by_name(std::string_view name) {
  constexpr int kErrnoMax = 133;
  for (int number = 1; number <= kErrnoMax; ++number) {
    const char* known = strerrorname_np(number);
    if (known != nullptr && name == known) return number;
  }
  return 0;
}

/// Why an action cannot befall the calls of a place; empty: it can.
std::string misfit_of(FaultAction action, FaultPlace place) {
  static constexpr std::array kOnAFile = {
      FaultPlace::kOpen,  FaultPlace::kWrite, FaultPlace::kFsync, FaultPlace::kTruncate,
      FaultPlace::kChmod, FaultPlace::kFlock, FaultPlace::kUnlock};
  switch (action) {
    case FaultAction::kKillMid:
    case FaultAction::kShort:
      if (place == FaultPlace::kWrite) return {};
      return fmt::format("only a write can be cut; {} goes with write",
                         action == FaultAction::kShort ? "short" : "kill-mid");
    case FaultAction::kExit:
      if (place == FaultPlace::kExec) return {};
      return "only a program can exit; exit goes with exec";
    case FaultAction::kUnlink:
      if (std::ranges::find(kOnAFile, place) != kOnAFile.end()) return {};
      return "only a call on one file can lose it; unlink goes with open, write, fsync, truncate, "
             "chmod, flock, unlock";
    default:
      return {};
  }
}

/// A part of the text, and where it begins there.
struct Piece {
  std::string_view text;
  std::size_t at = 0;

  [[nodiscard]] Piece from(std::size_t offset) const { return {text.substr(offset), at + offset}; }
};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}
  base::Result<FaultSpec> parse();

 private:
  [[nodiscard]] std::unexpected<base::Error> wrong(std::size_t at, const std::string& what) const {
    return base::fail(base::Errc::kInvalid, "'{}': at character {}: {}", text_, at + 1, what);
  }
  base::Status where(Piece piece);
  base::Status what(Piece piece);
  base::Status bytes(Piece value);
  base::Status error(Piece value);
  base::Status exit_code(Piece value);
  base::Status duration(Piece value);
  base::Status when(Piece value);
  base::Status rate(Piece value);
  base::Status number(Piece& rest, std::uint64_t& value, std::string_view of) const;

  std::string_view text_;
  FaultSpec spec_;
};

base::Result<FaultSpec> Parser::parse() {
  std::vector<Piece> pieces;
  for (std::size_t begin = 0; begin <= text_.size();) {
    const std::size_t end = std::min(text_.find(':', begin), text_.size());
    pieces.push_back({text_.substr(begin, end - begin), begin});
    begin = end + 1;
  }
  if (base::Status read = where(pieces[0]); !read) return std::unexpected(read.error());
  if (pieces.size() < 2) {
    return wrong(text_.size(), fmt::format("no action; add one as in '{}:kill'; actions are {}",
                                           text_, kActions));
  }
  if (base::Status read = what(pieces[1]); !read) return std::unexpected(read.error());
  for (const Piece& piece : std::span(pieces).subspan(2)) {
    base::Status read;
    if (piece.text.starts_with("when=") && !spec_.window) {
      read = when(piece.from(5));
    } else if (piece.text.starts_with("p=") && !spec_.rate) {
      read = rate(piece.from(2));
    } else {
      read = wrong(piece.at, fmt::format("'{}' is out of place; after the action come "
                                         "when=FIRST[..LAST][+STEP] and p=RATE, once each",
                                         piece.text));
    }
    if (!read) return std::unexpected(read.error());
  }
  return spec_;
}

base::Status Parser::where(Piece piece) {
  const std::size_t at = piece.text.find('@');
  const std::string_view name = piece.text.substr(0, at);
  const auto* place = std::ranges::find(kPlaces, name, &PlaceName::name);
  if (place == kPlaces.end()) {
    std::vector<std::string_view> known;
    known.reserve(kPlaces.size());
    for (const PlaceName& other : kPlaces) known.push_back(other.name);
    return wrong(piece.at, fmt::format("'{}' is no operation; operations are {}", name,
                                       fmt::join(known, ", ")));
  }
  spec_.place = place->place;
  if (at == std::string_view::npos) return {};
  if (!place->has_path) {
    return wrong(at, fmt::format("{} takes no path; write '{}' alone", name, name));
  }
  spec_.glob = piece.text.substr(at + 1);
  if (spec_.glob.empty()) {
    return wrong(at + 1, fmt::format("no path after '@'; as in {}@*/registry.json", name));
  }
  return {};
}

base::Status Parser::what(Piece piece) {
  const std::size_t equals = piece.text.find('=');
  const std::string_view name = piece.text.substr(0, equals);
  const bool has_value = equals != std::string_view::npos;
  const Piece value = has_value ? piece.from(equals + 1) : piece.from(piece.text.size());
  struct Known {
    std::string_view name;
    FaultAction action;
    base::Status (Parser::*read)(Piece);
  };
  static constexpr std::array kKnown = {Known{"kill", FaultAction::kKill, nullptr},
                                        Known{"kill-mid", FaultAction::kKillMid, nullptr},
                                        Known{"short", FaultAction::kShort, &Parser::bytes},
                                        Known{"errno", FaultAction::kError, &Parser::error},
                                        Known{"exit", FaultAction::kExit, &Parser::exit_code},
                                        Known{"unlink", FaultAction::kUnlink, nullptr},
                                        Known{"delay", FaultAction::kDelay, &Parser::duration},
                                        Known{"pause", FaultAction::kPause, &Parser::duration}};
  const auto* known = std::ranges::find(kKnown, name, &Known::name);
  if (known == kKnown.end()) {
    return wrong(piece.at, fmt::format("'{}' is no action; actions are {}", name, kActions));
  }
  spec_.action = known->action;
  if (const std::string misfit = misfit_of(spec_.action, spec_.place); !misfit.empty()) {
    return wrong(piece.at, misfit);
  }
  if (known->read == nullptr) {
    if (!has_value) return {};
    return wrong(equals + piece.at, fmt::format("{} takes no value", name));
  }
  return (this->*known->read)(value);
}

/// Takes digits from the front of `rest`.
base::Status Parser::number(Piece& rest, std::uint64_t& value, std::string_view of) const {
  const char* begin = rest.text.data();
  const auto [end, error] = std::from_chars(begin, begin + rest.text.size(), value);
  if (error != std::errc()) {
    return wrong(rest.at, fmt::format("{} must be a whole number, not '{}'", of, rest.text));
  }
  rest = rest.from(static_cast<std::size_t>(end - begin));
  return {};
}

base::Status Parser::bytes(Piece value) {
  Piece rest = value;
  if (base::Status read = number(rest, spec_.bytes, "short="); !read) return read;
  if (!rest.text.empty() || spec_.bytes == 0) {
    return wrong(value.at,
                 fmt::format("short= takes a number of bytes, at least 1, not '{}'", value.text));
  }
  return {};
}

base::Status Parser::error(Piece value) {
  spec_.error_number = error_by_name(value.text);
  if (spec_.error_number != 0) return {};
  return wrong(value.at, fmt::format("'{}' is no errno; as in ENOSPC, EIO, EINTR, EDQUOT, EMFILE, "
                                     "ENFILE, ENOMEM, EACCES, EROFS",
                                     value.text));
}

base::Status Parser::exit_code(Piece value) {
  constexpr std::uint64_t kMax = 255;
  Piece rest = value;
  std::uint64_t code = 0;
  if (base::Status read = number(rest, code, "exit="); !read) return read;
  if (!rest.text.empty() || code > kMax) {
    return wrong(value.at,
                 fmt::format("exit= takes an exit code, 0 to {}, not '{}'", kMax, value.text));
  }
  spec_.exit_code = static_cast<int>(code);
  return {};
}

base::Status Parser::duration(Piece value) {
  Piece rest = value;
  std::uint64_t count = 0;
  if (base::Status read = number(rest, count, "a duration"); !read) return read;
  const std::uint64_t unit = rest.text == "ms" ? 1 : rest.text == "s" ? 1000 : 0;
  if (unit == 0) {
    return wrong(rest.at, fmt::format("'{}' is no unit; units are ms and s", rest.text));
  }
  if (count == 0 || count > static_cast<std::uint64_t>(kLongest.count()) / unit) {
    return wrong(value.at, fmt::format("must lie between 1ms and {}s, not {}",
                                       kLongest.count() / 1000, value.text));
  }
  spec_.duration = milliseconds(count * unit);
  return {};
}

base::Status Parser::when(Piece value) {
  FaultWindow window;
  Piece rest = value;
  if (base::Status read = number(rest, window.first, "when="); !read) return read;
  if (window.first == 0) return wrong(value.at, "matching calls are counted from 1");
  if (rest.text.starts_with("..")) {
    rest = rest.from(2);
    if (!rest.text.empty() && !rest.text.starts_with('+')) {
      const std::size_t at = rest.at;
      window.last = 0;
      if (base::Status read = number(rest, *window.last, "LAST"); !read) return read;
      if (*window.last < window.first) {
        return wrong(
            at, fmt::format("LAST ({}) must not be below FIRST ({})", *window.last, window.first));
      }
    }
  } else if (!rest.text.starts_with('+')) {
    window.last = window.first;
  }
  if (rest.text.starts_with('+')) {
    rest = rest.from(1);
    const std::size_t at = rest.at;
    if (base::Status read = number(rest, window.step, "STEP"); !read) return read;
    if (window.step == 0) return wrong(at, "STEP must be at least 1");
  }
  if (!rest.text.empty()) {
    return wrong(rest.at,
                 fmt::format("'{}' is out of place; when= takes 3, 2..5, 5.. or 2+3", rest.text));
  }
  spec_.window = window;
  return {};
}

base::Status Parser::rate(Piece value) {
  double rate = 0;
  const char* begin = value.text.data();
  const char* end = begin + value.text.size();
  const auto [read_to, error] = std::from_chars(begin, end, rate);
  if (error != std::errc() || read_to != end || !(rate > 0 && rate <= 1)) {
    return wrong(value.at,
                 fmt::format("p= takes a rate above 0 and up to 1, not '{}'", value.text));
  }
  spec_.rate = rate;
  return {};
}

std::string to_string(const FaultWindow& window) {
  std::string text = fmt::format("{}", window.first);
  if (window.last && (*window.last != window.first || window.step > 1)) {
    text += fmt::format("..{}", *window.last);
  }
  if (!window.last && window.step == 1) text += "..";
  if (window.step > 1) text += fmt::format("+{}", window.step);
  return text;
}

std::string to_string(milliseconds duration) {
  return duration.count() % 1000 == 0 ? fmt::format("{}s", duration.count() / 1000)
                                      : fmt::format("{}ms", duration.count());
}

std::string action_text(const FaultSpec& spec) {
  switch (spec.action) {
    case FaultAction::kKill:
      return "kill";
    case FaultAction::kKillMid:
      return "kill-mid";
    case FaultAction::kShort:
      return fmt::format("short={}", spec.bytes);
    case FaultAction::kError:
      return fmt::format("errno={}", strerrorname_np(spec.error_number));
    case FaultAction::kExit:
      return fmt::format("exit={}", spec.exit_code);
    case FaultAction::kUnlink:
      return "unlink";
    case FaultAction::kDelay:
      return "delay=" + to_string(spec.duration);
    case FaultAction::kPause:
      return "pause=" + to_string(spec.duration);
  }
  return {};
}

}  // namespace

base::Result<FaultSpec> parse_fault(std::string_view text) { return Parser(text).parse(); }

std::string to_string(const FaultSpec& spec) {
  std::string text(about(spec.place).name);
  if (!spec.glob.empty()) text += "@" + spec.glob;
  text += ":" + action_text(spec);
  if (spec.window) text += ":when=" + to_string(*spec.window);
  if (spec.rate) text += fmt::format(":p={}", *spec.rate);
  return text;
}

bool names_arguments(const FaultSpec& spec) {
  return spec.place == FaultPlace::kExec && spec.glob.contains(' ');
}

bool names(const FaultSpec& spec, const Op& op) {
  if (spec.place == FaultPlace::kSpawn || about(spec.place).sys != op.sys) return false;
  if (op.sys == Sys::kFolder && op.name == "rmdir") return false;
  if (names_arguments(spec)) return path_matches(spec.glob, op.path, " " + op.argv);
  return spec.glob.empty() || path_matches(spec.glob, op.path) ||
         (!op.path2.empty() && path_matches(spec.glob, op.path2));
}

bool path_matches(const std::string& glob, const std::string& path, const std::string& rest) {
  const std::string whole = path + rest;
  if (fnmatch(glob.c_str(), whole.c_str(), 0) == 0) return true;
  if (glob.starts_with('/')) return false;
  for (std::size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    if (fnmatch(glob.c_str(), whole.c_str() + slash + 1, 0) == 0) return true;
  }
  return false;
}

}  // namespace stress
