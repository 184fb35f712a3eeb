#pragma once

#include <string>

namespace stress {

/// An absolute path with the symbolic links, "." and ".." of its folder resolved, so that it can be
/// compared with others; in its last place a link is left as it is (rename and unlink act on the
/// link) unless `follow_last`. The path itself where its folder does not exist, and for /proc and
/// /dev, whose links mean something else to whoever asks.
std::string real_path(const std::string& path, bool follow_last);

}  // namespace stress
