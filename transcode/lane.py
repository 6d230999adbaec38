"""A lane does one rendition's work: in the caller's own thread, or in one of its own where they run side by side."""

import queue
import threading
from collections.abc import Callable
from typing import Protocol

Task = Callable[[], None]


class Lane(Protocol):
    """Runs tasks in order."""

    def put(self, task: Task) -> None:
        """Run ``task`` after those before it."""
        ...

    def close(self) -> None:
        """Return when all tasks are done."""
        ...


class Inline:
    """Runs each task at once: exact and repeatable, for tests and offline work."""

    def put(self, task: Task) -> None:
        """Run it."""
        task()

    def close(self) -> None:
        """There is nothing left to do."""


class Threaded:
    """Runs tasks in a thread of its own, where PyAV frees the GIL.

    At most ``_MOST`` wait: then ``put`` waits too, so that a slow encoder slows its feeder instead of filling memory.
    A task that raises ends the process by ``failed``: half a room is no room, and its parent starts another.
    """

    _MOST = 8

    def __init__(self, name: str, failed: Callable[[BaseException], None]) -> None:
        self._tasks: queue.Queue[Task | None] = queue.Queue(self._MOST)
        self._failed = failed
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, task: Task) -> None:
        """Queue it."""
        self._tasks.put(task)

    def close(self) -> None:
        """Wait for all that is queued."""
        self._tasks.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                task()
            except BaseException as error:
                self._failed(error)
                return
