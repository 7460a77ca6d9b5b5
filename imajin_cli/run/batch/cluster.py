"""Jobs on a Ray cluster: the same jobs by actors, each of which loads its models once, wherever Ray puts it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from imajin_cli.contract.errors import MissingError, UsageError
from imajin_cli.contract.exits import Exit
from imajin_cli.run.batch.journal import Done
from imajin_cli.run.batch.local import GLANCE_SECONDS, GRACE_SECONDS
from imajin_cli.run.batch.schedule import Schedule, Task
from imajin_cli.run.batch.work import job_of_message, perform_all
from imajin_cli.run.pipe import to_ourselves

# How often the cluster's size is looked at.
LOOK_SECONDS = 2.0


class Doer:
    """An actor: does one job after another in the folder that the batch was started in, which all nodes must share."""

    def __init__(self, folder: str, settings: dict[str, str]) -> None:
        os.chdir(folder)
        for name in [name for name in os.environ if name.startswith("IMAJIN_")]:
            del os.environ[name]
        os.environ.update(settings)

    def ready(self) -> bool:
        """Answers once the actor has a place."""
        return True

    def do(self, told: list[dict[str, Any]], force: bool) -> list[dict[str, Any]]:
        """Do jobs that go together; what became of each, in their order."""
        ended = dict(perform_all([job_of_message(job) for job in told], force=force))
        return [asdict(ended[place]) for place in range(len(told))]


@dataclass
class Cluster:
    """The engine: an actor for each core of the cluster, at most ``count``, each with one job in hand, or a few that go together.

    An actor whose node or process is lost takes its job with it: that is given to another, as after a crash, and a new actor
    is started where the cluster has room. What a lost node had published counts: publishing is whole or not at all.
    """

    address: str | None
    count: int | None
    force: bool = False
    _ray: Any = None
    _ours: bool = False
    _looked: float = float("-inf")
    _aside: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _starting: dict[Any, Any] = field(default_factory=dict)
    _idle: list[Any] = field(default_factory=list)
    _busy: dict[Any, tuple[Any, list[Task]]] = field(default_factory=dict)

    def __enter__(self) -> Cluster:
        try:
            import ray
        except ImportError:
            raise MissingError("Ray is not installed", hint='pip install "imajin[ray]"') from None
        self._ray = ray
        # What Ray says of a node that is lost must not stand between paths.
        self._aside.enter_context(to_ourselves())
        if not ray.is_initialized():
            self._ours = True
            address = self.address or os.environ.get("RAY_ADDRESS")
            try:
                ray.init(address=address, log_to_driver=False, logging_level="ERROR")
            except (ConnectionError, ValueError) as error:
                self._aside.close()
                raise UsageError(f"the Ray cluster cannot be reached: {str(error).splitlines()[0][:200]}") from None
        return self

    def __exit__(self, *_: object) -> None:
        for actor in self._actors():
            with contextlib.suppress(Exception):
                self._ray.kill(actor)
        if self._ours:
            self._ray.shutdown()
        self._aside.close()

    def run(self, schedule: Schedule, stopping: Callable[[], bool]) -> Iterator[tuple[Task, Done]]:
        """Every task and what became of it, as they end. See `Engine`."""
        deadline: float | None = None
        while deadline is None or time.monotonic() < deadline:
            if deadline is None and stopping():
                deadline = time.monotonic() + GRACE_SECONDS
            if deadline is None:
                self._grow()
                self._hand_out(schedule)
            if not self._busy and (deadline is not None or schedule.empty):
                return
            for task, done in self._answers():
                if not schedule.failed(task, done, time.monotonic()):
                    yield task, done

    def _actors(self) -> list[Any]:
        return [*self._idle, *self._starting.values(), *(actor for actor, _ in self._busy.values())]

    def _grow(self) -> None:
        """Start an actor for each core that has none: nodes may come and go while the batch runs."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        cores = int(self._ray.cluster_resources().get("CPU", 0))
        settings = {name: value for name, value in os.environ.items() if name.startswith("IMAJIN_")}
        for _ in range(min(self.count or cores, cores) - len(self._actors())):
            actor = self._ray.remote(num_cpus=1)(Doer).remote(str(Path.cwd()), settings)
            self._starting[actor.ready.remote()] = actor

    def _hand_out(self, schedule: Schedule) -> None:
        while self._idle:
            few = schedule.next_few(time.monotonic(), max(1, len(self._actors())))
            if not few:
                return
            actor = self._idle.pop()
            self._busy[actor.do.remote([asdict(task.job) for task in few], self.force)] = (actor, few)

    def _answers(self) -> Iterator[tuple[Task, Done]]:
        waited_for = [*self._starting, *self._busy]
        if not waited_for:
            time.sleep(GLANCE_SECONDS)
            return
        for reference in self._ray.wait(waited_for, num_returns=1, timeout=GLANCE_SECONDS)[0]:
            actor, few = self._starting.pop(reference, None), list[Task]()
            if actor is None:
                actor, few = self._busy.pop(reference)
            try:
                answer = self._ray.get(reference)
            except self._ray.exceptions.RayError as error:
                with contextlib.suppress(Exception):
                    self._ray.kill(actor)
                for task in few:
                    yield task, _lost(error)
                continue
            self._idle.append(actor)
            for task, done in zip(few, answer if few else (), strict=True):
                yield task, Done.of(done)


def _lost(error: Exception) -> Done:
    said = f"the node or process that was at work on it is gone ({type(error).__name__})"
    return Done(code=int(Exit.ERROR), said=(said,), again=True)
