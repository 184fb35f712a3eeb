#pragma once

#include <string>

namespace base {

/// 64 bits from getrandom(2) in lower-case base32 (RFC 4648 alphabet, 13 characters, no padding).
std::string random_id();

}  // namespace base
