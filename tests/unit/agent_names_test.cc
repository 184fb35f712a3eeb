#include "harness/campaign/agent_names.h"

#include <gtest/gtest.h>

namespace stress {
namespace {

Observation registry(const std::string& id, const std::string& session, std::int64_t pid) {
  Observation seen;
  seen.readable = true;
  ObservedAgent agent;
  agent.id = id;
  agent.session = session;
  agent.pid = pid;
  seen.agents.push_back(agent);
  return seen;
}

AgentWord word(const std::string& told, const std::string& session, std::int64_t pid,
               std::int64_t parent) {
  AgentWord word;
  word.life.agent = told;
  word.life.pid = pid;
  word.session = session;
  word.parent = parent;
  return word;
}

TEST(AgentNames, WhoTellsHisIdIsBelieved) {
  AgentNames names{SessionNaming{}};
  EXPECT_EQ(names.of(word("a", "agent_b", 1, 2)), "a");
}

TEST(AgentNames, ASessionsNameTellsItsAgent) {
  AgentNames names{SessionNaming{.prefix = "x_", .suffix = "_y"}};
  EXPECT_EQ(names.of_session("x_a_y"), "a");
  EXPECT_EQ(names.of_session("x_a"), "");
  EXPECT_EQ(names.of(word("", "x_a_y", 1, 2)), "a");
}

TEST(AgentNames, ElseTheRegistryTellsBySessionByPidAndByParent) {
  AgentNames names{SessionNaming{.prefix = "w-", .names_agent = false}};
  EXPECT_EQ(names.of(word("", "w-1", 10, 9)), "");
  names.learn(registry("a", "w-1", 20));
  names.learn(registry("b", "w-2", 30));
  EXPECT_EQ(names.of(word("", "w-1", 10, 9)), "a");
  EXPECT_EQ(names.of(word("", "", 30, 9)), "b");
  EXPECT_EQ(names.of(word("", "elsewhere", 31, 30)), "b");
  EXPECT_EQ(names.of(word("", "", 31, 32)), "");
}

}  // namespace
}  // namespace stress
