"""The page of running jobs, made anew when their files have grown, for browsers of this machine only.

It is served on the loopback interface, at an address that holds a random token, so that neither other machines nor other
people on this one read it. Of a run that has written nothing yet it says so, and waits.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Sequence
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

from hpcpot.errors import HpcpotError, OutputError

LOOPBACK = "127.0.0.1"


class LivePage:
    """The page of some runs, and which version of their files it is of.

    Args:
        names: published numbers, see `published.compare`. every: seconds between questions of a browser.
    """

    def __init__(self, runs: Sequence[Path], names: Sequence[str], every: float):
        self._runs, self._names, self._every = list(runs), list(names), every
        self._lock, self._made = Lock(), ("", "")

    def version(self) -> str:
        """Sizes and times of change of the files; it changes when a run writes."""
        parts = []
        for path in self._runs:
            files = sorted(path.glob("*.h5")) if path.is_dir() else [path]
            for file in files:
                with contextlib.suppress(OSError):  # not there yet
                    stat = file.stat()
                    parts.append(f"{stat.st_size:x}.{stat.st_mtime_ns:x}")
        return "-".join(parts) or "nothing"

    def text(self) -> str:
        """The page, made anew if a file has changed; of files that cannot be read, why."""
        from hpcpot.commands.report.command import make

        with self._lock:
            version = self.version()
            if self._made[0] != version:
                try:
                    text = make(self._runs, self._names, (version, self._every))
                except HpcpotError as error:
                    text = _waiting(str(error), self._every)
                self._made = version, text
            return self._made[1]


def _waiting(why: str, every: float) -> str:
    return (
        f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="{max(1, round(every))}">'
        f"<title>hpcpot report</title><p>Nothing to show yet: {escape(why)}</p></html>"
    )


class _Handler(BaseHTTPRequestHandler):
    """Answers for the page and its version, under the token only."""

    server: LiveServer

    def do_GET(self) -> None:
        server = self.server
        host = self.headers.get("Host", "")
        known = {f"{name}:{server.server_port}" for name in (LOOPBACK, "localhost")}
        _, token, *rest = [*self.path.split("/"), ""]
        # The name that was asked for is checked, too: a page of another site could point a name of its own here.
        if host not in known or not secrets.compare_digest(token.encode(), server.token.encode()) or len(rest) > 2:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", "not found")
        elif rest[0] == "version":
            self._answer(HTTPStatus.OK, "text/plain", server.page.version())
        elif rest[0] == "":
            self._answer(HTTPStatus.OK, "text/html; charset=utf-8", server.page.text())
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", "not found")

    def _answer(self, status: HTTPStatus, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in (
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
        ):
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the browser left
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing: the address, with the token, is no text for a log."""


class LiveServer(ThreadingHTTPServer):
    """The server of a live page on the loopback interface.

    Attributes:
        page, token: what it serves, and under what.
    """

    daemon_threads = True

    def __init__(self, page: LivePage, port: int = 0):
        self.page, self.token = page, secrets.token_urlsafe(24)
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except (OSError, OverflowError) as error:
            raise OutputError(
                f"--port = {port}: cannot be used ({error}): must be a free one, 1024 to 65535; leave it out to take any."
            ) from error

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.server_port}/{self.token}/"


def serve(runs: Sequence[Path], names: Sequence[str], every: float, port: int) -> int:
    """Serve the page until Ctrl-C; returns 0."""
    with LiveServer(LivePage(runs, names, every), port) as server:
        print(f"page: {server.address}\nCtrl-C ends it; the runs go on", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()
    return 0
