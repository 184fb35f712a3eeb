#include "harness/fault/point_plan.h"

#include <fcntl.h>

#include <array>
#include <bit>
#include <cerrno>
#include <set>
#include <string_view>

#include <fmt/format.h>

#include "harness/supervise/decode.h"

namespace stress {
namespace {

constexpr std::uint64_t kPage = 4096;

std::string_view in_words(Cut cut) {
  switch (cut) {
    case Cut::kFirstPage:
      return "up to its first page boundary";
    case Cut::kMiddlePage:
      return "up to a page boundary in its middle";
    case Cut::kLastPage:
      return "up to its last page boundary";
    case Cut::kHalf:
      return "half of it";
    case Cut::kAllButOne:
      return "all but one byte";
  }
  return {};
}

bool is_page_cut(Cut cut) { return cut != Cut::kHalf && cut != Cut::kAllButOne; }

/// What a call may plausibly say, as far as a caller can be expected to cope.
std::vector<int> plausible_errors(const Op& op) {
  switch (op.sys) {
    case Sys::kWrite:
      return is_output(op) ? std::vector<int>{} : std::vector<int>{ENOSPC, EIO, EDQUOT};
    case Sys::kSync:
      return {ENOSPC, EIO, EDQUOT};
    case Sys::kOpen:
      if ((op.flags & O_CREAT) != 0) return {ENOSPC, EMFILE, ENFILE, ENOMEM};
      return {EMFILE, ENFILE, ENOMEM};
    case Sys::kRename:
    case Sys::kLink:
      return {ENOSPC};
    case Sys::kFolder:
      return op.name == "rmdir" ? std::vector<int>{} : std::vector<int>{ENOSPC};
    case Sys::kLock:
      return {EINTR};
    default:
      return {};
  }
}

/// Whether the supervisor can make the call for a task that is to die right after it. Others only
/// die at their next call, which is a point of its own.
bool can_be_made_for_it(const Op& op) {
  return op.sys == Sys::kWrite || op.sys == Sys::kSync || op.sys == Sys::kUnlock;
}

class Planner {
 public:
  void add_call(const RecordedCall& call, const RecordedCall* next, bool errors) {
    crash(call, Blow::kBefore, "before " + call.call.words);
    cut(call);
    const bool same_as_next = next != nullptr && next->op.tid == call.op.tid;
    if (!same_as_next && can_be_made_for_it(call.op)) {
      crash(call, Blow::kAfter, "after " + call.call.words);
    }
    const bool reply = call.call.id.key == kReplyKey;
    if (errors && !reply) fail(call);
  }
  std::vector<CrashPoint> take() && { return std::move(points_); }

 private:
  CrashPoint& add(const RecordedCall& call, Blow blow, std::string words) {
    CrashPoint& point = points_.emplace_back();
    point.number = static_cast<int>(points_.size());
    point.at = call.call.id;
    point.blow = blow;
    point.words = std::move(words);
    return point;
  }

  /// Both variants, where they differ. A cut needs a caller that does not live to go on.
  void crash(const RecordedCall& call, Blow blow, const std::string& words, Cut cut = Cut::kHalf) {
    const bool caller_must_die = blow == Blow::kMid || blow == Blow::kAfter;
    if (call.call.by_victim || !caller_must_die) {
      add(call, blow, words).cut = cut;
    }
    if (!call.followers || (caller_must_die && call.op.detached)) return;
    CrashPoint& point = add(call, blow, words);
    point.cut = cut;
    point.scope = Scope::kDescendants;
  }

  void cut(const RecordedCall& call) {
    if (call.op.sys != Sys::kWrite || !call.offset || !has_bytes_in_memory(call.op)) return;
    if (call.call.id.key == kReplyKey) return;  // the harness's own file
    std::set<std::uint64_t> cuts;
    for (const Cut where :
         {Cut::kFirstPage, Cut::kMiddlePage, Cut::kLastPage, Cut::kHalf, Cut::kAllButOne}) {
      const auto bytes = cut_bytes(where, *call.offset, call.op.bytes);
      if (!bytes || !cuts.insert(*bytes).second) continue;
      if (is_page_cut(where)) {
        crash(call, Blow::kMid, fmt::format("within {}, {}", call.call.words, in_words(where)),
              where);
      } else {
        crash(call, Blow::kShort,
              fmt::format("short {}, {}, then before the next call", call.call.words,
                          in_words(where)),
              where);
      }
    }
  }

  void fail(const RecordedCall& call) {
    for (const int error_number : plausible_errors(call.op)) {
      for (const bool sticky : {false, true}) {
        // Nobody is interrupted for ever; who retries would never end, and rightly so.
        if (sticky && error_number == EINTR) continue;
        CrashPoint& point =
            add(call, Blow::kError,
                fmt::format("{} of {}{}", strerrorname_np(error_number), call.call.words,
                            sticky ? ", and of all its kind from then on" : ""));
        point.error_number = error_number;
        point.sticky = sticky;
      }
    }
  }

  std::vector<CrashPoint> points_;
};

}  // namespace

std::vector<std::size_t> spread_order(std::size_t count) {
  // Van der Corput's sequence: the numbers from 0, each with its bits reversed.
  std::vector<std::size_t> order;
  const int bits = count == 0 ? 0 : static_cast<int>(std::bit_width(count - 1));
  for (std::size_t i = 0; i < std::size_t{1} << bits; ++i) {
    std::size_t reversed = 0;
    for (int bit = 0; bit < bits; ++bit) reversed |= ((i >> bit) & 1) << (bits - 1 - bit);
    if (reversed < count) order.push_back(reversed);
  }
  return order;
}

std::optional<std::uint64_t> cut_bytes(Cut cut, std::uint64_t offset, std::uint64_t bytes) {
  if (bytes < 2) return std::nullopt;
  if (!is_page_cut(cut)) {
    std::uint64_t place = cut == Cut::kHalf ? bytes / 2 : bytes - 1;
    if ((offset + place) % kPage == 0) place -= place > 1 ? 1 : 0;
    return place;
  }
  const std::uint64_t first = (offset / kPage + 1) * kPage;
  const std::uint64_t last = (offset + bytes - 1) / kPage * kPage;
  if (first > last) return std::nullopt;
  const std::uint64_t pages = (last - first) / kPage;
  const std::uint64_t chosen = cut == Cut::kFirstPage    ? first
                               : cut == Cut::kMiddlePage ? first + pages / 2 * kPage
                                                         : last;
  return chosen - offset;
}

std::vector<CrashPoint> plan_points(const CallTrace& trace, bool errors) {
  Planner planner;
  for (std::size_t i = 0; i < trace.size(); ++i) {
    planner.add_call(trace[i], i + 1 < trace.size() ? &trace[i + 1] : nullptr, errors);
  }
  return std::move(planner).take();
}

std::string variant_of(const CrashPoint& point) {
  if (point.blow == Blow::kError) return "-";
  return point.scope == Scope::kDescendants ? "with descendants" : "process only";
}

}  // namespace stress
