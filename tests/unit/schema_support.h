#pragma once

#include <string>

namespace stress::testing {

/// What an independent validator (Python's jsonschema) says of `text`, each line of it or all of it
/// as one document, held against scenarios/schema/`schema`; "checked\n" where all is right.
std::string schema_complaint(const std::string& schema, const std::string& text, bool by_line);

}  // namespace stress::testing
