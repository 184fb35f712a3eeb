#include "harness/cli/main.h"

int main(int argc, char** argv) { return stress::stress_main(argc, argv); }
