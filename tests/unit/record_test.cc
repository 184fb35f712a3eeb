#include "orchestrator/registry/record.h"

#include <gtest/gtest.h>

namespace orc {
namespace {

base::WallTime at(int seconds) { return base::WallTime{std::chrono::seconds{seconds}}; }

Agent full_agent() {
  Agent agent{.id = "builder-1",
              .task_id = "TASK-1",
              .type = "builder",
              .status = AgentStatus::kBlocked,
              .parent = "lead-1",
              .depth = 2,
              .progress = 40,
              .message = "käse \"quoted\"\n",
              .reason = "none",
              .prompt = "do it",
              .tracked_files = {"a.cc", "b c"},
              .findings = {{at(3), "issue", "high", "broken"}},
              .created_at = at(1),
              .updated_at = at(2),
              .started_at = at(4),
              .ended_at = at(5),
              .deadline = at(6),
              .attempt = "xyz",
              .version = 7};
  const base::ProcessIdentity process{"machine", "boot", 4026531836U, 12, 34};
  agent.owner = process;
  agent.session = SessionIdentity{"tmux", "agent_builder-1", "$3", process, process};
  return agent;
}

TEST(AgentJson, EveryFieldComesBack) {
  const Json json = to_json(full_agent());
  const auto agent = agent_from_json(Json::parse(json.dump()));
  ASSERT_TRUE(agent) << agent.error().message;
  EXPECT_EQ(to_json(*agent).dump(), json.dump());
  EXPECT_EQ(agent->owner, full_agent().owner);
  EXPECT_EQ(agent->session, full_agent().session);
  EXPECT_EQ(agent->deadline, at(6));
  EXPECT_EQ(agent->findings.at(0).message, "broken");
}

TEST(AgentJson, AFreshRecordStartsWithWhatTheStoreReadsUnparsed) {
  EXPECT_TRUE(to_json(full_agent())
                  .dump()
                  .starts_with(R"({"status":"blocked","task_id":"TASK-1","type":"builder",)"));
}

TEST(AgentJson, KeepsUnknownMembersAndTheOrderOfAll) {
  const char* text =
      R"({"zeta":[1,{"b":2,"a":1}],"type":"t","id":"i","mine":null,"status":"running","task_id":"T"})";
  auto agent = agent_from_json(Json::parse(text));
  ASSERT_TRUE(agent) << agent.error().message;
  agent->status = AgentStatus::kCompleted;
  EXPECT_TRUE(to_json(*agent).dump().starts_with(
      R"({"zeta":[1,{"b":2,"a":1}],"type":"t","id":"i","mine":null,"status":"completed","task_id":"T",)"));
}

TEST(AgentJson, ClearedPartsLeaveNoTrace) {
  auto agent = agent_from_json(to_json(full_agent())).value();
  agent.session.reset();
  agent.deadline.reset();
  const Json json = to_json(agent);
  EXPECT_FALSE(json.contains("session"));
  EXPECT_FALSE(json.contains("deadline"));
}

TEST(AgentJson, NamesTheFieldThatIsWrong) {
  const std::vector<std::pair<const char*, Json>> wrong{{"status", "flying"},
                                                        {"depth", "one"},
                                                        {"version", -1},
                                                        {"version", 1.5},
                                                        {"created_at", "?"},
                                                        {"tracked_files", 1},
                                                        {"findings", "none"},
                                                        {"session", 3},
                                                        {"owner", Json{{"pid", 1e30}}},
                                                        {"task_id", nullptr},
                                                        {"message", Json::array()}};
  for (const auto& [name, value] : wrong) {
    Json json = to_json(full_agent());
    json[name] = value;
    const auto agent = agent_from_json(json);
    ASSERT_FALSE(agent) << name;
    EXPECT_EQ(agent.error().code, base::Errc::kDamaged);
    EXPECT_NE(agent.error().message.find(name), std::string::npos) << agent.error().message;
  }
  EXPECT_FALSE(agent_from_json(Json::array()));
}

TEST(TaskJson, EveryFieldComesBackAndUnknownOnesStay) {
  Task task{.id = "TASK-1",
            .description = "d",
            .priority = "high",
            .status = "completed",
            .created_at = at(1),
            .updated_at = at(2),
            .limits = {3, 4, 5},
            .guidance = {{"z", 1}, {"a", 2}}};
  Json json = to_json(task);
  json["limits"]["mine"] = true;
  json["own"] = "kept";
  auto read = task_from_json(json);
  ASSERT_TRUE(read) << read.error().message;
  read->limits.max_agents = 9;
  json["limits"]["max_agents"] = 9;
  EXPECT_EQ(to_json(*read).dump(), json.dump());
  EXPECT_EQ(read->limits, (Limits{3, 9, 5}));
}

TEST(AgentStatus, EachHasOneNameAndIsActiveOrTerminal) {
  for (int i = 0; i <= static_cast<int>(AgentStatus::kTerminated); ++i) {
    const auto status = static_cast<AgentStatus>(i);
    EXPECT_EQ(parse_agent_status(to_string(status)).value(), status);
    EXPECT_NE(is_active(status), is_terminal(status));
    EXPECT_TRUE(is_active(status) || !claims_session(status));
  }
  EXPECT_TRUE(is_active(AgentStatus::kStarting));
  EXPECT_TRUE(is_active(AgentStatus::kStopping));
  EXPECT_FALSE(parse_agent_status("Running"));
}

TEST(Names, TakeOnlyWhatNoShellAndNoPathCanMisread) {
  for (const char* good : {"a", "A-1_b", "_x"}) EXPECT_TRUE(check_name("name", good)) << good;
  EXPECT_TRUE(check_name("name", std::string(64, 'a')));
  for (const char* bad : {"", "-x", "a.b", "a b", "a:b", "ä", "../x", "#(x)"}) {
    EXPECT_EQ(check_name("name", bad).error().code, base::Errc::kInvalid) << bad;
  }
  EXPECT_FALSE(check_name("name", std::string(65, 'a')));
}

TEST(Texts, AreWellFormedUtf8WithoutNul) {
  for (const char* good : {"", "plain", "käse €\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(check_text("text", good, 100)) << good;
  }
  const std::vector<std::string_view> bad{"\xFF",
                                          "\xC0\xAF",          // overlong
                                          "\xED\xA0\x80",      // surrogate
                                          "\xF4\x90\x80\x80",  // beyond Unicode
                                          "\xE2\x82",          // torn
                                          std::string_view("a\0b", 3)};
  for (const auto text : bad) EXPECT_FALSE(check_text("text", text, 100));
  EXPECT_FALSE(check_text("text", "four", 3));
}

TEST(Ids, SayTypeAndTimeAndNeverRepeat) {
  const auto now = base::from_iso8601("2026-11-22T20:44:45Z").value();
  const std::string id = new_agent_id("builder", now);
  EXPECT_TRUE(id.starts_with("builder-20261122T204445-")) << id;
  EXPECT_NE(id, new_agent_id("builder", now));
  EXPECT_TRUE(new_task_id(now).starts_with("TASK-20261122T204445-"));
  EXPECT_EQ(session_name("a-1"), "agent_a-1");
}

}  // namespace
}  // namespace orc
