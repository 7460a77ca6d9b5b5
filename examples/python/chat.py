"""A chat's answer, told as it comes about: ``python chat.py "a rocket" OUT``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from imajin_cli import Event, Request, Result, make


def told(event: Event) -> Iterator[str]:
    """What a chat would show of an event; most events it would not."""
    if event.event == "candidate":
        yield f"drew candidate {event.index + 1} of {event.of} ({event.width} × {event.height})"
    elif event.event == "record" and event.record.status == "rejected":
        yield f"{event.record.stage} rejects it: {event.record.reason}"
    elif event.event == "asset":
        yield f"here it is: {event.path}"
    elif event.event == "finished":
        yield event.meaning


def answer(prompt: str, out: Path) -> Result:
    """Make two candidates, keep the better one, and say what happens meanwhile."""

    def say(event: Event) -> None:
        for line in told(event):
            print(line)

    return make(Request(prompt=prompt, size=["256x256"], count=2), best=1, out=out, on_event=say)


if __name__ == "__main__":
    sys.exit(int(answer(sys.argv[1], Path(sys.argv[2])).code))
