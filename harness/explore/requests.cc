#include "harness/explore/requests.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace stress {
namespace {

constexpr std::array<std::string_view, 9> kWords = {"spawn",          "update",       "kill",
                                                    "list",           "validate",     "repair",
                                                    kSessionKillWord, kAgentExitWord, kPauseWord};
/// Operations are numbered after the prepared ones.
constexpr std::uint64_t kFirstOperation = 1000;

OpKind kind_of(const std::string& word) {
  if (word == "update") return OpKind::kUpdate;
  if (word == "kill") return OpKind::kKill;
  if (word == "list") return OpKind::kList;
  if (word == "validate") return OpKind::kValidate;
  return OpKind::kSpawn;
}

/// One that a fresh agent does not have yet, where there is one.
std::string working_status(const TargetOffers& offers) {
  const auto working = std::ranges::find(offers.statuses, "working");
  if (working != offers.statuses.end()) return *working;
  return offers.statuses.empty() ? std::string() : offers.statuses.back();
}

std::map<std::string, std::string> writes_of(std::uint64_t id, const TargetOffers& offers) {
  std::map<std::string, std::string> writes;
  const auto offered = [&](const char* field) { return offers.update_fields.contains(field); };
  if (offered("message")) writes["message"] = fmt::format("op-{}", id);  // names its writer
  if (offered("progress")) writes["progress"] = fmt::format("{}", id % 101);
  if (offered("status")) writes["status"] = working_status(offers);
  return writes;
}

void make_spawn(SceneOperation& operation, const Scene& scene, const Target& target,
                std::size_t number) {
  const auto types = static_cast<std::size_t>(scene.types);
  SpawnArguments& spawn = operation.request.spawn;
  spawn.task = target.tasks().front();
  spawn.type = fmt::format("worker{}", (types == 0 ? number : number % types) + 1);
  spawn.unique_type = target.facts().promises_no_duplicates && target.offers().unique_types;
  operation.op.task = spawn.task;
  operation.op.type = spawn.type;
  operation.words = fmt::format("spawn {}", spawn.type);
}

}  // namespace

bool is_harness_word(const std::string& word) {
  return word == kSessionKillWord || word == kAgentExitWord || pause_of(word);
}

std::optional<std::chrono::duration<double>> pause_of(const std::string& word) {
  constexpr double kLongest = 60;
  const std::string_view name = kPauseWord;
  if (word == name) return std::chrono::duration<double>(1);
  if (!word.starts_with(std::string(name) + ":")) return std::nullopt;
  double seconds = 0;
  const char* end = word.data() + word.size();
  const auto [rest, error] = std::from_chars(word.data() + name.size() + 1, end, seconds);
  if (error != std::errc() || rest != end || seconds <= 0 || seconds > kLongest) {
    return std::nullopt;
  }
  return std::chrono::duration<double>(seconds);
}

std::string operation_label(std::size_t number) {
  constexpr std::size_t kLetters = 26;
  const std::string letter(1, static_cast<char>('A' + number % kLetters));
  return number < kLetters ? letter : fmt::format("{}{}", letter, number / kLetters);
}

std::vector<SceneOperation> operations_of(const Scene& scene, const Target& target,
                                          const std::vector<Operation>& prepared) {
  const TargetOffers offers = target.offers();
  std::vector<SceneOperation> operations;
  for (std::size_t i = 0; i < scene.ops.size(); ++i) {
    SceneOperation operation;
    operation.label = operation_label(i);
    operation.word = operation.words = operation.request.kind = scene.ops[i];
    operation.op.id = kFirstOperation + i;
    operation.op.kind = kind_of(operation.word);
    operation.op.client = operation.label;
    operation.op.slot = i;
    if (operation.word == "spawn") make_spawn(operation, scene, target, i);
    if (operation.word == "update" || operation.word == "kill") {
      operation.op.agent = operation.request.agent = prepared.front().agent;
      operation.words += " " + prepared.front().agent;
    }
    if (operation.word == "update") {
      operation.op.writes = operation.request.writes = writes_of(operation.op.id, offers);
    }
    operations.push_back(std::move(operation));
  }
  return operations;
}

base::Status check_operations(const std::vector<std::string>& words, const Target& target) {
  for (const std::string& word : words) {
    if (pause_of(word)) continue;
    if (std::ranges::find(kWords, word) == kWords.end()) {
      return base::fail(base::Errc::kInvalid, "--ops: there is no operation '{}'; there are {}",
                        word, fmt::join(kWords, ", "));
    }
    if (is_harness_word(word)) {
      if (target.facts().sessions != "none") continue;
      return base::fail(base::Errc::kInvalid, "--ops {}: target {} has no sessions", word,
                        target.facts().name);
    }
    Request request;
    request.kind = word;
    if (target.program(request)) continue;
    return base::fail(base::Errc::kInvalid,
                      "--ops {}: target {} does not offer it as a program of its own, which a "
                      "schedule needs",
                      word, target.facts().name);
  }
  return {};
}

bool need_an_agent(const std::vector<std::string>& words) {
  return std::ranges::any_of(
      words, [](const std::string& word) { return word != "spawn" && !pause_of(word); });
}

}  // namespace stress
