"""Long pages that are scrolled: fast, slowly, in jumps, with stops; what is beside and above them stands still."""

from collections.abc import Callable, Iterator

import numpy as np

from tests.support.scenes.chrome import Chrome, marked
from tests.support.scenes.look import look
from tests.support.scenes.scene import HEIGHT, RATE, WIDTH, Box, Image
from tests.support.scenes.sight import all_spotted
from tests.support.scenes.take import Take

_LENGTH = 9 * RATE
"""Of each of the two pages of a scene."""
_TALL = 4800
_HEADER = 56
_BAR = 10  # pixels of the scroll bar
_SIDE = (180, 260)


def make(take: Take) -> None:
    """Scroll through two pages of different kinds."""
    contents = list(_CONTENTS)
    take.rng.shuffle(contents)
    with Chrome(take.folder, subpixel=take.dark) as chrome:
        for content in contents[:2]:
            _scroll(take, chrome, content)


def _scroll(take: Take, chrome: Chrome, content: Callable[[Take], str]) -> None:
    rng = take.rng
    chosen = look(rng, take.dark, rng.choice((0.8, 1.0, 1.0, 1.25)))
    left = rng.randrange(*_SIDE)
    around = chrome.sheet(chosen.zoom)
    around.show(f"{chosen.style}</head><body>{_around(take, left / chosen.zoom, _HEADER / chosen.zoom)}")
    frame, fixed = around.taken()
    around.close()
    sheet = chrome.sheet(chosen.zoom, WIDTH - left - _BAR, HEIGHT - _HEADER)
    sheet.show(
        f"{chosen.style}<style>body {{ padding: 8px 18px; overflow: visible }}</style></head><body>{content(take)}"
    )
    tall, spots = sheet.taken(min(sheet.height(), _TALL))
    sheet.close()

    window = (left, _HEADER, WIDTH - _BAR, HEIGHT)
    still = all_spotted(take.vault, fixed)
    shown, image = -1, frame
    for y in _positions(take, len(tall) - (HEIGHT - _HEADER)):
        if y != shown:
            image, shown = _placed(frame, tall, window, y), y
        take.film.add(image, still + all_spotted(take.vault, spots, window, shift=(left, _HEADER - y)))


def _placed(frame: Image, tall: Image, window: Box, y: int) -> Image:
    left, top, right, bottom = window
    image = frame.copy()
    image[top:bottom, left:right] = tall[y : y + bottom - top, : right - left]
    height = bottom - top
    thumb = top + y * height // len(tall)
    image[top:bottom, right:] = np.uint8(90)
    image[thumb : thumb + height * height // len(tall), right + 2 : -2] = np.uint8(160)
    return image


def _positions(take: Take, last: int) -> Iterator[int]:
    """Give for each frame how many pixels the page is scrolled down, 0 to ``last``; at an end it turns round."""
    rng = take.rng
    y, way, left = rng.randrange(0, 300), 1, _LENGTH
    while left > 0:
        how = rng.choice(("stop", "slow", "slow", "fast", "jump"))
        speed = {
            "stop": 0,
            "slow": rng.randrange(1, 5),
            "fast": rng.randrange(20, 61),
            "jump": rng.randrange(100, 301),
        }[how]
        frames = {"stop": rng.randrange(15, 40), "slow": rng.randrange(30, 70), "fast": rng.randrange(6, 20)}.get(
            how, 1
        )
        for _ in range(min(frames, left)):
            if not 0 <= y + way * speed <= last:
                way = -way
            y = min(max(y + way * speed, 0), last)
            yield y
        left -= frames
        if how == "jump":
            rest = min(rng.randrange(4, 12), max(left, 0))
            yield from (y for _ in range(rest))
            left -= rest


def _around(take: Take, left: float, top: float) -> str:
    prose = take.prose
    items = "".join(f"<p>{prose.title()}</p>" for _ in range(9))
    me = marked(take.vault.take("email"))
    return f"""<div class="bar" style="height:{top}px"><b>{prose.module().title()}</b><span>File</span><span>View</span>
    <span>Signed in as {me}</span></div><div class="side" style="width:{left}px;height:100vh">{items}</div>"""


def _s(take: Take, category: str) -> str:
    return marked(take.vault.take(category))


def _log(take: Take) -> str:
    lines = []
    for _ in range(46):
        lines += [take.prose.log() for _ in range(take.rng.randrange(2, 6))]
        stamp = take.prose.log()[:26]
        lines.append(
            stamp
            + take.rng.choice(
                (
                    f"mailer: to=&lt;{_s(take, 'email')}&gt; status=sent",
                    f"auth: token {_s(take, 'key')}",
                    f"billing: card {_s(take, 'card-number')} declined",
                    f"sms: queued for {_s(take, 'phone')}",
                )
            )
        )
    return f'<pre class="mono" style="margin:0">{"<br>".join(lines)}</pre>'


def _document(take: Take) -> str:
    parts = []
    for _ in range(34):
        heading = f"<h2>{take.prose.title()}</h2>" if take.rng.random() < 0.3 else ""
        said = take.rng.choice(
            (
                f"Write to {_s(take, 'email')} about it.",
                f"The office answers at {_s(take, 'phone')}.",
                f"Transfers go to {_s(take, 'iban')}.",
                f"Our VAT number is {_s(take, 'vat')}.",
                f"On the form: SSN {_s(take, 'ssn')}.",
                f"Door password: {_s(take, 'password')}",
            )
        )
        parts.append(f"{heading}<p>{take.prose.paragraph(take.rng.randrange(2, 5))}</p><p>{said}</p>")
    return "".join(parts)


def _table(take: Take) -> str:
    rows = []
    for at in range(150):
        rare = _s(take, take.rng.choice(("ssn", "vat", "phone", "card-number"))) if at % 3 == 1 else "-"
        rows.append(
            f"<tr><td>{at + 1}<td>{take.prose.name()}<td>{take.prose.thing()}<td>{rare}<td>{take.prose.price()}"
            f"<td>{take.prose.date()}<td>{take.prose.order()}</tr>"
        )
    return f"<table><tr><th>#<th>Name<th>Item<th>Contact<th>Price<th>Date<th>Order</tr>{''.join(rows)}</table>"


def _history(take: Take) -> str:
    said = []
    for at in range(110):
        line = take.prose.sentence()
        if at % 3 == 2:
            line = take.rng.choice(
                (
                    f"it is {_s(take, 'email')}, I think",
                    f"my number: {_s(take, 'phone')}",
                    f"wifi password: {_s(take, 'password')}",
                    f"please use {_s(take, 'card-number')}",
                    f"send it to {_s(take, 'iban')}",
                )
            )
        said.append(f"<p><b>{take.prose.first_name()}</b> <span class=dim>{take.prose.time()}</span><br>{line}</p>")
    return "".join(said)


_CONTENTS: tuple[Callable[[Take], str], ...] = (_log, _document, _table, _history)
