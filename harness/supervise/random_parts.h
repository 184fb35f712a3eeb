#pragma once

#include <string>
#include <string_view>

namespace stress {

/// A path with its random parts masked: "registry.json.tmp-*". What holds a digit and has three
/// characters or more, what stands behind "tmp" or "temp", and what mixes capitals as mkstemp does
/// counts as random. To mask too much is safe, as calls of one name are told apart by their order;
/// to mask too little is not.
std::string mask_random_parts(std::string_view path);

}  // namespace stress
