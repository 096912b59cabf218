"""The stand-in's two hosts: the hub itself, and the one that it redirects large files to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler
from types import TracebackType
from typing import Any

from standin.faults import Fault, Faults
from standin.handler import FileHandler, HubHandler
from standin.repositories import Files, Repositories


@dataclass(frozen=True)
class Request:
    """A request that was answered, or that met a fault before it could be (status 0)."""

    method: str
    path: str
    range: str | None
    status: int
    authorized: bool


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    hub: Hub

    def __init__(self, port: int, handler: type[BaseRequestHandler], hub: Hub) -> None:
        self.hub = hub
        self.open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Close the connections that clients keep open for their next request."""
        for connection in list(self.open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients hang up on purpose here."""


class Hub:
    """A running stand-in for the hub.

    Attributes
    ----------
    endpoint : what ``HF_ENDPOINT`` must be.
    requests : what was asked so far, in order.
    """

    def __init__(
        self,
        repositories: Repositories | Mapping[str, Mapping[str, Files]] | str | Path,
        faults: Iterable[Fault] = (),
        page: int = 1000,
        port: int = 0,
    ) -> None:
        if not isinstance(repositories, Repositories):
            repositories = Repositories(repositories)
        self.repositories = repositories
        self.faults = Faults(faults)
        self.page = page
        self.requests: list[Request] = []
        self.stopped = threading.Event()
        self._servers: list[_Server] = []
        self._ports = [port or _free_port(), _free_port()]

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._ports[0]}"

    @property
    def files_endpoint(self) -> str:
        """The host of large files; another port is another host to the clients."""
        return f"http://127.0.0.1:{self._ports[1]}"

    def start(self) -> Hub:
        self.stopped.clear()
        for port, handler in zip(self._ports, (HubHandler, FileHandler), strict=True):
            server = _Server(port, handler, self)
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            self._servers.append(server)
        return self

    def stop(self) -> None:
        """From now on connections are refused, until `start`."""
        self.stopped.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()
            server.hang_up()
        self._servers.clear()

    def fail(self, *faults: Fault) -> None:
        """Switch faults on."""
        for fault in faults:
            self.faults.add(fault)

    def heal(self) -> None:
        """Switch all faults off."""
        self.faults.clear()

    def commit(self, name: str, revision: str = "main") -> str:
        """Return the commit of a branch; `name` as in `Repositories`."""
        return self.repositories.commit(name, revision)

    def __enter__(self) -> Hub:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
