"""A language model with OpenAI's chat interface, asked one question. Its answer is data: bounded, parsed strictly, no more.

The standard library's client, without redirects and proxies: a key goes to the address that was named, or nowhere.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import SplitResult, urlsplit

from imajin_cli.asking.options import AskingParams
from imajin_cli.config.layers import Settings
from imajin_cli.contract.errors import MissingError, UsageError

KEY_VARIABLE = "IMAJIN_LLM_KEY"
MOST_BYTES = 256 * 1024
MOST_TOKENS = 2000
_PIECE = 16 * 1024
_FENCED = re.compile(r"\A\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)


@dataclass(frozen=True)
class LanguageModel:
    """A model that is asked at an address. ``place`` names it without anything secret."""

    params: AskingParams
    place: str

    @property
    def name(self) -> str:
        """How results name it."""
        return f"language model {self.params.llm_model} at {self.place}"

    def ask(self, task: str, question: dict[str, Any]) -> dict[str, Any]:
        """The JSON object that the model answers with. ``task`` is ours, ``question`` holds the user's words as data.

        Raises MissingError where there is no answer in time, or one that is too large, no JSON, or no object.
        """
        return self._object(self._said(task, question))

    def fail(self, why: str) -> NoReturn:
        """Raise the MissingError that names the model and what is wrong with it."""
        raise MissingError(f"the {self.name} {why}", hint="without --llm the embedded heads do it")

    def _said(self, task: str, question: dict[str, Any]) -> str:
        """What it says. Raises MissingError."""
        body = json.dumps(
            {
                "model": self.params.llm_model,
                "temperature": 0,
                "max_tokens": MOST_TOKENS,
                "stream": False,
                "messages": [
                    {"role": "system", "content": task},
                    {"role": "user", "content": json.dumps(question, ensure_ascii=False)},
                ],
            },
            ensure_ascii=False,
        ).encode("utf-8", "replace")
        return self._content(self._posted(body))

    def _posted(self, body: bytes) -> bytes:
        address = parsed(self.params.llm or "")
        connection = _connection(address, self.params.llm_timeout)
        end = time.monotonic() + self.params.llm_timeout
        watch: threading.Timer | None = None
        try:
            connection.connect()
            # A socket's time-out is for one read; a server that sends a byte now and then would be waited for for ever.
            watch = threading.Timer(max(0.0, end - time.monotonic()), _shut, (connection.sock,))
            watch.daemon = True
            watch.start()
            connection.request("POST", _path(address), body, _headers())
            response = connection.getresponse()
            if response.status != http.HTTPStatus.OK:
                self.fail(f"answered with HTTP {response.status}")
            return self._read(response, end)
        except (OSError, http.client.HTTPException) as error:
            if time.monotonic() >= end or isinstance(error, TimeoutError):
                self.fail(f"did not answer within {self.params.llm_timeout:g} s")
            self.fail(f"cannot be reached: {getattr(error, 'strerror', None) or type(error).__name__}")
        finally:
            if watch is not None:
                watch.cancel()
            connection.close()

    def _read(self, response: http.client.HTTPResponse, end: float) -> bytes:
        data = bytearray()
        while piece := response.read(_PIECE):
            data += piece
            if len(data) > MOST_BYTES:
                self.fail(f"answered with more than {MOST_BYTES // 1024} KiB")
        if response.length:
            if time.monotonic() >= end:
                self.fail(f"did not answer within {self.params.llm_timeout:g} s")
            self.fail("ended in the middle of its answer")
        return bytes(data)

    def _content(self, data: bytes) -> str:
        document = self._json(data, "answered with something that is no JSON")
        try:
            content = document["choices"][0]["message"]["content"]
        except (TypeError, KeyError, IndexError):
            content = None
        if not isinstance(content, str):
            self.fail("answered without a message")
        return content

    def _object(self, content: str) -> dict[str, Any]:
        fenced = _FENCED.match(content)
        found = self._json(
            (fenced[1] if fenced else content).encode("utf-8", "replace"), "wrote something that is no JSON"
        )
        if not isinstance(found, dict):
            self.fail("wrote JSON that is no object")
        return found

    def _json(self, data: bytes, why: str) -> Any:
        try:
            return json.loads(data, parse_constant=_refuse)
        except (ValueError, RecursionError):
            self.fail(why)


def language_model(params: AskingParams, settings: Settings) -> LanguageModel | None:
    """The model that ``params`` name, None where they name none: at an address, in a folder, or of the catalogue.

    Raises UsageError for none of these, and what `local_model` raises.
    """
    if params.llm is None:
        return None
    if "://" not in params.llm:
        from imajin_cli.asking.local import local_model

        return local_model(params, settings)
    address = parsed(params.llm)
    return LanguageModel(params, f"{address.hostname}{f':{address.port}' if address.port else ''}")


def parsed(url: str) -> SplitResult:
    """The parts of an http or https address. Raises UsageError for anything else, and for one that holds a password."""
    try:
        found = urlsplit(url.strip())
        usable = found.scheme in ("http", "https") and bool(found.hostname) and (found.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or any(char.isspace() or not char.isprintable() for char in url.strip()):
        raise UsageError("--llm: not an http or https address", hint="such as http://localhost:8080/v1")
    if found.username or found.password:
        raise UsageError("--llm: an address holds no password", hint=f"put the key into ${KEY_VARIABLE}")
    return found


def _path(address: SplitResult) -> str:
    path = address.path.rstrip("/")
    path = path if path.endswith("/chat/completions") else f"{path}/chat/completions"
    return f"{path}?{address.query}" if address.query else path


def _headers() -> dict[str, str]:
    headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "imajin"}
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if key:
        if not key.isascii() or not key.isprintable():
            raise UsageError(f"${KEY_VARIABLE} holds characters that no key has")
        headers["Authorization"] = f"Bearer {key}"
    return headers


def _connection(address: SplitResult, seconds: float) -> http.client.HTTPConnection:
    host = address.hostname or ""
    if address.scheme == "https":
        return http.client.HTTPSConnection(host, address.port, timeout=seconds, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, address.port, timeout=seconds)


def _shut(sock: socket.socket) -> None:
    """End a connection: whoever reads from it gets what there is, and then nothing."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
