"""The processes under the supervisor: templates, and the model processes that are forked from them."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
from collections.abc import Callable
from typing import Any

from imajin_cli.worker import launch
from imajin_cli.worker.channel import Channel
from imajin_cli.worker.pool import Process

Native = tuple[tuple[str, str], ...]


class Template:
    """One template process: its channel, and which of the model processes came of it."""

    channel: Channel

    def __init__(self, native: Native, process: subprocess.Popen[bytes]) -> None:
        self.native = native
        self.process = process
        self.retired = False
        self.forked = False
        self.asked: dict[int, Process] = {}
        self.by_pid: dict[int, Process] = {}


class Line:
    """What ties a process to the supervisor: its channel, its template, how it ended, and when it is to be killed."""

    channel: Channel

    def __init__(self, template: Template) -> None:
        self.template = template
        self.status: int | None = None
        self.kill_at: float | None = None
        self.pending: list[int] = []


class Crew:
    """Starts and ends processes. ``said`` is called with what a model process says, ``died`` with one that is gone."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        said: Callable[[Process, dict[str, Any]], None],
        died: Callable[[Process], None],
    ) -> None:
        self._selector = selector
        self._said = said
        self._died = died
        self._templates: dict[Native, Template] = {}
        self._retired: list[Template] = []
        self._tokens = 0
        self.broken: set[Native] = set()

    def hire(self, native: Native) -> Process:
        """A new model process; it may be given its job at once. Raises OSError."""
        template = self._templates.get(native)
        if template is None:
            template = self._templates[native] = self._template(native)
        ours, theirs = socket.socketpair()
        process = Process(native=native, line=Line(template))
        process.line.channel = Channel(
            ours, self._selector, lambda message: self._said(process, message), lambda: self._hung_up(process)
        )
        self._tokens += 1
        template.asked[self._tokens] = process
        with theirs:
            template.channel.put({"fork": self._tokens}, (theirs.fileno(),))
        return process

    def _template(self, native: Native) -> Template:
        ours, theirs = socket.socketpair()
        environ = {name: value for name, value in launch.environment().items() if not launch.is_native(name)}
        environ.update(native)
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - this interpreter and our own module
                launch.command("template", str(theirs.fileno()), str(os.getpid())),
                env=launch.with_our_package(environ), pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
            )  # fmt: skip
        template = Template(native, process)
        template.channel = Channel(
            ours, self._selector, lambda message: self._told(template, message), lambda: self._lost(template)
        )
        return template

    def _told(self, template: Template, message: dict[str, Any]) -> None:
        """A template's message: a child is there, or gone."""
        if "forked" in message:
            template.forked = True
            process = template.asked.pop(message["forked"])
            process.pid = message["pid"]
            template.by_pid[message["pid"]] = process
            for number in process.line.pending:
                self.signal(process, number)
        elif "died" in message:
            process = template.by_pid.pop(message["died"])
            process.line.status = message["status"]
            self._gone(process)

    def _hung_up(self, process: Process) -> None:
        if process.line.template.channel.closed:
            process.line.status = -signal.SIGKILL if process.line.status is None else process.line.status
        self._gone(process)

    def _gone(self, process: Process) -> None:
        """A process is gone once its channel has ended and its status is known, in whichever order."""
        line = process.line
        if line.channel.closed and line.status is not None:
            self._died(process)
            template = line.template
            if template.retired and not template.by_pid and not template.asked:
                template.channel.close()
                self._retired.remove(template)

    def _lost(self, template: Template) -> None:
        """A template has ended, and the kernel ends what came of it."""
        if self._templates.get(template.native) is template:
            del self._templates[template.native]
        if not template.forked:
            self.broken.add(template.native)
        template.process.kill()
        template.process.wait()
        for process in [*template.asked.values(), *template.by_pid.values()]:
            process.line.status = -signal.SIGKILL
            process.line.channel.close()
            self._gone(process)

    def retire(self, template: Template) -> None:
        """No more processes of this template, whose code has changed on disk."""
        if not template.retired:
            template.retired = True
            self._retired.append(template)
            if self._templates.get(template.native) is template:
                del self._templates[template.native]

    def signal(self, process: Process, number: int) -> None:
        """Send a signal to a process, through the template whose child it is: so it never reaches another by that number."""
        if process.pid is None:
            process.line.pending.append(number)
        else:
            process.line.template.channel.put({"kill": process.pid, "signal": int(number)})

    def dismiss(self, process: Process) -> None:
        """End a process that has nothing to do."""
        process.line.channel.close()
        self._gone(process)

    def close(self) -> None:
        """End every process: their parents go, and the kernel takes the children along."""
        for template in [*self._templates.values(), *self._retired]:
            template.process.kill()
            template.process.wait()
