"""`veilcast demo`: a server, the room ``demo`` and a sample host, each as it would be in earnest.

The host is a child process that publishes a file over real RTMP on loopback. It gives way to any other host of the
room and comes back after it. While it is on air the room's page can show that file beside what viewers get of it; what
another host publishes is seen by nobody but through the room's filters. Nothing outlives the demo.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from platformdirs import user_cache_dir

from serve import network
from serve.client import Client, ClientError, Room, Target
from serve.config import Address, ServeConfig
from serve.run import settle
from serve.server import Server
from serve.site import Sample

ROOM = "demo"
FILTERS = ["bleep:words=abracadabra+pumpernickel,lists=none", "redact-text"]
"""Every 16 s the sample host says both words, and shows a payment card and an e-mail address."""
AGAIN = 1.0
"""Seconds until the sample host looks again whether it is to publish."""

_CLIP = "host-2.mp4"  # the number rises with what the clip shows, so that one from an earlier version is not used
_GRACE = 3.0  # seconds that a child has to end by itself


class DemoError(Exception):
    """The demo can't go on; the text says why and what to do."""


def sample_clip() -> Path:
    """Where the sample host's clip is, or will be made: in a clone's ``samples/media``, else in the user's cache."""
    root = Path(__file__).resolve().parent.parent
    if (root / "pyproject.toml").is_file() and os.access(root / "samples", os.W_OK):
        return root / "samples" / "media" / _CLIP
    return Path(user_cache_dir("veilcast", appauthor=False)) / _CLIP


def with_free_ports(config: ServeConfig, chosen: frozenset[str]) -> tuple[ServeConfig, list[str]]:
    """Let ports that are taken be any free ones, but for the options that the user has ``chosen`` himself.

    Returns also what to tell him about it.
    """
    notes = []
    for option, address in (("rtmp", config.rtmp), ("http", config.http)):
        if option not in chosen and not network.is_free(address):
            by = network.holder(address.port)
            notes.append(f"Port {address.port} is taken{f' by {by}' if by else ''}: taking a free one for {option}.")
            anywhere = Address(address.host, 0)
            config = replace(config, rtmp=anywhere) if option == "rtmp" else replace(config, http=anywhere)
    return config, notes


async def demo(
    config: ServeConfig,
    program: Sequence[str],
    clip: Path,
    ready: Callable[[Server, Room], Awaitable[None]],
    note: Callable[[str], None],
) -> None:
    """Run the demo for ever.

    ``program`` is the command line's own command, ``ready`` is called once when viewers can come, ``note`` with what
    is worth telling meanwhile. Raises StartError, ClientError, DemoError.
    """
    if not await asyncio.to_thread(clip.exists):
        note("Making the sample host's clip: once, it takes some seconds.")
        await _make(clip, program)
    sample = Sample(ROOM, clip)
    server = Server(config, sample)
    await server.start()
    settle()
    try:
        web = network.loopback(Address(config.http.host, urlsplit(server.url).port or 80))
        rtmp = network.loopback(Address(config.rtmp.host, urlsplit(server.rtmp_url).port or 1935))
        client = Client(Target(f"http://{web}", server.token, "of this demo"))
        room = await asyncio.to_thread(client.start, ROOM, {"title": "Demo", "filters": FILTERS}, True)
        host = asyncio.create_task(_publish(program, clip, f"rtmp://{rtmp}/live", client, sample))
        try:
            await ready(server, room)
            await host
        finally:
            host.cancel()
            with suppress(asyncio.CancelledError):
                await host
    finally:
        await server.close()


async def _publish(program: Sequence[str], clip: Path, url: str, client: Client, sample: Sample) -> None:
    """Be the room's host whenever it is open and has none.

    A host that takes the room over ends the child with that: what is said of ``sample`` is right but for a moment.
    """
    while True:
        with suppress(ClientError):  # the room may be gone for a while
            room = await asyncio.to_thread(client.show, ROOM)
            if room["state"] != "stopped" and not room.get("publisher"):
                sample.on_air = True
                try:
                    await _child(*program, "push", str(clip), f"{url}/{room['stream_key']}", "--loop")
                finally:
                    sample.on_air = False
        await asyncio.sleep(AGAIN)


async def _make(clip: Path, program: Sequence[str]) -> None:
    """Make the clip in a child, since the server's process never loads PyAV. The child says what went wrong."""
    if await _child(*program, "make-clip", str(clip)) != 0:
        raise DemoError(f"the sample clip {clip} could not be made: see above, and `veilcast doctor`")


async def _child(*command: str) -> int:
    """Run a child process to its end, or to ours; returns its exit status.

    It gets a session of its own, so that Ctrl-C reaches it through us alone, after it is known that it should end.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _GRACE)
            except TimeoutError:
                process.kill()
                await process.wait()
