// Goal: the published schema of target files and the loader are of one mind.
// Method: both are asked about the same documents, right ones and each with one mistake.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "harness/cli/target_template.h"
#include "harness/target/target_file.h"
#include "tests/unit/schema_support.h"
#include "tests/unit/target_file_support.h"

namespace stress {
namespace {

using nlohmann::json;

const std::vector<std::string>& right_changes() {
  static const std::vector<std::string> changes = {
      R"({})",
      R"({"setup": [{"argv": ["a"]}, {"argv": ["b"], "ok": {"exit": [0, 1]}}]})",
      R"({"kill": {"argv": ["k", "{agent_id}"], "refused": {"exit": [3]}}})",
      R"({"update": {"argv": ["u", "{agent_id}", "{status}"], "statuses": ["up"]}})",
      R"({"list": {"argv": ["l"], "ids": "stdout"}, "validate": {"argv": ["v"]}})",
      R"({"repair": {"argv": ["r"], "repaired": "/n", "dry_run": ["-n"]}})",
      R"({"observe": {"agents": "", "read": "flock:{workspace}/lock", "counts": {"total": "/n"}}})",
      R"({"observe": {"file": null, "files": "{workspace}/*.json", "agents": null}})",
      R"({"observe": {"file": null, "agents": null, "id": null, "status": null,
          "queries": {"database": "d", "agents": "select 1", "counts": "select 2"}}})",
      R"({"sessions": {"kind": "none", "name": null}, "agent_id": {"env": "ID"}})",
      R"({"sessions": {"kind": "process", "name": null}, "observe": {"pid": "/pid"}})",
      R"({"parameters": {"p": "orc"}, "spawn": {"argv": ["{p}"]}})",
      R"({"mcp": {"argv": ["m"]}, "shutdown": {"argv": ["s"]},
          "spawn": {"argv": null, "tool": "spawn", "arguments": {"type": ["{agent_type}", 3]},
                    "id": {"text": "id ([0-9]+)."}, "refused": {"text": "limit"}}})",
      R"({"mcp": {"argv": ["m"]}, "repair": {"tool": "mend", "dry_run": {"dry": true}},
          "list": {"tool": "list", "ids": ""}})",
      R"({"kill": {"argv": ["k", "{agent_id}"], "refused": {"exit": [3], "text": "no agent"}}})",
      R"({"env": {"A": ""}, "promises": {"max_concurrent": 3, "durable": false}})"};
  return changes;
}

const std::vector<std::string>& wrong_changes() {
  static const std::vector<std::string> changes = {
      R"({"name": ""})",
      R"({"spawn": {"id": "no pointer"}})",
      R"({"spawn": {"argv": []}})",
      R"({"spawn": {"timeout": 3}})",
      R"({"mcp": {}})",
      R"({"mcp": {"argv": ["m"]}, "spawn": {"tool": "s"}})",
      R"({"mcp": {"argv": ["m"]}, "spawn": null})",
      R"({"validate": {"argv": ["v"], "arguments": {}}})",
      R"({"validate": {"argv": ["v"], "refused": {}}})",
      R"({"kill": {"argv": ["k", 1]}})",
      R"({"observe": {"files": "*.json"}})",
      R"({"observe": {"read": "sometimes"}})",
      R"({"observe": {"active": null}})",
      R"({"observe": {"status": null}})",
      R"({"sessions": {"kind": "screen"}})",
      R"({"sessions": {"name": null}})",
      R"({"sessions": {"kind": "none"}})",
      R"({"promises": {"max_depth": 0}})",
      R"({"promises": {"forever": true}})",
      R"({"timeout_ms": 0})",
      R"({"parameters": {"P": "orc"}})",
      R"({"agent_binaries": ["a/b"]})",
      R"({"surprise": 1})"};
  return changes;
}

json changed(const std::string& change) {
  json target = testing::smallest_target();
  target.merge_patch(json::parse(change));
  return target;
}

TEST(TargetSchema, WhatIsRightIsRightToBoth) {
  const testing::TargetFolder folder;
  std::string lines = json::parse(kTargetTemplate, nullptr, true, true).dump() + "\n";
  for (const std::string& change : right_changes()) {
    folder.write("t.json", changed(change));
    EXPECT_EQ(folder.complaint("t.json"), "") << change;
    lines += changed(change).dump() + "\n";
  }
  EXPECT_EQ(testing::schema_complaint("target.schema.json", lines, true), "checked\n");
}

TEST(TargetSchema, WhatIsWrongIsWrongToBoth) {
  const testing::TargetFolder folder;
  for (const std::string& change : wrong_changes()) {
    folder.write("t.json", changed(change));
    EXPECT_NE(folder.complaint("t.json"), "") << change;
    EXPECT_NE(testing::schema_complaint("target.schema.json", changed(change).dump(), false),
              "checked\n")
        << change;
  }
}

}  // namespace
}  // namespace stress
