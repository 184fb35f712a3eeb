// What the JSON store does with a file that is damaged or gone.
#include <gtest/gtest.h>

#include "orchestrator/registry/checksum.h"
#include "tests/unit/json_store_fixture.h"

namespace orc {
namespace {

struct Injury {
  const char* name;
  std::string (*apply)(const std::string& text);
};

void PrintTo(const Injury& injury, std::ostream* out) { *out << injury.name; }

const Injury kInjuries[] = {
    {"Emptied", [](const std::string&) { return std::string(); }},
    {"Zeroed", [](const std::string& text) { return std::string(text.size(), '\0'); }},
    {"CutInHalf", [](const std::string& text) { return text.substr(0, text.size() / 2); }},
    {"OneBitFlipped",
     [](const std::string& text) {
       std::string flipped = text;
       flipped[text.size() / 2] = static_cast<char>(text[text.size() / 2] ^ 1);
       return flipped;
     }},
    {"NotJson", [](const std::string&) { return std::string("not json"); }},
    {"TornOverALongerOne", [](const std::string& text) { return text + text.substr(50); }},
    {"WithATailOfZeros", [](const std::string& text) { return text + std::string(4096, '\0'); }},
    {"EditedWithoutItsChecksum",
     [](const std::string& text) {
       return std::string(text).replace(text.find("starting"), 8, "finished");
     }},
};

class JsonStoreDamage : public JsonStoreTest, public testing::WithParamInterface<Injury> {
 protected:
  std::string injure() const {
    const std::string damaged = GetParam().apply(registry_text());
    overwrite(damaged);
    return damaged;
  }

  void expect_only_good_backups() const {
    const auto backups = store_->backups().value();
    EXPECT_FALSE(backups.empty());
    for (const Backup& backup : backups) EXPECT_TRUE(backup.good) << backup.name;
  }
};

TEST_P(JsonStoreDamage, ReadersReportItAndTouchNothing) {
  const std::uint64_t before = generation();
  injure();
  const auto tree = fingerprint();
  const auto read = store_->read();
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, base::Errc::kDamaged);
  EXPECT_NE(read.error().message.find("registry.json"), std::string::npos);
  EXPECT_NE(read.error().message.find(fmt::format("generation {}", before - 1)), std::string::npos)
      << read.error().message;
  const auto inspected = store_->inspect([](const RegistryState&) -> base::Status { return {}; });
  EXPECT_EQ(inspected.error().code, base::Errc::kDamaged);
  const auto damage = store_->damage();
  ASSERT_TRUE(damage && *damage);
  EXPECT_EQ((*damage)->backup_generation, before - 1);
  EXPECT_EQ(fingerprint(), tree);
}

TEST_P(JsonStoreDamage, AChangeRestoresTheBackupAndKeepsTheDamagedFile) {
  const std::uint64_t before = generation();
  const std::string damaged = injure();
  const auto commit = add("a-4");
  ASSERT_TRUE(commit) << commit.error().message;
  EXPECT_TRUE(commit->restored);
  EXPECT_GT(commit->generation_after, before) << "no generation is ever given twice";
  const auto state = store_->read().value();
  EXPECT_EQ(state->generation(), commit->generation_after);
  EXPECT_EQ(state->restored_from(), before - 1);
  EXPECT_NE(state->find("a-2"), nullptr);
  EXPECT_EQ(state->find("a-3"), nullptr) << "it was only in the damaged file";
  EXPECT_NE(state->find("a-4"), nullptr);
  bool kept = false;
  for (const auto& file : files_in("quarantine")) {
    kept = kept || base::read_file(file).value() == damaged;
  }
  EXPECT_TRUE(kept);
  EXPECT_FALSE(store_->damage().value());
  expect_only_good_backups();
  ASSERT_TRUE(add("a-5"));
  EXPECT_EQ(store_->read().value()->restored_from(), before - 1) << "it stays on record";
}

TEST_P(JsonStoreDamage, EvenANoOpRestores) {
  injure();
  const auto commit = do_nothing();
  ASSERT_TRUE(commit) << commit.error().message;
  EXPECT_TRUE(commit->restored);
  EXPECT_TRUE(store_->read());
}

TEST_P(JsonStoreDamage, ABodyThatFailsLeavesTheDamageAsItIs) {
  injure();
  const auto tree = fingerprint();
  EXPECT_FALSE(store_->transact("x", "", [](Transaction&) -> base::Status {
    return base::fail(base::Errc::kRefused, "no");
  }));
  EXPECT_EQ(fingerprint(), tree);
}

TEST_P(JsonStoreDamage, WithoutAGoodBackupNothingIsChanged) {
  injure();
  std::filesystem::remove_all(workspace_ / "backups");
  const auto tree = fingerprint();
  const auto commit = add("a-4");
  ASSERT_FALSE(commit);
  EXPECT_EQ(commit.error().code, base::Errc::kDamaged);
  EXPECT_NE(commit.error().message.find("no good backup"), std::string::npos);
  EXPECT_EQ(fingerprint(), tree);
}

TEST_P(JsonStoreDamage, BadBackupsAreSkippedAndSetAside) {
  const std::uint64_t before = generation();
  injure();
  auto backups = store_->backups().value();
  std::ofstream(workspace_ / "backups" / backups.at(1).name) << "bad as well";
  ASSERT_TRUE(add("a-4"));
  EXPECT_EQ(store_->read().value()->restored_from(), before - 2);
  expect_only_good_backups();
}

INSTANTIATE_TEST_SUITE_P(Injuries, JsonStoreDamage, testing::ValuesIn(kInjuries),
                         [](const auto& test) { return std::string(test.param.name); });

class JsonStoreVanished : public JsonStoreTest {};

TEST_F(JsonStoreVanished, AMissingFileIsDamageAndNotAnEmptyRegistry) {
  std::filesystem::remove(registry_);
  const auto tree = fingerprint();
  EXPECT_EQ(store_->read().error().code, base::Errc::kDamaged);
  EXPECT_NE(store_->read().error().message.find("vanished"), std::string::npos);
  EXPECT_EQ(store_->create(Limits{}).error().code, base::Errc::kExists);
  EXPECT_EQ(fingerprint(), tree);
}

TEST_F(JsonStoreVanished, NothingIsLostSinceThePresentGenerationIsABackupToo) {
  const std::uint64_t before = generation();
  std::filesystem::remove(registry_);
  const auto commit = do_nothing();
  ASSERT_TRUE(commit) << commit.error().message;
  EXPECT_TRUE(commit->restored);
  EXPECT_GT(commit->generation_after, before);
  const auto state = store_->read().value();
  EXPECT_EQ(state->restored_from(), before);
  EXPECT_EQ(state->agents().size(), 3U);
}

TEST_F(JsonStoreVanished, IsKnownByItsBackupsOrByItsLockAlone) {
  std::filesystem::remove(registry_);
  std::filesystem::remove(workspace_ / "registry.lock");
  EXPECT_EQ(store_->read().error().code, base::Errc::kDamaged);
  ASSERT_TRUE(do_nothing());
  std::filesystem::remove(registry_);
  std::filesystem::remove_all(workspace_ / "backups");
  EXPECT_EQ(store_->read().error().code, base::Errc::kDamaged);
  EXPECT_EQ(do_nothing().error().code, base::Errc::kDamaged);
}

TEST_F(JsonStoreVanished, ACreationThatWasKilledHalfwayCanBeRepeated) {
  const auto other = folder_ / "other";
  std::filesystem::create_directory(other);
  std::ofstream(other / "registry.lock").close();
  EXPECT_TRUE(open_json_store(other)->create(Limits{}));
}

class JsonStoreUnreadable : public JsonStoreTest {};

// A folder in the file's place fails for root as well, unlike a missing permission.
TEST_F(JsonStoreUnreadable, TroubleInReadingIsNotDamage) {
  std::filesystem::remove(registry_);
  std::filesystem::create_directory(registry_);
  const auto tree = fingerprint();
  EXPECT_EQ(store_->read().error().code, base::Errc::kIo);
  EXPECT_EQ(store_->damage().error().code, base::Errc::kIo);
  EXPECT_EQ(add("a-4").error().code, base::Errc::kIo);
  EXPECT_EQ(fingerprint(), tree);
}

TEST_F(JsonStoreUnreadable, AnotherFormatIsLeftAlone) {
  Json document = Json::parse(registry_text());
  document["format"] = "spawnstorm-registry/2";
  document.erase("checksum");
  Checksum checksum;
  checksum.update(document.dump());
  document["checksum"] = checksum.hex();
  overwrite(document.dump());
  const auto tree = fingerprint();
  EXPECT_EQ(add("a-4").error().code, base::Errc::kInvalid);
  EXPECT_EQ(store_->read().error().code, base::Errc::kInvalid);
  EXPECT_EQ(fingerprint(), tree);
}

}  // namespace
}  // namespace orc
