#include <map>
#include <mutex>
#include <string>

#include "harness/target/target.h"

namespace stress {
namespace {

struct Targets {
  std::mutex mutex;
  std::map<std::string, TargetFactory> by_name;
};

Targets& targets() {
  static Targets instance;
  return instance;
}

}  // namespace

void register_target(const std::string& name, TargetFactory factory) {
  const std::lock_guard lock(targets().mutex);
  targets().by_name[name] = factory;
}

base::Result<std::unique_ptr<Target>> make_target(const std::string& name, const RunPlace& place) {
  TargetFactory factory = nullptr;
  {
    const std::lock_guard lock(targets().mutex);
    const auto found = targets().by_name.find(name);
    if (found == targets().by_name.end()) {
      std::string known;
      for (const auto& [other, unused] : targets().by_name) known += " " + other;
      return base::fail(base::Errc::kNotFound, "no target '{}'; known:{}", name,
                        known.empty() ? " none" : known);
    }
    factory = found->second;
  }
  return factory(place);
}

}  // namespace stress
