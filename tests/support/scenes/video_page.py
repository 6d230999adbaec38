"""A page with a video that plays, text over it now and then, and a chat beside it.

What Chromium draws is taken twice, over a black and over a white video: so it is known how much of the video shows
through each pixel, and the video's frames are put there.
"""

import numpy as np

from tests.support.scenes.chrome import Chrome, Sheet, marked
from tests.support.scenes.footage import Footage
from tests.support.scenes.look import look
from tests.support.scenes.scene import RATE, Image, Label
from tests.support.scenes.sight import all_spotted
from tests.support.scenes.take import Take

_LENGTH = 16 * RATE
_EVERY = (RATE, 5 * RATE // 2)  # frames from one change of the page to the next
_VIDEO = (40, 80, 840, 530)  # in pixels of the picture: whole ones of the page, at zoom 1 and 1.25
_GROUND = "(colour) => { document.getElementById('video').style.background = colour; }"
_CAPTION = "(html) => { document.getElementById('caption').innerHTML = html; }"
_SAY = """(html) => {
  const list = document.getElementById("chat"), line = document.createElement("p");
  line.innerHTML = html;
  list.prepend(line);
}"""


def make(take: Take) -> None:
    """Play a video, and change the caption or the chat every 1 to 2.5 s."""
    rng = take.rng
    left, top, right, bottom = _VIDEO
    footage = Footage(rng, right - left, bottom - top, webcam=rng.random() < 0.5)
    with Chrome(take.folder, subpixel=take.dark) as chrome:
        chosen = look(rng, take.dark, rng.choice((1.0, 1.25)))
        sheet = chrome.sheet(chosen.zoom)
        sheet.show(f"{chosen.style}</head><body>{_page(take, chosen.zoom)}")
        while take.film.frames < _LENGTH:
            if rng.random() < 0.6:
                sheet.page.evaluate(_CAPTION, rng.choice(("", take.prose.sentence(), _secret(take), _secret(take))))
            else:
                said = take.prose.sentence() if rng.random() < 0.4 else _secret(take)
                sheet.page.evaluate(_SAY, f"<b>{take.prose.first_name()}</b> {said}")
            _play(take, sheet, footage)
        sheet.close()


def _play(take: Take, sheet: Sheet, footage: Footage) -> None:
    black, through, labels = _taken(take, sheet)
    left, top, right, bottom = _VIDEO
    over = black[top:bottom, left:right].astype(np.uint16)
    for _ in range(min(take.rng.randrange(*_EVERY), _LENGTH - take.film.frames)):
        frame = take.film.frames
        video = footage.sensed(footage.view(frame), frame)
        image = black.copy()
        image[top:bottom, left:right] = np.minimum(over + (video.astype(np.uint16) * through + 127) // 255, 255)
        take.film.add(image, labels)


def _taken(
    take: Take, sheet: Sheet
) -> tuple[Image, "np.ndarray[tuple[int, ...], np.dtype[np.uint16]]", tuple[Label, ...]]:
    """Return the page over a black video, how much of the video (0 to 255) shows through, and what can be read."""
    image, spots = sheet.taken()
    sheet.page.evaluate(_GROUND, "white")
    white = sheet.part(_VIDEO)
    sheet.page.evaluate(_GROUND, "black")
    left, top, right, bottom = _VIDEO
    through = np.maximum(white.astype(np.int16) - image[top:bottom, left:right], 0).astype(np.uint16)
    return image, through, all_spotted(take.vault, spots)


def _secret(take: Take) -> str:
    category = take.rng.choice(("email", "phone", "card-number", "iban", "password", "key"))
    words = {
        "email": "Write to",
        "phone": "Call",
        "card-number": "Card",
        "iban": "IBAN",
        "password": "Password:",
        "key": "",
    }[category]
    return f"{words} {marked(take.vault.take(category))}"


def _page(take: Take, zoom: float) -> str:
    prose = take.prose
    left, top, right, bottom = (side / zoom for side in _VIDEO)
    chat = "".join(f"<p><b>{prose.first_name()}</b> {prose.sentence()}</p>" for _ in range(12))
    ground = take.rng.choice(("rgba(0,0,0,.6)", "rgba(0,0,0,.75)", "black"))
    return f"""<div class="bar"><b>{prose.module().title()} TV</b><span>Live</span><span>Following</span></div>
    <div id="video" style="position:absolute;background:black;left:{left}px;top:{top}px;width:{right - left}px;
    height:{bottom - top}px"><div id="caption" style="position:absolute;bottom:8%;left:6%;color:white;font-size:1.3em;
    white-space:nowrap;background:{ground};padding:0 8px"></div></div>
    <div style="position:absolute;left:{left}px;top:{bottom}px;width:{right - left}px"><h1>{prose.title()}</h1>
    <p class="dim">{prose.number(20, 9000)} viewers, since {prose.time()}, {prose.date()}</p>
    <p>{prose.paragraph(3)}</p></div>
    <div id="chat" class="side" style="position:absolute;left:{right + 16}px;top:{top - 20}px;right:0;bottom:0">
    {chat}</div>"""
