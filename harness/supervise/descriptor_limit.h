#pragma once

namespace stress {

/// Lets this process have as many descriptors as it may, within reason: a harness holds several for
/// each process that it supervises. What is started inherits it.
void raise_descriptor_limit();

}  // namespace stress
