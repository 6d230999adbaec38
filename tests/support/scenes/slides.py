"""Slides, with what presentation programs do between two of them: cross-fade, wipe, push and zoom."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from tests.support.scenes.chrome import Chrome, marked
from tests.support.scenes.look import Look, columns, look
from tests.support.scenes.scene import HEIGHT, RATE, WIDTH, Image, Label
from tests.support.scenes.sight import Spot, all_spotted
from tests.support.scenes.take import Take

_LENGTH = 16 * RATE
_CHANGE = RATE // 2  # frames of a transition
_SHOWN = (2 * RATE, 7 * RATE // 2)
_FAINT = 0.5  # of opacity: below, what fades is not labelled
_LEAST = 10  # pixels of height: ink that is zoomed, and lower, may have capitals below 7 pixels; it is not labelled

_Slide = tuple[Image, dict[str, Spot]]


def make(take: Take) -> None:
    """Show slides, each with a change into the next."""
    changes: list[Callable[[Take, _Slide, _Slide, float], None]] = [_fade, _wipe, _push, _zoom]
    take.rng.shuffle(changes)
    before: _Slide | None = None
    turn = 0
    with Chrome(take.folder, subpixel=take.dark) as chrome:
        while take.film.frames < _LENGTH:
            slide = _slide(take, chrome)
            if before is not None:
                for step in range(1, _CHANGE):
                    changes[turn % len(changes)](take, before, slide, step / _CHANGE)
                turn += 1
            frames = min(take.rng.randrange(*_SHOWN), _LENGTH - take.film.frames)
            take.film.add(slide[0], all_spotted(take.vault, slide[1]), frames)
            before = slide


def _fade(take: Take, old: _Slide, new: _Slide, done: float) -> None:
    image = cv2.addWeighted(old[0], 1 - done, new[0], done, 0)
    labels = [*_faint(take, old, 1 - done), *_faint(take, new, done)]
    take.film.add(np.asarray(image, np.uint8), labels)


def _faint(take: Take, slide: _Slide, opacity: float) -> list[Label]:
    if opacity < _FAINT:
        return []
    labels = all_spotted(take.vault, slide[1])
    return [Label(one.id, one.category, one.text, one.box, round(one.share * opacity, 3)) for one in labels]


def _wipe(take: Take, old: _Slide, new: _Slide, done: float) -> None:
    edge = round(WIDTH * done)
    image = old[0].copy()
    image[:, :edge] = new[0][:, :edge]
    labels = (
        *all_spotted(take.vault, new[1], (0, 0, edge, HEIGHT)),
        *all_spotted(take.vault, old[1], (edge, 0, WIDTH, HEIGHT)),
    )
    take.film.add(image, labels)


def _push(take: Take, old: _Slide, new: _Slide, done: float) -> None:
    edge = round(WIDTH * (1 - done))
    image = np.hstack([old[0][:, WIDTH - edge :], new[0][:, : WIDTH - edge]])
    labels = (
        *all_spotted(take.vault, old[1], shift=(edge - WIDTH, 0)),
        *all_spotted(take.vault, new[1], shift=(edge, 0)),
    )
    take.film.add(np.ascontiguousarray(image), labels)


def _zoom(take: Take, old: _Slide, new: _Slide, done: float) -> None:
    width, height = max(round(WIDTH * done), 2), max(round(HEIGHT * done), 2)
    left, top = (WIDTH - width) // 2, (HEIGHT - height) // 2
    image = old[0].copy()
    image[top : top + height, left : left + width] = cv2.resize(new[0], (width, height), interpolation=cv2.INTER_AREA)
    labels = list(all_spotted(take.vault, old[1], covers=((left, top, left + width, top + height),)))
    for label in all_spotted(take.vault, new[1]):
        small = [round(side * (width / WIDTH if at % 2 == 0 else height / HEIGHT)) for at, side in enumerate(label.box)]
        if small[3] - small[1] >= _LEAST:
            labels.append(replace(label, box=(small[0] + left, small[1] + top, small[2] + left, small[3] + top)))
    take.film.add(image, labels)


def _slide(take: Take, chrome: Chrome) -> _Slide:
    rng, prose = take.rng, take.prose
    chosen = look(rng, take.dark, 1.0)
    large = rng.choice((20, 26, 34))

    def line(size: int, html: str) -> str:
        return f'<p style="font-size:{size}px;white-space:nowrap">{html}</p>'

    offers: list[Callable[[], str]] = [
        lambda: f"E-mail: {marked(take.vault.take('email'))}",
        lambda: f"Call {marked(take.vault.take('phone'))}",
        lambda: f"IBAN {marked(take.vault.take('iban'))}",
        lambda: f"VAT no. {marked(take.vault.take('vat'))}",
        lambda: f"Card {marked(take.vault.take('card-number'))}",
        lambda: f"Guest password: {marked(take.vault.take('password'))}",
        lambda: f"SSN {marked(take.vault.take('ssn'))}",
    ]
    rng.shuffle(offers)
    points = "".join(line(large, f"• {prose.sentence()}" if at % 2 else f"• {offers[at // 2]()}") for at in range(6))
    small = "".join(line(chosen.size, f"{prose.title()}: {offer()}") for offer in offers[3:5])
    key = line(chosen.size, f'<span class="mono">export TOKEN={marked(take.vault.take("key"))}</span>')
    sheet = chrome.sheet()
    sheet.show(
        f"""{chosen.style}</head><body><div style="{_ground(take, chosen)}">
        <h1 style="font-size:{large + 18}px">{prose.title()}</h1>{points}<div class="panel">{small}{key}</div>
        <p class="dim">{prose.name()}, {prose.date()}, page {prose.number(2, 60)}</p>{columns(prose)}</div>"""
    )
    slide = sheet.taken()
    sheet.close()
    return slide


def _ground(take: Take, chosen: Look) -> str:
    """Return the style of a slide's ground: plain, or one colour running into another."""
    back = take.rng.choice((chosen.back, f"linear-gradient(120deg, {chosen.back}, {chosen.panel})"))
    return f"padding:26px 60px;height:720px;border-left:18px solid {chosen.accent};background:{back}"
