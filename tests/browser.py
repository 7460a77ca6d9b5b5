"""Chromium without a window, driven through its debugging pipe: real keys, its console, and everything that it asks for."""

from __future__ import annotations

import fcntl
import json
import os
import select
import subprocess
import time
from pathlib import Path
from typing import Any

CODES = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowDown": 40, "ArrowUp": 38, "Home": 36, "End": 35}


class Browser:
    """One Chromium with one page. ``faults`` lists what its console complained of, ``asked`` every address it asked for."""

    def __init__(self, folder: Path) -> None:
        ours, self._out = (fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in os.pipe())
        self._in, theirs = (fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in os.pipe())
        flags = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe")
        script = f'exec "$@" 3<&{ours} 4>&{theirs}'
        self.process = subprocess.Popen(
            ["bash", "-c", script, "bash", "chromium", *flags, f"--user-data-dir={folder}", "about:blank"],
            pass_fds=(ours, theirs), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(ours)
        os.close(theirs)
        self._rest, self._last, self._session = b"", 0, ""
        self.events: list[dict[str, Any]] = []
        self._target = ""

    def send(self, method: str, **params: Any) -> Any:
        """Call ``method`` and give what it returns."""
        self._last += 1
        call: dict[str, Any] = {"id": self._last, "method": method, "params": params}
        if self._session and not method.startswith(("Target.", "Browser.")):
            call["sessionId"] = self._session
        os.write(self._out, json.dumps(call).encode() + b"\0")
        while True:
            answer = self._message(30)
            if answer.get("id") == self._last:
                assert "error" not in answer, (method, answer)
                return answer["result"]
            self.events.append(answer)

    def _message(self, seconds: float) -> dict[str, Any]:
        limit = time.monotonic() + seconds
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(0.0, limit - time.monotonic()))
            assert ready, "Chromium does not answer"
            more = os.read(self._in, 1 << 20)
            assert more, "Chromium has ended"
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(line)
        return found

    def open(self, page: Path, width: int = 1280, height: int = 900, **media: str) -> None:
        """Load a page at a size, with media features such as prefers_color_scheme="dark"."""
        # A page of its own each time: nothing of the last one asks whether it may be left.
        if self._target:
            self.send("Target.closeTarget", targetId=self._target)
        self._target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=self._target, flatten=True)["sessionId"]
        for part in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{part}.enable")
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        self.send("Emulation.setEmulatedMedia", features=features)
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.events.clear()
        self.send("Page.navigate", url=page.resolve().as_uri())
        self.until("document.readyState === 'complete'")

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        found = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, expression: str, seconds: float = 30) -> None:
        """Wait until an expression is true."""
        limit = time.monotonic() + seconds
        while not self.run(expression):
            assert time.monotonic() < limit, expression
            time.sleep(0.05)

    def press(self, *keys: str) -> None:
        """Press keys one after another, as a keyboard does."""
        for key in keys:
            known = {"key": key, "code": key, "windowsVirtualKeyCode": CODES.get(key, 0)}
            text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
            self.send("Input.dispatchKeyEvent", type="keyDown", **known, **text)
            self.send("Input.dispatchKeyEvent", type="keyUp", **known)

    def faults(self) -> list[str]:
        """What the console complained of since the page was opened."""
        self.run("1")
        kinds = ("Runtime.exceptionThrown", "Log.entryAdded", "Page.javascriptDialogOpening")
        logged = [event for event in self.events if event.get("method") == "Runtime.consoleAPICalled"]
        bad = [event for event in logged if event["params"]["type"] in ("error", "warning", "assert")]
        return [json.dumps(event)[:600] for event in self.events if event.get("method") in kinds] + [
            json.dumps(b)[:600] for b in bad
        ]

    def asked(self) -> set[str]:
        """The addresses that the page asked for since it was opened, without what is inside it."""
        self.run("1")
        sent = [
            event["params"]["request"]["url"]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        ]
        return {url for url in sent if not url.startswith(("data:", "blob:", "about:"))}

    def close(self) -> None:
        """End Chromium."""
        try:
            self.send("Browser.close")
        except (AssertionError, OSError):
            self.process.kill()
        self.process.wait(30)
        os.close(self._out)
        os.close(self._in)
