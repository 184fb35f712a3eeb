#include "orchestrator/base/random_id.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace base {
namespace {

std::uint64_t random_bits() {
  std::uint64_t bits = 0;
  // Requests of up to 256 bytes are whole or not at all; only a signal before the pool is
  // initialised can interrupt them.
  for (;;) {
    const ssize_t got = ::getrandom(&bits, sizeof bits, 0);
    if (got == static_cast<ssize_t>(sizeof bits)) return bits;
    if (got < 0 && errno != EINTR) break;
  }
  // An id that might repeat would break every promise built on it.
  std::perror("getrandom");
  std::abort();
}

}  // namespace

std::string random_id() {
  constexpr char kAlphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
  constexpr std::size_t kCharacters = 13;  // 64 bits by five, rounded up
  std::uint64_t bits = random_bits();
  std::string text(kCharacters, kAlphabet[0]);
  for (char& character : text) {
    character = kAlphabet[bits & 31U];
    bits >>= 5U;
  }
  return text;
}

}  // namespace base
