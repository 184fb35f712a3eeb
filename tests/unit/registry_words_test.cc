// What an explorer says of a registry after each step: short, and never the same of two contents.
#include "harness/explore/registry_words.h"

#include <gtest/gtest.h>

namespace stress {
namespace {

ObservedAgent agent(const std::string& id, const std::string& status) {
  ObservedAgent agent;
  agent.id = id;
  agent.status = status;
  return agent;
}

Observation holding(const std::vector<ObservedAgent>& agents) {
  Observation registry;
  registry.readable = true;
  registry.agents = agents;
  return registry;
}

TargetFacts facts() {
  TargetFacts facts;
  facts.active = {"starting", "running"};
  return facts;
}

class RegistryWordsTest : public ::testing::Test {
 protected:
  const ObservedAgent past_ = agent("p-1", "completed");
  const ObservedAgent live_ = agent("a-1", "running");
  const RegistryWords words_{facts(), holding({past_, live_})};
};

TEST_F(RegistryWordsTest, CountWhatHadEndedAndNameTheOthers) {
  EXPECT_EQ(words_.of(holding({past_, live_})), "1 agent, 1 ended: a-1 running");
  EXPECT_EQ(words_.of(holding({past_})), "no agents, 1 ended");
  EXPECT_EQ(words_.of(holding({live_, agent("b-1", "starting")})),
            "2 agents: a-1 running, b-1 starting");
  EXPECT_EQ(words_.of(holding({past_, agent("a-1", "terminated")})),
            "1 agent, 1 ended: a-1 terminated");
}

TEST_F(RegistryWordsTest, NameWhatHadEndedOnceItChanges) {
  EXPECT_EQ(words_.of(holding({agent("p-1", "running")})), "1 agent: p-1 running");
}

TEST_F(RegistryWordsTest, TellWhatOperationsWrote) {
  ObservedAgent updated = live_;
  updated.fields["message"] = "op-7";
  EXPECT_EQ(words_.of(holding({updated})), "1 agent: a-1 running \"op-7\"");
}

TEST_F(RegistryWordsTest, SayWhatIsNoRegistry) {
  Observation absent;
  absent.absent = true;
  EXPECT_EQ(words_.of(absent), "it is not there");
  Observation damaged;
  damaged.error = "no whole JSON";
  EXPECT_EQ(words_.of(damaged), "unreadable: no whole JSON");
}

}  // namespace
}  // namespace stress
