#pragma once

#include <map>
#include <string>

#include "harness/target/observation.h"

namespace stress {

/// What a registry holds, for people: "2 agents, 20 ended: a-1 running, a-2 starting";
/// "unreadable: …". Those that had ended at the start are only counted, unless they change. What
/// has another content has other words.
class RegistryWords {
 public:
  RegistryWords(const TargetFacts& facts, const Observation& at_start);
  [[nodiscard]] std::string of(const Observation& registry) const;

 private:
  std::map<std::string, ObservedAgent> past_;  ///< by id
};

}  // namespace stress
