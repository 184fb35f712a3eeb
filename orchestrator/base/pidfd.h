#pragma once

// pidfd_open(2), pidfd_send_signal(2). The header of glibc 2.36 forgets to say that they are C.
extern "C" {
#include <sys/pidfd.h>
}
