"""The embedded Redis: a queue in memory on a Unix socket, free to be lost at any moment."""

import asyncio
import os
import shutil
import sysconfig

from kassa.local.child import Child
from kassa.local.home import CannotStartError, Home


def program() -> str | None:
    """The `redis-server` to run: the one that came with this Python's packages, else the system's; None without one."""
    return shutil.which(
        "redis-server", path=os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    )


class Redis:
    """The server in one home."""

    def __init__(self, home: Home) -> None:
        found = program()
        if found is None:
            raise CannotStartError("The embedded Redis is not installed")
        self._program, self._home = found, home
        self._socket = home.sockets / "redis.sock"
        self.url = f"unix://{self._socket}"

    def server(self) -> Child:
        """The server as a child."""
        # Nothing is saved: PostgreSQL is the truth, and what is due is found there again.
        options = {"--port": "0", "--unixsocket": str(self._socket), "--unixsocketperm": "700"}
        options |= {"--save": "", "--appendonly": "no", "--dir": str(self._home.root), "--daemonize": "no"}
        command = [self._program, *(word for option in options.items() for word in option)]
        return Child(
            name="redis",
            command=command,
            log=self._home.logs / "redis.log",
            env=os.environ,
            stop_within_s=5,
            probe=self._probe,
        )

    async def _probe(self) -> str | None:
        try:
            async with asyncio.timeout(5):
                reader, writer = await asyncio.open_unix_connection(self._socket)
                try:
                    writer.write(b"PING\r\n")
                    answer = await reader.readline()
                finally:
                    writer.close()
        except OSError as error:  # TimeoutError is one too
            return str(error) or type(error).__name__
        return None if answer == b"+PONG\r\n" else answer.decode(errors="replace").strip()
