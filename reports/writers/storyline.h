#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "reports/model/exploration.h"

namespace report {

/// A schedule as rows that can be laid out; pure.

struct StoryRow {
  enum class Kind {
    kCell,    ///< what one operation did, in its column
    kReply,   ///< what its caller is told, in its column
    kSwitch,  ///< who goes on: across
    kFault,   ///< a crash, a killed session: across
  };
  Kind kind = Kind::kCell;
  int number = 0;         ///< of a cell, from 1
  std::string operation;  ///< its label
  std::string text;
  bool operator==(const StoryRow&) const = default;
};

struct Storyline {
  std::vector<StoryRow> rows;
  std::vector<int> numbers;  ///< for each step, of its cell; 0: it has none
};

/// Runs of steps of one task become one cell where they are about one file, or where nothing in
/// them matters to others.
Storyline storyline_of(const FailingSchedule& schedule);

}  // namespace report
