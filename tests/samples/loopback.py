"""A server on loopback that answers as a handler does."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """One that writes no log."""

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(handler: Callable[..., Handler]) -> Iterator[str]:
    """Serve until the block ends, at this address, by what a handler's class or a part of it makes."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
