#include "harness/target/json_source.h"

#include <string>

#include <gtest/gtest.h>

namespace stress {
namespace {

JsonSource source(const std::string& text) { return *JsonSource::parse("f.json", text); }

TEST(JsonSource, EachMemberHasALine) {
  const JsonSource json = source(
      "{\n"
      "  // \"b\": here\n"
      "  \"a\": {\"b\": [1,\n"
      "    {\"c\": \"}\\\"]\"}]},  /* \"b\" \n"
      "  */\n"
      "  \"b\": true, \"d\": -1.5e3,\n"
      "  \"e/f\": null}");
  EXPECT_EQ(json.line_of({"a"}), 3U);
  EXPECT_EQ(json.line_of({"a", "b"}), 3U);
  EXPECT_EQ(json.line_of({"a", "b", "1"}), 4U);
  EXPECT_EQ(json.line_of({"a", "b", "1", "c"}), 4U);
  EXPECT_EQ(json.line_of({"b"}), 6U);
  EXPECT_EQ(json.line_of({"d"}), 6U);
  EXPECT_EQ(json.line_of({"e/f"}), 7U);
  EXPECT_EQ(json.line_of({"a", "c"}), std::nullopt);
  EXPECT_EQ(json.line_of({"c"}), std::nullopt);
}

TEST(JsonSource, WhatIsMissingIsSaidOfWhereItShouldStand) {
  const JsonSource json = source("{\n\n\"run\": {}}");
  EXPECT_EQ(json.wrong("run.agents", "is missing").error().message,
            "f.json:3: run.agents: is missing");
  EXPECT_EQ(json.wrong("/spawn/id", "is missing").error().message,
            "f.json:1: /spawn/id: is missing");
}

TEST(JsonSource, APointersEscapesAreUnderstood) {
  EXPECT_EQ(way_to("/a~1b/c~0d"), (std::vector<std::string>{"a/b", "c~d"}));
  EXPECT_EQ(source("{\n\"env\": {\n\"a/b\": 1}}").wrong("/env/a~1b", "x").error().message,
            "f.json:3: /env/a~1b: x");
}

}  // namespace
}  // namespace stress
