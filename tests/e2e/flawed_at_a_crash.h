#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include "orchestrator/base/unique_fd.h"
#include "tests/e2e/flawed_target.h"

namespace flawed {

// Targets whose flaws only a crash at the right call shows, and one that cannot be walked whole.

/// Saves over what it has: whole in the end, but not on the way there. Under the lock, so nobody
/// but a crash ever sees it.
class InPlace : public Wrapper {
 public:
  using Wrapper::Wrapper;
  stress::Reply update(const std::string& agent,
                       const std::map<std::string, std::string>& writes) override {
    stress::Reply reply = inner().update(agent, writes);
    if (reply.outcome == stress::OpOutcome::kOk) save_in_place();
    return reply;
  }
};

/// Takes whatever is starting for dead, as a validator does that looks at no owner.
class GivesOthersUp : public Wrapper {
 public:
  using Wrapper::Wrapper;
  stress::Reply update(const std::string& agent,
                       const std::map<std::string, std::string>& writes) override {
    for (const stress::ObservedAgent& other : observer().observe().agents) {
      if (other.status != "starting") continue;
      const base::Status changed = change_record(other.id, [](orc::Agent& record) -> base::Status {
        record.status = orc::AgentStatus::kFailed;
        return {};
      });
      if (!changed) return {.error = changed.error().message};
    }
    return inner().update(agent, writes);
  }
};

/// Marks its updates by a folder, and who dies there leaves it for ever.
class BusyForEver : public Wrapper {
 public:
  using Wrapper::Wrapper;
  stress::Reply update(const std::string& agent,
                       const std::map<std::string, std::string>& writes) override {
    ::mkdir(mark().c_str(), 0700);
    stress::Reply reply = inner().update(agent, writes);
    ::rmdir(mark().c_str());
    return reply;
  }
  stress::Reply spawn(const stress::SpawnArguments& arguments) override {
    if (!std::filesystem::exists(mark())) return inner().spawn(arguments);
    return {.outcome = stress::OpOutcome::kRefused, .error = "somebody is at work"};
  }

 private:
  [[nodiscard]] std::filesystem::path mark() const { return place().workspace / "busy"; }
};

/// No flaw, but a part of its updates that makes no system call.
class MapsAFile : public Wrapper {
 public:
  using Wrapper::Wrapper;
  stress::Reply update(const std::string& agent,
                       const std::map<std::string, std::string>& writes) override {
    const base::UniqueFd fd(
        ::open((place().workspace / "journal").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!fd.valid() || ::ftruncate(fd.get(), 1) != 0) std::abort();
    void* page = ::mmap(nullptr, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (page == MAP_FAILED) std::abort();
    *static_cast<char*>(page) = 'x';
    ::munmap(page, 1);
    return inner().update(agent, writes);
  }
};

}  // namespace flawed
