#pragma once

#include <filesystem>
#include <memory>

#include "harness/target/observation.h"
#include "harness/target/placeholders.h"
#include "harness/target/target.h"
#include "harness/target/target_file.h"

namespace stress {

/// The observer of a target file: of one JSON file, of one per agent, of what a command prints, or
/// of an SQLite database; under the target's own lock, where the file says so.
///  - Files that stand where agents' files do must hold; one that vanishes while they are read was
///    removed.
///  - A command that ends with an exit code other than 0 found the registry unreadable; one that
///  was
///    ended by a signal or by its time limit has told nothing.
///  - A lock that is not to be had in time tells nothing either.
/// `values`: the placeholders' of this run. `scratch`: an existing folder for copies.
std::unique_ptr<Observer> make_observer(const TargetObservation& observe, const RunPlace& place,
                                        const Placeholders& values,
                                        std::chrono::milliseconds timeout);

/// Reads an SQLite database: a row an agent, fields by the names of the columns; others are
/// ignored. The files are copied (the database, its -wal and its -journal) and the copy is opened,
/// so that nothing of the target's is locked, rolled back or checkpointed by the harness.
std::unique_ptr<Observer> make_database_observer(ObservationMap map, std::filesystem::path database,
                                                 std::string agents_query, std::string counts_query,
                                                 std::filesystem::path scratch);

}  // namespace stress
