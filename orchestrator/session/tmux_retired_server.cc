#include "orchestrator/session/tmux_retired_server.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "orchestrator/base/process_identity.h"
#include "orchestrator/base/unique_fd.h"

namespace orc {

base::Result<bool> end_retired_server(const std::filesystem::path& socket,
                                      std::chrono::milliseconds timeout) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.native().size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, socket.c_str(), socket.native().size());

  const base::UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!client.valid()) return base::fail_errno(errno, "open a socket for", socket);
  if (::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return false;  // nobody listens: whoever starts a server next takes the path over
  }
  ucred peer{};
  socklen_t bytes = sizeof peer;
  if (::getsockopt(client.get(), SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0) {
    return base::fail_errno(errno, "ask who listens at", socket);
  }
  // A server in service says nothing until it is spoken to; one that retires closes at once.
  constexpr int kHangUpMs = 500;
  pollfd heard{client.get(), POLLIN, 0};
  char byte = 0;
  if (::poll(&heard, 1, kHangUpMs) != 1 || ::recv(client.get(), &byte, 1, MSG_DONTWAIT) != 0) {
    return false;
  }
  const base::Result<base::ProcessIdentity> server = base::identify(peer.pid);
  if (!server) return true;  // it has just gone
  if (base::Status asked = base::signal_process(*server, SIGTERM); !asked) {
    return std::unexpected(asked.error());
  }
  if (base::Status gone = base::wait_dead(*server, timeout); !gone) {
    return std::unexpected(gone.error());
  }
  return true;
}

}  // namespace orc
