#pragma once

#include <nlohmann/json.hpp>

#include "reports/model/exploration.h"
#include "reports/model/report.h"

namespace report {

/// What the JSON writers share.

/// JSON has no infinity.
double finite(double value);
nlohmann::ordered_json to_json_value(const InvariantResult& result);
nlohmann::ordered_json to_json_value(const ScheduleSize& size);

}  // namespace report
