#include "harness/cli/main.h"

#include "harness/target/builtin.h"

int main(int argc, char** argv) {
  stress::register_builtin();
  return stress::stress_main(argc, argv);
}
