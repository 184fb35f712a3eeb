#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "reports/writers/story_steps.h"
#include "reports/writers/story_why.h"
#include "reports/writers/storyline.h"
#include "reports/writers/text.h"
#include "reports/writers/writers.h"

namespace report {
namespace {

constexpr std::size_t kGutter = 4;  ///< the number of a cell, and a blank
constexpr std::size_t kColumnsMin = 40;
constexpr std::size_t kColumnMin = 20;  ///< narrower ones cannot be read
constexpr std::size_t kColumnCountMax = 4;
constexpr std::size_t kLabelMax = 8;
constexpr std::string_view kBetween = " | ";
constexpr std::string_view kBold = "\x1b[1m";

std::string_view colour_of(StoryRow::Kind kind) {
  switch (kind) {
    case StoryRow::Kind::kSwitch:
      return "\x1b[33m";
    case StoryRow::Kind::kFault:
      return "\x1b[1;31m";
    default:
      return "";
  }
}

/// Those with a column: announced, and with something to tell. Where none is announced, all.
std::vector<ScheduledOperation> columns_of(const FailingSchedule& schedule,
                                           const Storyline& storyline) {
  const auto is_in = [](const auto& range, const std::string& label, auto member) {
    return std::ranges::find(range, label, member) != range.end();
  };
  std::vector<ScheduledOperation> operations = schedule.operations;
  std::erase_if(operations, [&](const ScheduledOperation& operation) {
    return !is_in(storyline.rows, operation.label, &StoryRow::operation);
  });
  if (!schedule.operations.empty()) return operations;
  for (const StoryRow& row : storyline.rows) {
    const bool known = is_in(operations, row.operation, &ScheduledOperation::label);
    if (!known && !row.operation.empty()) operations.push_back({.label = row.operation});
  }
  return operations;
}

class StoryPage {
 public:
  StoryPage(const std::vector<ScheduledOperation>& operations, bool colour, std::size_t columns)
      : operations_(operations), colour_(colour), columns_(std::max(columns, kColumnsMin)) {
    const std::size_t count = std::max<std::size_t>(operations.size(), 1);
    const std::size_t between = kBetween.size() * (count - 1);
    column_ = columns_ > kGutter + between ? (columns_ - kGutter - between) / count : 0;
    stacked_ = count > kColumnCountMax || column_ < kColumnMin;
    for (const ScheduledOperation& operation : operations) {
      label_ = std::max(label_, std::min(width(one_line(operation.label)), kLabelMax));
    }
  }

  void head() {
    append_wrapped(out_, "", 0,
                   fmt::format("Time goes down, a {} is one process with its children; lines "
                               "across say who goes on next.",
                               stacked_ ? "letter" : "column"),
                   columns_);
    line("");
    if (stacked_) {
      for (const ScheduledOperation& operation : operations_) {
        append_wrapped(out_, std::string(kGutter, ' '), kGutter, title(operation), columns_);
      }
      line("");
      return;
    }
    std::vector<std::vector<std::string>> cells;
    std::string rule(kGutter - 1, ' ');
    for (const ScheduledOperation& operation : operations_) {
      cells.push_back(wrap(title(operation), column_));
      rule += (cells.size() == 1 ? " " : "-+-") + std::string(column_, '-');
    }
    in_columns("", cells, kBold);
    line(rule);
  }

  void row(const StoryRow& row) {
    if (row.kind == StoryRow::Kind::kSwitch) return across(row, '-');
    if (row.kind == StoryRow::Kind::kFault) return across(row, '=');
    const std::string number = row.number == 0 ? "" : fmt::format("{}", row.number);
    if (std::ranges::find(operations_, row.operation, &ScheduledOperation::label) ==
        operations_.end()) {
      return append_wrapped(out_, fmt::format("{:>{}} ", number, kGutter - 1), kGutter,
                            fmt::format("{}: {}", row.operation, row.text), columns_);
    }
    if (stacked_) {
      const std::string label = wrap(row.operation, label_).front();
      const std::string lead = fmt::format("{:>{}} {}{}  ", number, kGutter - 1, label,
                                           std::string(label_ - width(label), ' '));
      return append_wrapped(out_, lead, kGutter + label_ + 2, row.text, columns_);
    }
    std::vector<std::vector<std::string>> cells;
    for (const ScheduledOperation& operation : operations_) {
      cells.emplace_back();
      if (operation.label == row.operation) cells.back() = wrap(row.text, column_);
    }
    in_columns(number, cells, "");
  }

  void line(std::string_view text) { out_.append(text).push_back('\n'); }
  void section(std::string_view title) {
    line("");
    line(painted(title, kBold));
  }
  void paragraph(std::string_view text) { append_wrapped(out_, "  ", 2, text, columns_); }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  static std::string title(const ScheduledOperation& operation) {
    return operation.label + (operation.words.empty() ? "" : ": " + operation.words);
  }
  [[nodiscard]] std::string painted(std::string_view text, std::string_view colour) const {
    if (!colour_ || colour.empty()) return std::string(text);
    return fmt::format("{}{}\x1b[0m", colour, text);
  }

  /// Cells of several lines side by side; without blanks at the ends of lines.
  void in_columns(std::string_view number, const std::vector<std::vector<std::string>>& cells,
                  std::string_view colour) {
    std::size_t height = 0;
    for (const auto& cell : cells) height = std::max(height, cell.size());
    for (std::size_t y = 0; y < height; ++y) {
      std::string text = fmt::format("{:>{}} ", y == 0 ? number : "", kGutter - 1);
      for (std::size_t x = 0; x < cells.size(); ++x) {
        if (x > 0) text += kBetween;
        const std::string_view cell = y < cells[x].size() ? std::string_view(cells[x][y]) : "";
        text += painted(cell, cell.empty() ? "" : colour);
        text.append(column_ - std::min(column_, width(cell)), ' ');
      }
      line(std::string_view(text).substr(0, text.find_last_not_of(' ') + 1));
    }
  }

  void across(const StoryRow& row, char rule) {
    const std::string lead = std::string(3, rule) + " ";
    const std::vector<std::string> lines = wrap(row.text, columns_ - lead.size() - 4);
    for (const std::string& text : lines) {
      std::string whole = lead + text;
      if (&text == &lines.back()) {
        whole += ' ' + std::string(columns_ - std::min(columns_, width(whole) + 1), rule);
      }
      line(painted(whole, colour_of(row.kind)));
    }
  }

  const std::vector<ScheduledOperation>& operations_;
  bool colour_;
  std::size_t columns_;
  std::size_t column_ = 0;
  std::size_t label_ = 1;
  bool stacked_ = false;
  std::string out_;
};

void tell_end(StoryPage& page, const FailingSchedule& schedule, const Storyline& storyline) {
  if (!schedule.deadlock.empty()) {
    page.section("Deadlock: none of these can ever go on");
    for (const std::string& waiter : schedule.deadlock) page.paragraph(waiter);
  }
  bool headed = false;
  for (const InvariantResult& broken : schedule.broken) {
    if (!headed) page.section("What broke");
    headed = true;
    if (broken.violations.empty()) page.paragraph(broken.id);
    for (const Violation& violation : broken.violations) {
      page.paragraph(fmt::format("{}: {}", broken.id, violation.summary));
    }
  }
  const std::vector<std::string> reasons = why(schedule, storyline.numbers);
  if (reasons.empty()) return;
  page.section("Why");
  for (const std::string& reason : reasons) page.paragraph(reason);
}

}  // namespace

std::string to_story(const FailingSchedule& failing, bool colour, std::size_t columns) {
  const FailingSchedule schedule = for_story(failing);
  const Storyline storyline = storyline_of(schedule);
  const std::vector<ScheduledOperation> operations = columns_of(schedule, storyline);
  StoryPage page(operations, colour, columns);
  if (storyline.rows.empty()) {
    page.line("No step of this schedule was recorded.");
  } else {
    page.head();
    for (const StoryRow& row : storyline.rows) page.row(row);
  }
  tell_end(page, schedule, storyline);
  return page.take();
}

}  // namespace report
