#pragma once

#include <string_view>

#include "harness/supervise/op.h"

namespace stress {

/// How a system call's arguments are to be read. Numbers are argument positions; -1: has none.
struct CallShape {
  long number;
  std::string_view name;
  Sys sys;
  int fd = -1;   ///< argument that is a file descriptor operated on
  int dir = -1;  ///< argument that is the folder of `path`
  int path = -1;
  int dir2 = -1;
  int path2 = -1;
  int flags = -1;
  int bytes = -1;
};

/// nullptr: a call that is not watched. Constant time.
const CallShape* shape_of(long number);

}  // namespace stress
