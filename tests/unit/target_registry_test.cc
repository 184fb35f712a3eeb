#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/target/target.h"

namespace stress {
namespace {

/// A target that does nothing, under a name of its own.
class Idle final : public Target {
 public:
  Idle(std::string name, const RunPlace& place) : name_(std::move(name)), place_(place) {}
  [[nodiscard]] TargetFacts facts() const override { return {.name = name_}; }
  base::Status setup(const TargetSetup&) override { return {}; }
  Reply spawn(const SpawnArguments&) override { return {}; }
  Reply kill(const std::string&) override { return {}; }
  Reply update(const std::string&, const std::map<std::string, std::string>&) override {
    return {};
  }
  Reply list() override { return {}; }
  Reply validate() override { return {}; }
  RepairReply repair(bool) override { return {}; }
  [[nodiscard]] const Observer& observer() const override { return observer_; }
  [[nodiscard]] std::vector<std::filesystem::path> declared_logs() const override { return {}; }
  [[nodiscard]] std::vector<std::string> tasks() const override { return {}; }
  [[nodiscard]] std::vector<std::filesystem::path> watched() const override {
    return {place_.workspace};
  }
  [[nodiscard]] std::chrono::milliseconds reply_deadline() const override { return {}; }

 private:
  std::string name_;
  RunPlace place_;
  Observer observer_{ObservationMap{}};
};

template <char kName>
std::unique_ptr<Target> make_idle(const RunPlace& place) {
  return std::make_unique<Idle>(std::string(1, kName), place);
}

TEST(TargetRegistry, MakesTheNamedTargetInItsPlace) {
  register_target("one", &make_idle<'1'>);
  register_target("two", &make_idle<'2'>);
  const RunPlace place{.workspace = "/some/where"};
  const auto made = make_target("two", place);
  ASSERT_TRUE(made);
  EXPECT_EQ((*made)->facts().name, "2");
  EXPECT_EQ((*made)->watched().at(0), "/some/where");
}

TEST(TargetRegistry, AnUnknownNameIsRefusedWithTheKnownOnes) {
  register_target("one", &make_idle<'1'>);
  register_target("two", &make_idle<'2'>);
  const auto made = make_target("three", {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, base::Errc::kNotFound);
  EXPECT_THAT(made.error().message, ::testing::HasSubstr("one two"));
}

TEST(TargetRegistry, ALaterRegistrationReplacesAnEarlierOne) {
  register_target("again", &make_idle<'1'>);
  register_target("again", &make_idle<'2'>);
  EXPECT_EQ((*make_target("again", {}))->facts().name, "2");
}

}  // namespace
}  // namespace stress
