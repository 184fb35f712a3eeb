#include <sqlite3.h>
#include <stdlib.h>

#include <array>
#include <cerrno>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/target/observation_sources.h"

namespace stress {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// A folder that lives as long as one look.
class CopyFolder {
 public:
  explicit CopyFolder(const fs::path& parent) : path_((parent / "copy-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  CopyFolder(const CopyFolder&) = delete;
  CopyFolder& operator=(const CopyFolder&) = delete;
  ~CopyFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// What SQLite says about a query. `not_looked`: for reasons of our own.
struct Trouble {
  std::string what;
  bool not_looked = false;
};

class Database {
 public:
  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() { sqlite3_close(handle_); }

  std::optional<Trouble> open(const fs::path& file) {
    if (sqlite3_open_v2(file.c_str(), &handle_, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK) {
      return std::nullopt;
    }
    return trouble("open it");
  }

  /// Rows as objects by column; NULL is left out.
  std::optional<Trouble> query(const std::string& text, Json& rows) {
    sqlite3_stmt* raw = nullptr;
    const int prepared = sqlite3_prepare_v2(handle_, text.c_str(), -1, &raw, nullptr);
    const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement(raw,
                                                                               &sqlite3_finalize);
    if (prepared != SQLITE_OK) return trouble(text);
    int step = SQLITE_DONE;
    while (statement != nullptr && (step = sqlite3_step(raw)) == SQLITE_ROW)
      rows.push_back(row(raw));
    if (step != SQLITE_DONE) return trouble(text);
    return std::nullopt;
  }

 private:
  static Json row(sqlite3_stmt* statement) {
    Json result = Json::object();
    for (int i = 0; i < sqlite3_column_count(statement); ++i) {
      const char* name = sqlite3_column_name(statement, i);
      switch (sqlite3_column_type(statement, i)) {
        case SQLITE_NULL:
          break;
        case SQLITE_INTEGER:
          result[name] = sqlite3_column_int64(statement, i);
          break;
        case SQLITE_FLOAT:
          result[name] = sqlite3_column_double(statement, i);
          break;
        default: {
          const auto* text = static_cast<const char*>(sqlite3_column_blob(statement, i));
          const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, i));
          result[name] = text == nullptr ? std::string() : std::string(text, size);
        }
      }
    }
    return result;
  }

  Trouble trouble(const std::string& step) const {
    const int code = handle_ == nullptr ? SQLITE_NOMEM : sqlite3_errcode(handle_);
    const bool ours = code == SQLITE_NOMEM || code == SQLITE_CANTOPEN || code == SQLITE_IOERR ||
                      code == SQLITE_FULL || code == SQLITE_BUSY;
    return {
        fmt::format("{}: {}", step, handle_ == nullptr ? "out of memory" : sqlite3_errmsg(handle_)),
        ours};
  }

  sqlite3* handle_ = nullptr;
};

class DatabaseObserver final : public Observer {
 public:
  DatabaseObserver(ObservationMap map, fs::path database, std::string agents, std::string counts,
                   fs::path scratch)
      : Observer(with_places(std::move(map), !counts.empty())),
        database_(std::move(database)),
        agents_query_(std::move(agents)),
        counts_query_(std::move(counts)),
        scratch_(std::move(scratch)) {}

  [[nodiscard]] Observation observe() const override {
    const CopyFolder folder(scratch_);
    if (folder.path().empty())
      return failed({"no folder for a copy in " + scratch_.string(), true});
    const fs::path copy = fs::path(folder.path()) / "database";
    std::error_code error;
    if (!fs::exists(database_, error)) {
      Observation seen;
      seen.absent = true;
      seen.error = "there is no file " + database_.string();
      return seen;
    }
    for (const char* suffix : {"", "-wal", "-journal"}) {
      const fs::path from = database_.string() + suffix;
      if (!fs::exists(from, error)) continue;
      if (!fs::copy_file(from, copy.string() + suffix, error)) {
        return failed({fmt::format("copy {}: {}", from.string(), error.message()), true});
      }
    }
    return ask(copy);
  }

 private:
  /// Where the rows stand in the document that is made of them.
  static ObservationMap with_places(ObservationMap map, bool counts) {
    map.agents = "/agents";
    map.tasks.clear();
    map.generation.clear();
    if (counts) {
      map.count_total = "/counts/total";
      map.count_active = "/counts/active";
      map.count_completed = "/counts/completed";
    }
    return map;
  }

  [[nodiscard]] Observation ask(const fs::path& copy) const {
    Json document = {{"agents", Json::array()}};
    Json counts = Json::array();
    Database database;
    if (const auto trouble = database.open(copy)) return failed(*trouble);
    if (const auto trouble = database.query(agents_query_, document["agents"])) {
      return failed(*trouble);
    }
    if (!counts_query_.empty()) {
      if (const auto trouble = database.query(counts_query_, counts)) return failed(*trouble);
      if (counts.size() != 1) {
        return failed(
            {fmt::format("{}: {} rows instead of one", counts_query_, counts.size()), false});
      }
      document["counts"] = counts[0];
    }
    try {
      return interpret(document.dump(1));
    } catch (const std::exception& error) {  // bytes that are no UTF-8
      return failed({error.what(), false});
    }
  }

  [[nodiscard]] Observation failed(const Trouble& trouble) const {
    Observation seen;
    seen.not_looked = trouble.not_looked;
    seen.error = fmt::format("{}: {}", database_.string(), trouble.what);
    return seen;
  }

  fs::path database_;
  std::string agents_query_;
  std::string counts_query_;
  fs::path scratch_;
};

}  // namespace

std::unique_ptr<Observer> make_database_observer(ObservationMap map, fs::path database,
                                                 std::string agents_query, std::string counts_query,
                                                 fs::path scratch) {
  return std::make_unique<DatabaseObserver>(std::move(map), std::move(database),
                                            std::move(agents_query), std::move(counts_query),
                                            std::move(scratch));
}

}  // namespace stress
