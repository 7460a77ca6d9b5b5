"""What a command has read and written so far: enough to begin it again after a crash as if nothing had happened.

Stages find finished work again and give the same bytes for the same input. So a command whose process died is begun
once more with the input that it had read, and what it had written is left out of its second output, once that has turned
out to be the same. It is not begun again where nobody knows how much was written (it died in the middle of a write), where
it had read more than is kept, or where it was told to do finished work anew.
"""

from __future__ import annotations

import hashlib
from typing import Any

from imajin_cli.contract.errors import BackendError

MOST_READ = 256 << 10
"""Bytes of standard input that are kept of a command: names, not pictures."""
_ANEW = "--force"


class Past:
    """A command's streams, as the supervisor hears of them."""

    def __init__(self) -> None:
        self._read = b""
        self._much = False
        self._writing = False
        self._wrote = 0
        self._digest = ""

    def hear(self, message: dict[str, Any]) -> None:
        """What a model process says of its command's streams."""
        if "read" in message:
            self._read += message["read"].encode("latin-1")
            self._much = self._much or len(self._read) > MOST_READ
            if self._much:
                self._read = b""
        elif "writes" in message:
            self._writing = True
        elif "wrote" in message:
            self._writing, self._wrote, self._digest = False, message["wrote"], message["digest"]

    @property
    def is_untouched(self) -> bool:
        """Whether the command has neither read nor written."""
        return not (self._read or self._much or self._writing or self._wrote)

    def may_be_repeated(self, argv: list[str]) -> bool:
        """Whether the command can be begun again, and nobody sees that it was."""
        return self.is_untouched or not (self._much or self._writing or _ANEW in argv)

    def told(self) -> dict[str, Any] | None:
        """What the next process is to know, None where there is nothing."""
        if self.is_untouched:
            return None
        return {"read": self._read.decode("latin-1"), "wrote": self._wrote, "digest": self._digest}


class Again:
    """The same in the process that does the command once more."""

    def __init__(self, told: dict[str, Any] | None) -> None:
        told = told or {"read": "", "wrote": 0, "digest": ""}
        self._input: bytes = told["read"].encode("latin-1")
        self._left: int = told["wrote"]
        self._digest: str = told["digest"]
        self._written = hashlib.sha256()
        self.wrote = 0

    def take(self, size: int) -> bytes:
        """What was read before, ``size`` bytes of it at most; nothing where all was taken."""
        data, self._input = self._input[:size], self._input[size:]
        return data

    def skips(self, size: int) -> int:
        """How many of the next ``size`` bytes of output are there already."""
        return min(size, self._left)

    def skip(self, data: bytes) -> None:
        """Leave out what is there already. Raises BackendError where it is something else."""
        self.written(data)
        self._left -= len(data)
        if not self._left and self._written.hexdigest() != self._digest:
            raise BackendError("its process crashed, and when it was done once more other results came of it")

    def written(self, data: bytes) -> dict[str, Any]:
        """Count bytes of output; the message that tells of them."""
        self._written.update(data)
        self.wrote += len(data)
        return {"wrote": self.wrote, "digest": self._written.hexdigest()}
