"""A web server on this machine that serves bytes with ranges, and can be slow, short, wrong or gone on command."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Site:
    """What the server serves, how it misbehaves, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    # Bytes of the body after which each coming answer breaks off; then none does.
    cuts: list[int] = field(default_factory=list)
    # Statuses that the coming answers have, before any body.
    statuses: list[int] = field(default_factory=list)
    redirects: dict[str, str] = field(default_factory=dict)
    # Seconds before each piece of 4 kB.
    pause: float = 0.0
    ranges: bool = True
    etag: str | None = '"one"'
    # Say no length: the body ends where the connection does.
    untold: bool = False
    # A header that a hub sends with each file: which commit it is of.
    commit: str | None = None
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def ranges_asked(self) -> list[str | None]:
        return [headers.get("Range") for _, headers in self.asked]


@contextmanager
def serve() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            return

        def do_GET(self) -> None:
            site.asked.append((self.path, dict(self.headers)))
            if site.statuses:
                self._end(site.statuses.pop(0))
            elif self.path in site.redirects:
                self.send_response(302)
                self.send_header("Location", site.redirects[self.path])
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif self.path in site.files:
                self._body(site.files[self.path])
            else:
                self._end(404)

        def _end(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _body(self, data: bytes) -> None:
            start = 0
            wanted = self.headers.get("Range")
            validator = self.headers.get("If-Range")
            if wanted and site.ranges and validator in (None, site.etag):
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
                if start >= len(data):
                    self._end(416)
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            else:
                self.send_response(200)
            if not site.untold:
                self.send_header("Content-Length", str(len(data) - start))
            if site.commit:
                self.send_header("X-Repo-Commit", site.commit)
            if site.etag:
                self.send_header("ETag", site.etag)
            self.end_headers()
            body = data[start:]
            if site.cuts:
                body = body[: site.cuts.pop(0)]
            for at in range(0, len(body), 4096):
                time.sleep(site.pause)
                try:
                    self.wfile.write(body[at : at + 4096])
                except OSError:
                    return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
