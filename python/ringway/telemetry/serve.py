"""Prometheus metrics over HTTP, for programs that serve nothing themselves."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ringway.arguments import instance, whole
from ringway.errors import Error, InvalidOption
from ringway.runtime_calls import open_runtimes
from ringway.telemetry.metrics import HasTelemetry, all_of
from ringway.telemetry.prometheus import CONTENT_TYPE, prometheus_text

if TYPE_CHECKING:
    from http.server import ThreadingHTTPServer

PATIENCE = 5.0  # seconds that a client has to send its request, and to read the answer


class MetricsServer:
    """Answers until `close`, the end of its ``with`` block, or of the program; made by `serve_metrics`."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self._server = server
        self._pid = os.getpid()
        self._end = weakref.finalize(self, _stop, server, self._pid)
        threading.Thread(target=server.serve_forever, name="ringway metrics", daemon=True).start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Where the metrics are."""
        host = str(self._server.server_address[0])
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/metrics"

    def close(self) -> None:
        """Stop answering; a second call does nothing."""
        self._end()

    def __enter__(self) -> MetricsServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serve_metrics(
    port: int = 9464,
    *,
    host: str = "127.0.0.1",
    runtimes: HasTelemetry | Sequence[HasTelemetry] | None = None,
) -> MetricsServer:
    """Serve Prometheus text at ``http://HOST:PORT/metrics`` from a thread of its own.

    Parameters
    ----------
    port
        0 to 65535; 0 takes a free one, which the returned server names.
    host
        Address to listen on: this machine alone, unless told otherwise. There is no authentication.
    runtimes
        A `ringway.Runtime` or `ringway.AsyncRuntime`, or several; None serves all that are open in this
        process when somebody asks. The label ``runtime`` tells them apart.

    Raises
    ------
    InvalidOption
        An argument is out of range.
    Error
        The port cannot be listened on.
    """
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    number = whole("port", port, "a port, 0 to 65535")
    if not 0 <= number <= 65535:
        raise InvalidOption(f"port is {port}; it must be a port, 0 to 65535")
    instance("host", host, str)
    chosen = None if runtimes is None else [weakref.ref(one) for one in all_of(runtimes)]

    class Handler(BaseHTTPRequestHandler):
        timeout = PATIENCE

        def do_GET(self) -> None:
            if self.path.partition("?")[0] not in ("/", "/metrics"):
                self.send_error(404, "metrics are at /metrics")
                return
            if chosen is None:
                served = open_runtimes()
            else:
                served = [runtime for known in chosen if (runtime := known()) is not None]
            body = prometheus_text(served).encode()
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Requests of a scraper are no news."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        address_family = _family(host)

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that went away is no news either."""

    try:
        server = Server((host, number), Handler)
    except (OSError, TypeError, ValueError) as error:  # TypeError: a host with a null character
        reason = getattr(error, "strerror", None) or error
        raise Error(f"cannot serve metrics at {host}:{port}: {reason}") from error
    return MetricsServer(server)


def _family(host: str) -> Any:
    import socket

    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _stop(server: ThreadingHTTPServer, pid: int) -> None:
    if os.getpid() == pid:  # in a child after fork the thread that would answer is not there
        server.shutdown()
    server.server_close()
