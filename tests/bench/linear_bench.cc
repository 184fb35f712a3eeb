// How the time of judging a history grows with its length, parsing apart; and what a store costs
// that has but one key. Memory is that of the whole process, the history included.
#include <sys/resource.h>

#include <chrono>
#include <filesystem>

#include <benchmark/benchmark.h>

#include "harness/check/clients.h"
#include "tests/support/client_stories.h"
#include "tests/support/temp_folder.h"

namespace {

using tests::ClientStory;
using tests::StoryShape;

StoryShape shape_of(bool store, std::int64_t operations) {
  StoryShape shape;
  shape.store = store;
  shape.operations = static_cast<std::uint64_t>(operations);
  shape.clients = 50;
  shape.keys = std::max<std::uint64_t>(1, shape.operations / 100);
  return shape;
}

double peak_mib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void judge(benchmark::State& state, bool store) {
  const stress::ClientHistory history = ClientStory(shape_of(store, state.range(0)), 7).take();
  for (auto _ : state) {
    const auto result = stress::check_clients(history, stress::ValueTable::kNil, {});
    if (result.verdict != report::Verdict::kPass) state.SkipWithError("not a pass");
  }
  state.SetComplexityN(state.range(0));
  state.counters["peak_MiB"] = peak_mib();
}

void registers_by_key(benchmark::State& state) { judge(state, false); }
void store_by_key(benchmark::State& state) { judge(state, true); }

void parse(benchmark::State& state, const char* name) {
  const tests::TempFolder folder;
  const stress::ClientHistory history = ClientStory(shape_of(false, state.range(0)), 7).take();
  if (!stress::store_client_history(history, folder / name)) state.SkipWithError("not written");
  for (auto _ : state) {
    if (!stress::load_client_history(folder / name)) state.SkipWithError("not read");
  }
  const auto bytes = static_cast<std::int64_t>(std::filesystem::file_size(folder / name));
  state.SetBytesProcessed(state.iterations() * bytes);
  state.SetComplexityN(state.range(0));
  state.counters["peak_MiB"] = peak_mib();
}

void parse_jsonl(benchmark::State& state) { parse(state, "history.jsonl"); }
void parse_edn(benchmark::State& state) { parse(state, "history.edn"); }

/// 2,000 operations of 50 clients on one key; of few different texts, so that only a search can
/// tell.
void store_of_one_key(benchmark::State& state) {
  StoryShape shape = shape_of(true, 2000);
  shape.keys = 1;
  shape.values = static_cast<std::uint64_t>(state.range(0));
  const stress::ClientHistory history = ClientStory(shape, 7).take();
  for (auto _ : state) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    const auto result = stress::check_clients(history, stress::ValueTable::kNil, {.deadline = end});
    state.SetLabel(std::string(report::to_string(result.verdict)) + ": " + result.evidence);
  }
  state.counters["peak_MiB"] = peak_mib();
}

BENCHMARK(registers_by_key)
    ->RangeMultiplier(10)
    ->Range(10'000, 1'000'000)
    ->Unit(benchmark::kMillisecond)
    ->Complexity();
BENCHMARK(store_by_key)
    ->RangeMultiplier(10)
    ->Range(10'000, 1'000'000)
    ->Unit(benchmark::kMillisecond)
    ->Complexity();
BENCHMARK(store_of_one_key)->Arg(0)->Arg(3)->Arg(50)->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK(parse_jsonl)
    ->RangeMultiplier(10)
    ->Range(10'000, 1'000'000)
    ->Unit(benchmark::kMillisecond)
    ->Complexity();
BENCHMARK(parse_edn)
    ->RangeMultiplier(10)
    ->Range(10'000, 1'000'000)
    ->Unit(benchmark::kMillisecond)
    ->Complexity();

}  // namespace
