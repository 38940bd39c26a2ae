# SPDX-License-Identifier: GPL-3.0-or-later
"""For the guest: real servers, which answer any request by HTTP."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Dict


class _Handler(BaseHTTPRequestHandler):
    timeout = 5.0

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *_words: object) -> None:
        """Print nothing."""


class Servers:
    """The real servers that are up, in the network namespace of this process."""

    def __init__(self, *names: str) -> None:
        self._running: Dict[str, ThreadingHTTPServer] = {}
        self.start(*names)

    def start(self, *names: str) -> None:
        """Start the servers at ADDRESS:PORT."""
        for name in names:
            address, port = name.split(":")
            server = ThreadingHTTPServer((address, int(port)), _Handler)
            server.daemon_threads = True
            Thread(target=server.serve_forever, daemon=True).start()
            self._running[name] = server

    def kill(self, *names: str) -> None:
        """Close the ports of servers, so that connections to them are refused."""
        for name in names:
            server = self._running.pop(name)
            server.shutdown()
            server.server_close()

    def kill_all(self) -> None:
        """Close the ports of all servers."""
        self.kill(*list(self._running))
