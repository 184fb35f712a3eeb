#include "harness/explore/failure_file.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <xxhash.h>

#include "harness/target/target_file.h"
#include "orchestrator/base/file_io.h"

namespace stress {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kFormat = 1;

std::vector<fs::path> inputs_of(const std::string& target) {
  std::vector<fs::path> files;
  std::error_code error;
  if (!is_target_file(target)) {
    const fs::path own = fs::read_symlink("/proc/self/exe", error);
    return {own.parent_path() / "orchestrator"};
  }
  const fs::path folder = fs::absolute(target, error).parent_path();
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->is_regular_file(error)) files.push_back(entry->path());
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace

std::string hash_of_inputs(const std::string& target) {
  std::uint64_t hash = 0;
  for (const fs::path& file : inputs_of(target)) {
    const std::string name = file.filename().string();
    const std::string content = base::read_file(file).value_or("");
    hash = XXH3_64bits_withSeed(name.data(), name.size(), hash);
    hash = XXH3_64bits_withSeed(content.data(), content.size(), hash);
  }
  return fmt::format("{:016x}", hash);
}

base::Status store_failure(const FailureFile& failure, const fs::path& file) {
  json scene = json::parse(encode(failure.scene));
  scene.erase("folder");
  scene.erase("explorer");
  const json content = {{"format", kFormat},        {"version", failure.version},
                        {"inputs", failure.inputs}, {"broken", failure.broken},
                        {"scene", scene},           {"plan", json::parse(encode(failure.plan))}};
  return base::replace_file(file,
                            content.dump(1, ' ', false, json::error_handler_t::replace) + "\n");
}

base::Result<FailureFile> load_failure(const fs::path& file) {
  const base::Result<std::string> text = base::read_file(file);
  if (!text) return std::unexpected(text.error());
  try {
    const json content = json::parse(*text);
    if (content.at("format").get<int>() != kFormat) {
      return base::fail(base::Errc::kInvalid,
                        "{}: it is of format {}, and this program reads format {}", file.string(),
                        content["format"].get<int>(), kFormat);
    }
    FailureFile failure;
    content.at("version").get_to(failure.version);
    content.at("inputs").get_to(failure.inputs);
    content.at("broken").get_to(failure.broken);
    base::Result<Scene> scene = decode_scene(content.at("scene").dump());
    if (!scene) return std::unexpected(scene.error());
    base::Result<SchedulePlan> plan = decode_plan(content.at("plan").dump());
    if (!plan) return std::unexpected(plan.error());
    failure.scene = std::move(*scene);
    failure.plan = std::move(*plan);
    if (failure.plan.decisions.empty() ||
        failure.plan.decisions.size() != failure.plan.trace.size()) {
      return base::fail(base::Errc::kInvalid, "{}: it has {} decisions and {} lines of a trace",
                        file.string(), failure.plan.decisions.size(), failure.plan.trace.size());
    }
    return failure;
  } catch (const json::exception& error) {
    return base::fail(base::Errc::kInvalid, "{}: no failure that `stress explore` has kept: {}",
                      file.string(), error.what());
  }
}

}  // namespace stress
