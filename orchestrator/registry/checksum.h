#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <xxhash.h>

namespace orc {

/// XXH3-64 over a stream of pieces: the same digest as over all of them at once.
class Checksum {
 public:
  Checksum();
  void update(std::string_view piece);
  /// 16 hex digits.
  [[nodiscard]] std::string hex() const;

 private:
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> state_;
};

}  // namespace orc
