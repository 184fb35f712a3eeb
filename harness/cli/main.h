#pragma once

namespace stress {

/// The whole program, so that a test binary can add targets of its own and then be `stress`.
int stress_main(int argc, char** argv);

}  // namespace stress
