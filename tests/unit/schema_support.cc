#include "tests/unit/schema_support.h"

#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "reports/writers/text.h"

namespace stress::testing {

std::string schema_complaint(const std::string& schema, const std::string& text, bool by_line) {
  std::string pattern = (std::filesystem::temp_directory_path() / "ss schema-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) return "mkdtemp failed";
  const std::filesystem::path folder = pattern;
  std::ofstream(folder / "document", std::ios::binary) << text;
  const std::string program = R"(
import json, sys, jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
text = open(sys.argv[2], encoding="utf-8").read()
for document in (text.splitlines() if sys.argv[3] == "lines" else [text]):
    for error in validator.iter_errors(json.loads(document)):
        print(error.json_path, error.message[:200], document[:200])
print("checked")
)";
  const std::string command =
      report::shell_command({"/usr/bin/python3", "-c", program,
                             std::string(SPAWNSTORM_SOURCE_DIR "/scenarios/schema/") + schema,
                             (folder / "document").string(), by_line ? "lines" : "whole"});
  std::string out;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) out.push_back(static_cast<char>(c));
  pclose(pipe);
  std::filesystem::remove_all(folder);
  return out;
}

}  // namespace stress::testing
