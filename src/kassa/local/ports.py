"""The ports that `kassa up` opens: bound once, before anything is started."""

import errno
import os
import socket

from kassa.local.home import CannotStartError
from kassa.local.processes import holder

BACKLOG = 2_048


def listen(port: int, variable: str) -> socket.socket:
    """A socket that listens on `port` of the loopback address; `variable` is the setting that moves it.

    The supervisor keeps it open, so requests wait rather than fail while an API process is being replaced.
    Raises CannotStartError that names the process in the way.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Loopback only: what runs here has well-known credentials. compose.yaml and `kassa api` serve other machines.
        listener.bind(("127.0.0.1", port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        elsewhere = f"choose another port, for example {variable}={port + 1 if port < 65_535 else port - 1}"
        if error.errno != errno.EADDRINUSE:
            raise CannotStartError(f"Cannot open port {port}: {os.strerror(error.errno or 0)}; {elsewhere}") from error
        by = holder(port) or "a process of another user"
        raise CannotStartError(f"Port {port} is in use by {by}\nStop it, or {elsewhere}") from error
    return listener
