#include "harness/workload/control.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <new>

#include "orchestrator/base/unique_fd.h"

namespace stress {

base::Result<Control> Control::map(const std::filesystem::path& file, bool create) {
  const base::UniqueFd fd(
      ::open(file.c_str(), O_RDWR | O_CLOEXEC | (create ? O_CREAT | O_EXCL : 0), 0600));
  if (!fd.valid()) return base::fail_errno(errno, "open", file);
  if (create && ftruncate(fd.get(), sizeof(ControlBlock)) != 0) {
    return base::fail_errno(errno, "size", file);
  }
  void* memory =
      mmap(nullptr, sizeof(ControlBlock), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return base::fail_errno(errno, "map", file);
  return Control(create ? new (memory) ControlBlock : static_cast<ControlBlock*>(memory));
}

base::Result<Control> Control::create(const std::filesystem::path& file) { return map(file, true); }

base::Result<Control> Control::open(const std::filesystem::path& file) { return map(file, false); }

Control::~Control() {
  if (block_ != nullptr) munmap(block_, sizeof(ControlBlock));
}

}  // namespace stress
