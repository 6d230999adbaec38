"""Camera video, from the hand or a webcam. In half of the scenes a card or a sheet with secrets is held up into it."""

from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray

from tests.support.scenes.footage import Footage, laid_over
from tests.support.scenes.held import Held, card, sheet
from tests.support.scenes.scene import HEIGHT, RATE, WIDTH
from tests.support.scenes.sight import all_seen
from tests.support.scenes.take import Take

_LENGTH = 8 * RATE
_COMES = 12  # frames that it takes to hold something up, and to take it away
_HELD = (RATE, 6 * RATE)
_PAUSE = (10, 40)
_TURN = 5.0  # degrees
_SHEETS = (("email", "phone", "iban"), ("email", "password"), ("phone", "iban", "ssn"), ("iban", "email"))


def make(take: Take) -> None:
    """Film: the first two scenes of a seed show secrets, the others show none."""
    footage = Footage(take.rng, WIDTH, HEIGHT, webcam=take.index % 2 == 1)
    shows = take.index < 2
    while take.film.frames < _LENGTH:
        for _ in range(min(take.rng.randrange(*_PAUSE), _LENGTH - take.film.frames) if shows else _LENGTH):
            frame = take.film.frames
            take.film.add(footage.sensed(footage.view(frame), frame))
        if shows:
            _hold_up(take, footage)


def _hold_up(take: Take, footage: Footage) -> None:
    rng = take.rng
    if rng.random() < 0.5:
        thing = card(rng, take.vault, take.prose, rng.randrange(380, 620))
    else:
        thing = sheet(rng, take.vault, take.prose, rng.randrange(460, 760), rng.choice(_SHEETS))
    height, width = thing.image.shape[:2]
    place = (rng.randrange(width // 2 + 20, WIDTH - width // 2 - 20), rng.randrange(height // 2, HEIGHT - height // 2))
    start = (place[0] + rng.randrange(-200, 200), HEIGHT + height)
    drift = (rng.uniform(-1.5, 1.5), rng.uniform(-0.8, 0.8))
    turn, more = rng.uniform(-_TURN, _TURN) * 0.7, rng.uniform(-_TURN, _TURN) * 0.3
    held = rng.randrange(*_HELD)
    for step in range(-_COMES, held + _COMES):
        if take.film.frames >= _LENGTH:
            return
        away = max(-step, step - held, 0) / _COMES
        away = away * away * (3 - 2 * away)
        near = 1 + 0.06 * sin(step / 19)
        x = place[0] + drift[0] * step + (start[0] - place[0]) * away + 3 * sin(step / 4)
        y = place[1] + drift[1] * step + (start[1] - place[1]) * away + 2 * sin(step / 5 + 1)
        _film(take, footage, thing, _matrix(thing, x, y, near, turn + more * sin(step / 23)))


def _film(take: Take, footage: Footage, thing: Held, matrix: NDArray[np.float64]) -> None:
    frame = take.film.frames
    image = footage.view(frame)
    laid_over(image, thing.image, matrix)
    take.film.add(footage.sensed(image, frame), all_seen(take.vault, thing.boxes(matrix)))


def _matrix(thing: Held, x: float, y: float, scale: float, degrees: float) -> NDArray[np.float64]:
    """Return what moves the middle of ``thing`` to (x, y), turned and scaled."""
    height, width = thing.image.shape[:2]
    across, down = scale * cos(radians(degrees)), scale * sin(radians(degrees))
    return np.array(
        [
            [across, -down, x - across * width / 2 + down * height / 2],
            [down, across, y - down * width / 2 - across * height / 2],
        ]
    )
