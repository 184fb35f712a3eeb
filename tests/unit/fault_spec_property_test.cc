// Goal: no fault plan changes its meaning by being printed, and no text makes the parser fail
// otherwise than with a sentence that names the text.
// Method: specs put together at random, and texts out of pieces of the grammar in random order.
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "harness/fault/fault_spec.h"

namespace stress {
namespace {

FaultSpec any_spec() {
  FaultSpec spec;
  spec.place = static_cast<FaultPlace>(*rc::gen::inRange(0, 15));
  if (spec.place != FaultPlace::kSpawn && spec.place != FaultPlace::kSend) {
    spec.glob = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("a*?/[]@.-=+ ")));
  }
  std::vector<FaultAction> actions{FaultAction::kKill, FaultAction::kError, FaultAction::kDelay,
                                   FaultAction::kPause};
  if (spec.place == FaultPlace::kWrite) {
    actions.insert(actions.end(), {FaultAction::kKillMid, FaultAction::kShort});
  }
  if (spec.place == FaultPlace::kFlock) actions.push_back(FaultAction::kUnlink);
  if (spec.place == FaultPlace::kExec) actions.push_back(FaultAction::kExit);
  spec.action = *rc::gen::elementOf(actions);
  if (spec.action == FaultAction::kExit) spec.exit_code = *rc::gen::inRange(0, 256);
  if (spec.action == FaultAction::kShort) spec.bytes = *rc::gen::inRange<std::uint64_t>(1, 1 << 20);
  if (spec.action == FaultAction::kError) spec.error_number = *rc::gen::inRange(1, 41);
  if (spec.action == FaultAction::kDelay || spec.action == FaultAction::kPause) {
    spec.duration = std::chrono::milliseconds(*rc::gen::inRange(1, 10'001));
  }
  if (*rc::gen::arbitrary<bool>()) {
    FaultWindow window;
    window.first = *rc::gen::inRange<std::uint64_t>(1, 100);
    window.step = *rc::gen::inRange<std::uint64_t>(1, 10);
    if (*rc::gen::arbitrary<bool>()) {
      window.last = window.first + *rc::gen::inRange<std::uint64_t>(0, 100);
    }
    spec.window = window;
  }
  if (*rc::gen::arbitrary<bool>()) spec.rate = *rc::gen::inRange(1, 1001) / 1000.0;
  return spec;
}

RC_GTEST_PROP(FaultSpecProperty, IsReadBackAsItWasPrinted, ()) {
  const FaultSpec spec = any_spec();
  const auto read = parse_fault(to_string(spec));
  RC_ASSERT(read.has_value());
  RC_ASSERT(*read == spec);
}

RC_GTEST_PROP(FaultSpecProperty, ATextIsReadOrRefusedWithItsName, ()) {
  const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
      "write", "fsync", "spawn", "@", "*", ":", "=", "kill", "short", "errno", "EIO", "delay", "5",
      "0", "ms", "when", "..", "+", "p", "0.5", "-", "99999999999999999999999"));
  std::string text;
  for (const std::string& piece : pieces) text += piece;
  const auto read = parse_fault(text);
  if (read) {
    const auto again = parse_fault(to_string(*read));
    RC_ASSERT(again.has_value() && *again == *read);
  } else {
    RC_ASSERT(read.error().message.starts_with("'" + text + "': at character "));
  }
}

}  // namespace
}  // namespace stress
