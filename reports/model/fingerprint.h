#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace report {

/// What a violation's sentence has in common with that of the same violation in another run: the
/// sentence itself, in printable ASCII, with `*` for what differs from run to run. That is each
/// word with a digit or a '/' in it (ids, times, counts, paths), each of `names` (ids without a
/// digit), and each quotation that is more than a plain word. Lists of them become one `*`, and a
/// word behind one loses its plural. Only violations of one invariant are to be compared.
std::string fingerprint(std::string_view summary, const std::vector<std::string>& names);

}  // namespace report
