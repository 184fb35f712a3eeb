#include "orchestrator/registry/record.h"

#include <algorithm>
#include <array>
#include <utility>

#include "orchestrator/base/random_id.h"

namespace orc {
namespace {

constexpr std::size_t kNameBytesMax = 64;

constexpr std::array<std::pair<AgentStatus, std::string_view>, 9> kStatusNames{{
    {AgentStatus::kStarting, "starting"},
    {AgentStatus::kRunning, "running"},
    {AgentStatus::kWorking, "working"},
    {AgentStatus::kBlocked, "blocked"},
    {AgentStatus::kStopping, "stopping"},
    {AgentStatus::kCompleted, "completed"},
    {AgentStatus::kError, "error"},
    {AgentStatus::kFailed, "failed"},
    {AgentStatus::kTerminated, "terminated"},
}};

bool is_name_character(char character) {
  return (character >= 'A' && character <= 'Z') || (character >= 'a' && character <= 'z') ||
         (character >= '0' && character <= '9') || character == '_' || character == '-';
}

/// Length of the well-formed UTF-8 sequence at the front (Unicode 15, table 3-7); 0 where there is
/// none.
std::size_t utf8_sequence(std::string_view text) {
  const auto byte = [text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned low = first == 0xE0 ? 0xA0 : 0x80;   // no overlong forms
    const unsigned high = first == 0xED ? 0x9F : 0xBF;  // no surrogates
    return byte(1) >= low && byte(1) <= high && continues(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned low = first == 0xF0 ? 0x90 : 0x80;
    const unsigned high = first == 0xF4 ? 0x8F : 0xBF;  // up to U+10FFFF
    return byte(1) >= low && byte(1) <= high && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

std::string new_id(std::string_view prefix, base::WallTime now) {
  return fmt::format("{}-{}-{}", prefix, base::to_compact(now), base::random_id());
}

}  // namespace

std::string_view to_string(AgentStatus status) {
  for (const auto& [value, name] : kStatusNames) {
    if (value == status) return name;
  }
  std::unreachable();
}

base::Result<AgentStatus> parse_agent_status(std::string_view text) {
  for (const auto& [value, name] : kStatusNames) {
    if (name == text) return value;
  }
  return base::fail(base::Errc::kInvalid, "unknown agent status '{}'", text);
}

bool is_active(AgentStatus status) { return !is_terminal(status); }

bool is_terminal(AgentStatus status) {
  switch (status) {
    case AgentStatus::kStarting:
    case AgentStatus::kRunning:
    case AgentStatus::kWorking:
    case AgentStatus::kBlocked:
    case AgentStatus::kStopping:
      return false;
    case AgentStatus::kCompleted:
    case AgentStatus::kError:
    case AgentStatus::kFailed:
    case AgentStatus::kTerminated:
      return true;
  }
  std::unreachable();
}

bool claims_session(AgentStatus status) {
  return status == AgentStatus::kRunning || status == AgentStatus::kWorking ||
         status == AgentStatus::kBlocked;
}

base::Status check_name(std::string_view what, std::string_view name) {
  const bool good = !name.empty() && name.size() <= kNameBytesMax && name.front() != '-' &&
                    std::ranges::all_of(name, is_name_character);
  if (good) return {};
  return base::fail(base::Errc::kInvalid,
                    "{} must be 1 to {} of the characters A-Z a-z 0-9 _ - and not begin with '-'",
                    what, kNameBytesMax);
}

base::Status check_text(std::string_view what, std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max) {
    return base::fail(base::Errc::kInvalid, "{} has {} bytes, more than the {} allowed", what,
                      text.size(), bytes_max);
  }
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = text[at] == '\0' ? 0 : utf8_sequence(text.substr(at));
    if (length == 0) {
      return base::fail(base::Errc::kInvalid, "{} is not UTF-8 text without NUL, see byte {}", what,
                        at);
    }
    at += length;
  }
  return {};
}

std::string new_agent_id(std::string_view type, base::WallTime now) { return new_id(type, now); }

bool looks_like_agent_id(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789";
  constexpr std::string_view kForm = "-ddddddddTdddddd-bbbbbbbbbbbbb";
  constexpr std::string_view kBase32 = "abcdefghijklmnopqrstuvwxyz234567";
  if (text.size() <= kForm.size()) return false;
  const std::string_view type = text.substr(0, text.size() - kForm.size());
  if (!check_name("type", type)) return false;
  text.remove_prefix(type.size());
  return std::ranges::equal(text, kForm, [&](char character, char form) {
    if (form == 'd') return kDigits.contains(character);
    if (form == 'b') return kBase32.contains(character);
    return character == form;
  });
}

std::string new_task_id(base::WallTime now) { return new_id("TASK", now); }

std::string session_name(std::string_view agent_id) { return fmt::format("agent_{}", agent_id); }

}  // namespace orc
