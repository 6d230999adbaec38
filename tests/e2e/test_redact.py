"""Secrets that a real host shows never reach a viewer: each published picture is decoded, and has them covered.

The clip is a page on which a card's number comes and goes; a square beside it tells whether it is there.
"""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from filters.reading.rapid import RapidReader
from tests.support import ffmpeg
from tests.support.harvest import Harvest
from tests.support.processes import until
from tests.support.server import RunningServer

WIDTH, HEIGHT, RATE = 854, 480, 30
NUMBER, PLAIN = "4111 1111 1111 1111", "Order 2041 leaves on Tuesday with the early train."
CARD = (60, 200, 420, 250)  # left, top, right, bottom: what holds the number
TEXT = (60, 100, 700, 140)
SQUARE = (760, 400, 820, 460)
SHOWN = range(75, 165)
"""Pictures of the clip's 240 that show the number."""
_FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"


def drawn(shown: bool) -> Image.Image:
    """Return the page with or without the number."""
    page = Image.new("RGB", (WIDTH, HEIGHT), (246, 246, 246))
    draw = ImageDraw.Draw(page)
    draw.text(TEXT[:2], PLAIN, font=ImageFont.truetype(_FONT, 22), fill=(30, 30, 30))
    if shown:
        draw.text((CARD[0] + 8, CARD[1] + 10), NUMBER, font=ImageFont.truetype(_FONT, 26), fill=(30, 30, 30))
        draw.rectangle(SQUARE, fill=(20, 20, 20))
    return page


def make_page(path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.gop_size = RATE
        stream.options = {"preset": "veryfast", "x264-params": "bframes=0:scenecut=0"}
        pages = [np.asarray(drawn(shown)) for shown in (False, True)]
        for number in range(240):
            frame = av.VideoFrame.from_ndarray(pages[number in SHOWN], "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.fixture(scope="session")
def page(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    return once("page.mp4", make_page)


def test_a_number_that_a_host_shows_is_covered_in_each_picture_and_nothing_else_is(
    server: RunningServer, page: Path
) -> None:
    server.room("demo", "480p", filters=["redact-text"])
    with ffmpeg.publish_file(server.publish_url("demo"), page, server.folder / "host.log"):
        with Harvest(server.playable("demo")) as harvest:
            server.wait_for("demo", state="live")
            until(
                lambda: server.client.show("demo")["moderation"]["findings"].get("card-number", 0) >= 2, "the card", 60
            )
            server.wait_for("demo", state="live")
            until(lambda: len(harvest.reaped["480p"].parts) > 60, "the pictures", 30)
        room = server.client.show("demo")
    reader = RapidReader()
    shown = plain = 0
    before = False
    for _, _, luma in harvest.frames("480p"):
        if luma[TEXT[1] : TEXT[3], TEXT[0] : TEXT[2]].mean() < 150:
            continue  # the slate
        there = bool(luma[SQUARE[1] + 8 : SQUARE[3] - 8, SQUARE[0] + 8 : SQUARE[2] - 8].mean() < 80)
        part = np.ascontiguousarray(luma[CARD[1] : CARD[3], CARD[0] : CARD[2]])
        if there:
            shown += 1
            ink = part[14:36, 14:290]
            assert float((np.abs(ink.astype(int) - 32) < 16).mean()) > 0.97, "the number is covered"
            if not before:
                assert not any(map(str.isdigit, reader.read(part).text)), "it cannot be read"
        elif not before:
            plain += part.mean() > 200
        before = there
        assert luma[TEXT[1] : TEXT[3], TEXT[0] : TEXT[2]].std() > 25, "the rest is shown"
    assert shown >= 60
    assert plain >= 30, "what holds nothing is not covered"
    assert room["moderation"]["broken_promises"] == 0
    told = (server.data / "moderation.jsonl").read_text() + (server.folder / "server.log").read_text()
    assert "card-number" in told
    assert "4111" not in told, "numbers are in no log"
