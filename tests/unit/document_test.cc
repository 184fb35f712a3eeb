#include "orchestrator/registry/document.h"

#include <gtest/gtest.h>

#include "orchestrator/registry/checksum.h"

namespace orc {
namespace {

constexpr std::string_view kCanonical =
    R"("format":"spawnstorm-registry/1","generation":3,"mine":1,"tasks":{
"T-1":{"status":"active","id":"T-1"}
},"agents":{
"a-1":{"status":"running","task_id":"T-1","type":"t","text":"},\"agents\":{"},
"a-2":{"x":{},"type":"t","task_id":"T-1","status":"failed"}
},"after":[]}
)";

std::string digest_of(std::string_view bytes) {
  Checksum checksum;
  checksum.update(bytes);
  return checksum.hex();
}

/// With the checksum that belongs to it.
std::string signed_text(std::string_view rest) {
  std::string compact = "{";
  for (const char character : rest) {
    if (character != '\n') compact += character;
  }
  return fmt::format("{{\"checksum\":\"{}\",{}", digest_of(compact), rest);
}

TEST(Checksum, IsTheSameInPiecesAsInOne) {
  Checksum pieces;
  for (const char* piece : {"", "a", "bcd", ""}) pieces.update(piece);
  EXPECT_EQ(pieces.hex(), digest_of("abcd"));
  EXPECT_EQ(digest_of(""), "2d06800538d394c2");  // XXH3-64 of nothing, by its specification
}

TEST(Document, TakesItsOwnLayoutApartWithoutParsingRecords) {
  std::string text = signed_text(kCanonical);
  Document document;
  ASSERT_TRUE(document.parse(text));
  ASSERT_EQ(document.task_lines().size(), 1U);
  ASSERT_EQ(document.agent_lines().size(), 2U);
  EXPECT_EQ(line_id(document.agent_lines()[1]), "a-2");
  EXPECT_EQ(line_json(document.agent_lines()[1]),
            R"({"x":{},"type":"t","task_id":"T-1","status":"failed"})");
  EXPECT_EQ(document.head()["mine"], 1);
  EXPECT_TRUE(document.head()["agents"].empty());
}

TEST(Document, WritesBackTheSameBytes) {
  const std::string original = signed_text(kCanonical);
  std::string text = original;
  Document document;
  ASSERT_TRUE(document.parse(text));
  EXPECT_EQ(encode_document(document.head(), document.task_lines(), document.agent_lines(), 0),
            original);
  EXPECT_EQ(encode_document(document.head(), {}, {}, 0).find("\"tasks\":{},\"agents\":{}") !=
                std::string::npos,
            true);
}

TEST(Document, ReadsAnyLayoutWithTheRightChecksum) {
  std::string canonical = signed_text(kCanonical);
  const Json json = Json::parse(canonical);
  Json reordered{{"format", json["format"]},
                 {"agents", json["agents"]},
                 {"generation", 3},
                 {"tasks", json["tasks"]}};
  reordered["checksum"] = digest_of(reordered.dump());
  std::string broken_lines = canonical;
  broken_lines.insert(broken_lines.find("\"type\""), "\n");
  for (std::string text : {json.dump(4), json.dump(), reordered.dump(1), broken_lines}) {
    Document document;
    const auto parsed = document.parse(text);
    ASSERT_TRUE(parsed) << parsed.error().message << "\n" << text;
    ASSERT_EQ(document.agent_lines().size(), 2U);
    EXPECT_EQ(line_id(document.agent_lines()[0]), "a-1");
    EXPECT_EQ(document.task_lines().size(), 1U);
  }
}

TEST(Document, AnyFlippedBitIsDamageAndLeavesTheTextAlone) {
  const std::string sound = signed_text(kCanonical);
  for (std::size_t byte = 0; byte < sound.size(); ++byte) {
    std::string text = sound;
    text[byte] = static_cast<char>(text[byte] ^ 1);
    const std::string damaged = text;
    Document document;
    const auto parsed = document.parse(text);
    ASSERT_FALSE(parsed) << "byte " << byte;
    EXPECT_EQ(parsed.error().code, base::Errc::kDamaged);
    EXPECT_EQ(text, damaged);
  }
}

TEST(Document, AnyCutIsDamage) {
  const std::string sound = signed_text(kCanonical);
  // Without the last line break it is still whole JSON with the right checksum.
  for (std::size_t size = 0; size + 1 < sound.size(); ++size) {
    std::string text = sound.substr(0, size);
    EXPECT_FALSE(Document().parse(text)) << size;
  }
}

TEST(Document, SaysWhatIsWrong) {
  const auto verdict = [](std::string text) { return Document().parse(text).error().message; };
  EXPECT_EQ(verdict(""), "it is empty");
  EXPECT_EQ(verdict(std::string(4096, '\0')), "it holds nothing but NUL bytes");
  EXPECT_EQ(verdict(std::string("{}\0\0", 4)), "it holds NUL bytes");
  EXPECT_EQ(verdict("{\"a\":"), "it is not whole JSON: torn or overwritten");
  EXPECT_EQ(verdict("[]"), "it is not an object");
  EXPECT_EQ(verdict("{}"), "its checksum is missing or does not hold");
}

TEST(Document, AnotherFormatIsNotDamage) {
  std::string text =
      signed_text("\"format\":\"spawnstorm-registry/2\",\"tasks\":{},\"agents\":{}}\n");
  EXPECT_EQ(Document().parse(text).error().code, base::Errc::kInvalid);
}

TEST(Document, FindsTheGenerationInATornText) {
  EXPECT_EQ(claimed_generation(signed_text(kCanonical).substr(0, 90)), 3U);
  EXPECT_EQ(claimed_generation("\"generation\":99999999999999999999"), 0U);
  EXPECT_EQ(claimed_generation("nothing"), 0U);
}

}  // namespace
}  // namespace orc
