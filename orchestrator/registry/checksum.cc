#include "orchestrator/registry/checksum.h"

#include <new>

#include <fmt/format.h>

namespace orc {

Checksum::Checksum() : state_(XXH3_createState()) {
  if (!state_) throw std::bad_alloc();
  XXH3_64bits_reset(state_.get());
}

void Checksum::update(std::string_view piece) {
  XXH3_64bits_update(state_.get(), piece.data(), piece.size());
}

std::string Checksum::hex() const {
  return fmt::format("{:016x}", XXH3_64bits_digest(state_.get()));
}

}  // namespace orc
