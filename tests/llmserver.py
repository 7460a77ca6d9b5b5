"""A real HTTP server that answers like a language model with OpenAI's chat interface, well or badly."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def answer(content: Any) -> dict[str, Any]:
    """What a good server sends for ``content``, a text or JSON."""
    text = content if isinstance(content, str) else json.dumps(content)
    return {"body": json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()}


def classification(
    kind: str = "picture", style: str = "flat", text: str | None = None, probability: float = 0.9, keywords: Any = ("calm",)
) -> dict[str, Any]:
    """A well-formed classification."""

    def said(value: str) -> dict[str, Any]:
        return {"value": value, "probability": probability, "reason": "it says so"}

    return {
        "kind": said(kind),
        "style": said(style),
        "theme": said("unsaid"),
        "maturity": said("general"),
        "keywords": list(keywords),
        "text": text,
    }


@contextlib.contextmanager
def serving(*replies: dict[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """(address, the requests that came) of a server that sends ``replies`` in turn, the last one ever again."""
    asked: list[dict[str, Any]] = []
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append({"path": self.path, "headers": dict(self.headers), "body": json.loads(body)})
            reply = replies[min(len(asked), len(replies)) - 1]
            over.wait(reply.get("delay", 0))
            with contextlib.suppress(OSError):
                self.send_response(reply.get("status", 200))
                headers = {"Content-Length": str(len(reply.get("body", b""))), **reply.get("headers", {})}
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self._send(reply)

        def _send(self, reply: dict[str, Any]) -> None:
            if "drip" not in reply:
                self.wfile.write(reply.get("body", b""))
                return
            end = time.monotonic() + 20
            while time.monotonic() < end and not over.wait(reply["drip"]):
                self.wfile.write(b" ")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()
