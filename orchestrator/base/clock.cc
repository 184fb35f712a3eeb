#include "orchestrator/base/clock.h"

#include <algorithm>
#include <ctime>
#include <optional>

#include <fmt/format.h>

namespace base {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

struct Civil {
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<microseconds> time;
};

// What four digits of a year can tell.
constexpr WallTime kFirst = std::chrono::sys_days{std::chrono::year{0} / 1 / 1};
constexpr WallTime kLast =
    WallTime{std::chrono::sys_days{std::chrono::year{10'000} / 1 / 1}} - microseconds{1};

/// Beyond the years that can be written stands the nearest that can: what is written must be
/// readable.
Civil to_civil(WallTime time) {
  time = std::clamp(time, kFirst, kLast);
  const auto day = std::chrono::floor<days>(time);
  return {std::chrono::year_month_day{day}, std::chrono::hh_mm_ss<microseconds>{time - day}};
}

/// Takes fixed pieces off the front of a text; the first that does not match ends it all.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  std::optional<int> digits(std::size_t count) {
    if (rest_.size() < count) return std::nullopt;
    int value = 0;
    for (const char character : rest_.substr(0, count)) {
      if (character < '0' || character > '9') return std::nullopt;
      value = value * 10 + (character - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }

  bool one_of(std::string_view characters, char* found = nullptr) {
    if (rest_.empty() || characters.find(rest_.front()) == std::string_view::npos) return false;
    if (found != nullptr) *found = rest_.front();
    rest_.remove_prefix(1);
    return true;
  }

  /// 1 to 9 digits after the point, in microseconds; what is finer is cut off.
  std::optional<microseconds> fraction() {
    int count = 0;
    int value = 0;
    while (count < 9) {
      const auto digit = digits(1);
      if (!digit) break;
      if (count < 6) value = value * 10 + *digit;
      ++count;
    }
    if (count == 0) return std::nullopt;
    for (int i = count; i < 6; ++i) value *= 10;
    return microseconds{value};
  }

  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

std::optional<std::chrono::sys_days> scan_date(Scanner& in) {
  const auto year = in.digits(4);
  if (!year || !in.one_of("-")) return std::nullopt;
  const auto month = in.digits(2);
  if (!month || !in.one_of("-")) return std::nullopt;
  const auto day = in.digits(2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days{date};
}

std::optional<microseconds> scan_time(Scanner& in) {
  const auto hour = in.digits(2);
  if (!hour || *hour > 23 || !in.one_of(":")) return std::nullopt;
  const auto minute = in.digits(2);
  if (!minute || *minute > 59) return std::nullopt;
  int second = 0;
  microseconds fraction{0};
  if (in.one_of(":")) {
    const auto scanned = in.digits(2);
    if (!scanned || *scanned > 60) return std::nullopt;  // 60: a leap second
    second = *scanned;
    if (in.one_of(".,")) {
      const auto part = in.fraction();
      if (!part) return std::nullopt;
      fraction = *part;
    }
  }
  return hours{*hour} + minutes{*minute} + seconds{second} + fraction;
}

/// How far the text's clock runs ahead of UTC.
std::optional<minutes> scan_zone(Scanner& in) {
  if (in.one_of("Zz")) return minutes{0};
  char sign = '+';
  if (!in.one_of("+-", &sign)) return std::nullopt;
  const auto hour = in.digits(2);
  in.one_of(":");
  const auto minute = in.digits(2);
  if (!hour || !minute || *hour > 23 || *minute > 59) return std::nullopt;
  const minutes offset = hours{*hour} + minutes{*minute};
  return sign == '-' ? -offset : offset;
}

std::optional<WallTime> scan_iso8601(std::string_view text) {
  Scanner in(text);
  const auto date = scan_date(in);
  if (!date || !in.one_of("Tt ")) return std::nullopt;
  const auto time = scan_time(in);
  if (!time) return std::nullopt;
  const auto zone = scan_zone(in);
  if (!zone || !in.at_end()) return std::nullopt;
  const WallTime moment = WallTime{*date} + *time - *zone;
  if (moment < kFirst || moment > kLast) return std::nullopt;  // its zone leads out of the years
  return moment;
}

}  // namespace

WallTime wall_now() { return std::chrono::floor<microseconds>(std::chrono::system_clock::now()); }

std::string to_iso8601(WallTime time) {
  const auto [date, clock] = to_civil(time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

Result<WallTime> from_iso8601(std::string_view text) {
  const auto time = scan_iso8601(text);
  if (!time) return fail(Errc::kInvalid, "not a time in ISO 8601 with a zone: '{}'", text);
  return *time;
}

std::string to_compact(WallTime time) {
  const auto [date, clock] = to_civil(time);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::int64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace base
