"""What keeps a child at its work: how another one is put in its place on purpose. The rest is in test_process."""

import asyncio
import sys
from collections.abc import Callable

import pytest

from tests.support import toy_worker
from transcode.supervisor import Limits, Supervisor, Unfit
from transcode.wire import Message, Pong

PATIENCE = 20.0
NEVER = 1000.0  # seconds


def limits(backoff: float = 0.02) -> Limits:
    return Limits(ping=0.05, start=PATIENCE, silence=PATIENCE, backoff=backoff, longest_backoff=2 * backoff)


class Stage:
    """A supervisor, and a role that writes down what it hears."""

    def __init__(self, backoff: float = 0.02) -> None:
        self.greetings: list[int | None] = []
        self.heard: list[Message] = []
        self.deaths = 0
        self.notes: list[str] = []
        self.remarks: list[str] = []
        self.unfit = False
        command = (sys.executable, toy_worker.__file__)
        self.child = Supervisor("toy", command, self, self.notes.append, limits(backoff))

    def greeted(self) -> None:
        self.greetings.append(self.child.pid)

    def took(self, message: Message) -> bool:
        self.heard.append(message)
        if self.unfit:
            raise Unfit("is not wanted")
        return False

    def gone(self) -> None:
        self.deaths += 1

    def remark(self) -> str:
        return self.remarks.pop(0) if self.remarks else ""

    async def until(self, condition: Callable[[], object], what: str) -> None:
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while not condition():
            assert asyncio.get_running_loop().time() < deadline, f"waited {PATIENCE:g} s for {what}"
            await asyncio.sleep(0.005)

    async def __aenter__(self) -> "Stage":
        self.child.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.child.close()
        assert self.child.pid is None


async def test_a_child_that_is_to_begin_anew_is_replaced_at_once_and_nothing_is_noted() -> None:
    async with Stage(backoff=NEVER) as stage:
        await stage.until(lambda: len(stage.greetings) == 1, "a child")
        stage.child.renew()
        await stage.until(lambda: len(stage.greetings) == 2, "another child")
        assert stage.greetings[0] != stage.greetings[1]
        assert (stage.deaths, stage.child.restarts, stage.notes) == (1, 0, [])


async def test_what_the_child_before_says_is_not_heard_once_it_is_to_begin_anew() -> None:
    async with Stage() as stage:
        await stage.until(lambda: stage.heard, "a message")
        stage.child.renew()
        assert not stage.child.listening
        said = len(stage.heard)
        assert stage.child._writer is not None
        assert not stage.child._done(Pong(0, 0.0), stage.child._writer)
        assert len(stage.heard) == said
        await stage.until(lambda: len(stage.greetings) == 2 and stage.child.listening, "another child")


async def test_one_that_is_waited_for_after_a_failure_comes_at_once_and_failures_are_forgotten() -> None:
    async with Stage(backoff=NEVER) as stage:
        await stage.until(lambda: stage.heard, "a message")
        stage.unfit = True
        await stage.until(lambda: len(stage.notes) == 2, "two failures")
        assert "in 1000 s" in stage.notes[1]
        stage.unfit = False
        stage.child.renew()
        await stage.until(lambda: stage.child.listening, "another child")
        stage.unfit = True
        await stage.until(lambda: len(stage.notes) == 3, "another failure")
        assert stage.notes[2] == "The toy is not wanted; another takes over."


async def test_to_begin_anew_twice_is_to_begin_anew() -> None:
    async with Stage() as stage:
        await stage.until(lambda: stage.child.listening, "a child")
        stage.child.renew()
        stage.child.renew()
        await stage.until(lambda: len(stage.greetings) == 2 and stage.child.listening, "another child")
        assert stage.notes == []


async def test_one_that_is_closed_while_it_begins_anew_is_gone() -> None:
    async with Stage() as stage:
        await stage.until(lambda: stage.child.listening, "a child")
        stage.child.renew()
        await asyncio.sleep(0)


@pytest.mark.parametrize(("remark", "note"), [("", "over."), (", without its supper", "over, without its supper.")])
async def test_what_its_role_remarks_on_a_failure_ends_the_note(remark: str, note: str) -> None:
    async with Stage() as stage:
        stage.remarks.append(remark)
        stage.unfit = True
        await stage.until(lambda: stage.notes, "a note")
        assert stage.notes[0].endswith(f"another takes {note}")
