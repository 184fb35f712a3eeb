#include "harness/target/placeholders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stress {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Placeholders, KnownOnesAreReplacedOnce) {
  const Placeholders values = {{"a", "{b}"}, {"b", "2"}};
  EXPECT_EQ(expand("{a}-{b}{b}-{c}", values), "{b}-22-{c}");
  EXPECT_EQ(expand("no braces", values), "no braces");
}

TEST(Placeholders, WhatOnlyLooksLikeOneIsLeftAlone) {
  const Placeholders values = {{"a", "1"}};
  for (const char* text : {"${a}", "#{a}", "{A}", "{a b}", "{}", "{", "a}", "{\"a\":1}", "{9a}"}) {
    EXPECT_EQ(expand(text, values), text);
    EXPECT_THAT(placeholders_in(text), IsEmpty()) << text;
  }
}

TEST(Placeholders, DoubledBracesStandForSingleOnes) {
  EXPECT_EQ(expand("{{a}} {a}", {{"a", "1"}}), "{a} 1");
  EXPECT_EQ(fill_in("{{a}} {a} {b}", {{"a", "1"}}), "{{a}} 1 {b}");
  EXPECT_THAT(placeholders_in("{{a}} {b} {c} {b}"), ElementsAre("b", "c"));
  EXPECT_EQ(expand(R"({"x": {a}})", {{"a", "1"}}), R"({"x": 1})");
}

}  // namespace
}  // namespace stress
