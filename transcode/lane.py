"""A lane does one rendition's work: in the caller's thread, or side by side with the others in one of its own."""

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


class Crew:
    """The lanes of a room, which feed each other in the order they were made in.

    Together they work in the caller's thread: what one lane leaves in the processor's caches is there for the next, and
    nobody waits for a lock, which takes 4 to 5 % less CPU. Spread out, each works in a thread of its own, as PyAV frees
    the GIL, which is faster. A task that raises in a thread of its own is told to ``failed``.
    """

    def __init__(self, failed: Callable[[BaseException], None]) -> None:
        self.apart = False
        self._failed = failed
        self._lanes: list[_CrewLane] = []

    def lane(self, name: str) -> Lane:
        """Return a new lane, fed by the caller of ``spread`` and ``gather`` or by the lanes before it."""
        lane = _CrewLane(self, Thread(name, self._failed))
        self._lanes.append(lane)
        return lane

    def spread(self) -> None:
        """Work side by side from now on."""
        self.apart = True

    def gather(self) -> None:
        """Finish what was begun side by side, and work together from now on."""
        for lane in self._lanes:
            lane.settle()
        self.apart = False


class _CrewLane:
    def __init__(self, crew: Crew, thread: "Thread") -> None:
        self._crew = crew
        self._thread = thread

    def put(self, task: Task) -> None:
        if self._crew.apart:
            self._thread.put(task)
        else:
            task()

    def settle(self) -> None:
        self._thread.settle()

    def close(self) -> None:
        self._thread.close()


class Thread:
    """Runs tasks in order, in a thread of its own. A task that raises is told to ``failed``.

    At most ``most`` wait: then ``put`` waits too, so that a slow encoder slows its feeder instead of filling memory.
    (0: any number, where something else keeps to a limit.)
    """

    def __init__(self, name: str, failed: Callable[[BaseException], None], most: int = 8) -> None:
        self._tasks: queue.Queue[Task | None] = queue.Queue(most)
        self._failed = failed
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, task: Task) -> None:
        """Run ``task`` after those before it; waits if there are too many."""
        self._tasks.put(task)

    def settle(self) -> None:
        """Return when all that was put is done."""
        self._tasks.join()

    def close(self) -> None:
        """Return when all tasks are done; the thread ends."""
        self._tasks.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                task()
            except BaseException as error:
                self._failed(error)
            self._tasks.task_done()
