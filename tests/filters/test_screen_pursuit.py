"""What is covered is followed from picture to picture, forth and back, as it moves, changes, and leaves."""

from typing import TYPE_CHECKING

import numpy as np
import pytest

from filters.api import Box
from filters.screen.pursuit import clipped, cut, find, find_afar
from filters.screen.ring import Moment, Ring, Way
from filters.screen.shift import NONE, Shift

if TYPE_CHECKING:
    from filters.api import Bytes

HEIGHT, WIDTH = 160, 320
WIDE, HIGH = 120, 16


def texture(seed: int, height: int = HIGH, width: int = WIDE) -> "Bytes":
    """Something that stands like letters, and like nothing else."""
    small = np.random.default_rng(seed).integers(0, 2, (height // 2, width // 2), np.uint8)
    return np.kron(small * 200 + 30, np.ones((2, 2), np.uint8)).astype(np.uint8)


SECRET = texture(1)


def screen(left: int | None = None, top: int = 60, secret: "Bytes" = SECRET, seed: int = 0) -> "Bytes":
    """A picture with a little noise, and ``secret`` in it, perhaps in part, or not at all."""
    canvas = np.full((HEIGHT + 2 * WIDE, WIDTH + 2 * WIDE), 200, np.int16)
    if left is not None:
        canvas[WIDE + top :, WIDE + left :][:HIGH, :WIDE] = secret
    picture = canvas[WIDE:-WIDE, WIDE:-WIDE]
    noise = np.random.default_rng(seed).integers(-4, 5, picture.shape)
    return np.asarray(np.clip(picture + noise, 0, 255), np.uint8)


def ring(*pictures: "Bytes", shift: Shift = NONE) -> Ring:
    made = Ring(len(pictures))
    for number, picture in enumerate(pictures):
        made.add(Moment(number, 3000 * number, picture, shift if number else NONE), 0)
    return made


def box(left: int, top: int = 60) -> Box:
    return Box(left, top, WIDE, HIGH)


def test_it_is_found_near_where_it_is_expected_and_nowhere_else() -> None:
    for off in ((0, 0), (3, -2), (-14, 9)):
        place = find(screen(100 + off[0], 60 + off[1], seed=3), SECRET, box(100))
        assert place is not None
        assert place.box == box(100 + off[0], 60 + off[1])
        assert place.likeness > 0.9
    assert find(screen(140), SECRET, box(100)) is None, "too far"
    assert find(screen(100, secret=texture(2)), SECRET, box(100)) is None, "something else"
    assert find(screen(), SECRET, box(100)) is None, "nothing"


@pytest.mark.parametrize(("left", "top"), [(-70, 60), (WIDTH - 50, 60), (100, -8), (100, HEIGHT - 8), (-40, -6)])
def test_it_is_found_half_out_of_the_picture(left: int, top: int) -> None:
    place = find(screen(left, top), SECRET, box(left, top))
    assert place is not None
    assert place.box == box(left, top)


def test_what_is_cut_is_a_copy_and_what_is_clipped_lies_inside() -> None:
    picture = screen(100)
    patch = cut(picture, box(100))
    picture[:] = 0
    assert patch.mean() > 50
    assert clipped(box(-20, -3), picture) == Box(0, 0, WIDE - 20, HIGH - 3)
    assert clipped(box(WIDTH), picture) is None


def test_a_patch_is_not_found_where_something_of_another_size_is_expected() -> None:
    for larger in (Box(100, 60, WIDE + 40, HIGH), Box(100, 60, WIDE, HIGH - 2), Box(-40, 60, WIDE + 9, HIGH)):
        assert find(screen(100), SECRET, larger) is None


def test_it_is_followed_back_to_where_it_came() -> None:
    here = [None, None, None, None, 40, 44, 49, 49, 60]
    pictures = ring(*(screen(left, seed=n) for n, left in enumerate(here)))
    places = pictures.back(8, SECRET, box(60), until=5)
    assert places[:4] == [(number, box(left)) for number, left in reversed([*enumerate(here)][4:8]) if left is not None]
    assert [number for number, _ in places[4:]] == [3, 2], "a coder may have shown it before it can be found"
    assert all(at.left <= 40 and at.left + at.width >= 40 + WIDE for _, at in places[4:])


def test_it_is_followed_on_until_it_is_gone() -> None:
    pictures = ring(*(screen(left, seed=n) for n, left in enumerate([40, 46, 46, 58, None, None])))
    for start, left, after in (0, 40, [46, 46, 58]), (1, 46, [46, 58]):
        way = pictures.on(start, SECRET, box(left))
        assert list(way.places)[: len(after)] == [(start + 1 + n, box(left)) for n, left in enumerate(after)]
        assert way.lost == 4


def test_it_is_followed_out_of_the_picture() -> None:
    pictures = ring(*(screen(left) for left in [0, -30, -60]), shift=Shift(-30, 0))
    way = pictures.on(0, SECRET, box(0))
    assert list(way.places) == [(1, box(-30)), (2, box(-60))]
    assert way.lost is None
    assert np.abs(way.patch.astype(int) - SECRET).mean() < 4, "it looks as it did when all of it was there"


@pytest.mark.parametrize("by", [Shift(0, 50), Shift(-70, -25)])
def test_it_moves_with_the_page_further_than_it_is_searched_or_stays_beside_it(by: Shift) -> None:
    moved = ring(screen(100), screen(100 + by.right, 60 + by.down), shift=by)
    assert list(moved.on(0, SECRET, box(100)).places) == [(1, box(100 + by.right, 60 + by.down))]
    assert moved.back(1, SECRET, box(100 + by.right, 60 + by.down), 0) == [(0, box(100))]
    stays = ring(screen(100, seed=1), screen(100, seed=2), shift=by)
    assert list(stays.on(0, SECRET, box(100)).places) == [(1, box(100))]


def test_it_may_fade_in_slowly() -> None:
    """It was there since things changed, and before that for two pictures longer than it can be made out."""
    shares = [0, 0, 0.04, 0.2, 0.4, 0.6, 0.8, 1.0, 1.0]
    faded = [(200 + (SECRET.astype(float) - 200) * share).astype(np.uint8) for share in shares]
    pictures = ring(*(screen(100, secret=each, seed=n) for n, each in enumerate(faded)))
    numbers = [number for number, _ in pictures.back(8, SECRET, box(100), until=4)]
    assert numbers[:5] == [7, 6, 5, 4, 3]
    assert min(numbers) in (0, 1)


def test_it_may_turn_into_something_else_little_by_little() -> None:
    other, looks = texture(2), []
    for share in np.linspace(0, 1, 9):
        looks.append((SECRET * (1 - share) + other * share).astype(np.uint8))
    way = ring(*(screen(100, secret=each) for each in looks)).on(0, SECRET, box(100))
    assert way.lost is None
    assert len(way.places) == 8
    assert np.abs(way.patch.astype(int) - other).mean() < 40, "how it looks is learnt on the way"


def test_a_few_pictures_in_which_it_is_unlike_are_passed_over() -> None:
    blurred = np.full_like(SECRET, 130)
    pictures = ring(*(screen(100, secret=blurred if n in (3, 4) else SECRET, seed=n) for n in range(8)))
    assert [number for number, _ in pictures.back(7, SECRET, box(100), until=6)] == [6, 5, 4, 3, 2, 1, 0]


def test_pictures_that_are_gone_are_the_oldest() -> None:
    pictures = Ring(3)
    for number in range(10):
        pictures.add(Moment(number, 3000 * number, screen(100), NONE), number)
    assert [pictures.pts(number) for number in (0, 7, 9)] == [21_000, 21_000, 27_000]
    assert [number for number, _ in pictures.back(9, SECRET, box(100), until=0)] == [8, 7]


def test_a_cover_is_followed_by_the_shift_of_the_picture_it_is_looked_for_in() -> None:
    way = Way(SECRET, box(100), False)
    way.follow(Moment(5, 0, screen(100, 110), Shift(0, 50)))
    assert way.places[-1] == (5, box(100, 110))
    way.follow(Moment(6, 3000, screen(), Shift(0, 50)))
    assert way.lost == 6
    assert way.box == box(100, 110)


def test_what_moves_is_taken_to_go_on_in_pictures_that_are_yet_to_come() -> None:
    pictures = ring(*(screen(100, top) for top in (100, 96, 92)), screen())
    way = pictures.on(0, SECRET, box(100, 100))
    assert way.lost == 3
    assert way.over > 4
    assert pictures.pts(way.over) == pictures.now + 3000 * (way.over - 3)


def test_what_is_snatched_away_is_found_afar_unless_it_is_something_else() -> None:
    for off in ((0, 70), (-90, -40)):
        place = find_afar(screen(100 + off[0], 60 + off[1], seed=3), SECRET, box(100))
        assert place is not None
        assert place.box == box(100 + off[0], 60 + off[1])
    assert find_afar(screen(100, 130, secret=texture(2)), SECRET, box(100)) is None
    assert find_afar(screen(), SECRET, box(100)) is None


def test_what_is_pushed_in_is_covered_on_its_way_and_what_looks_alike_is_not() -> None:
    lefts = [None, 190, 160, 130, 100, 100]
    pushed = dict(ring(*(screen(left) for left in lefts)).back(5, SECRET, box(100), until=1))
    for number, left in enumerate(lefts):
        if left is not None and number < 5:
            assert pushed[number].left <= left
            assert pushed[number].left + pushed[number].width >= left + WIDE
    alike = np.where(screen(190, 90) < 150, screen(190, 90), screen())
    both = np.where(alike < 150, alike, screen(100))
    assert all(at == box(100) for _, at in ring(alike, alike, alike, both).back(3, SECRET, box(100), until=1))


def test_what_is_held_in_hands_is_followed_as_it_gathers_speed() -> None:
    pictures = ring(*(screen(left, seed=n) for n, left in enumerate([10, 14, 60, 130, 200])))
    assert list(pictures.on(0, SECRET, box(10), afar=True).places) == [
        (1, box(14)),
        (2, box(60)),
        (3, box(130)),
        (4, box(200)),
    ]


def test_what_cannot_be_made_out_is_taken_to_move_with_the_page() -> None:
    """Coders blur what moves fast; both where it was seen and where it ought to be are covered."""
    lefts = [20, 50, 80, 110, 140]
    shown = [screen(left, seed=n) for n, left in enumerate(lefts)]
    shown[2] = shown[3] = screen(seed=9)
    pictures = ring(*shown, shift=Shift(30, 0))
    places = dict(pictures.back(4, SECRET, box(140), until=0))
    assert places[0] == box(20)
    for number in (2, 3):
        there = places[number]
        assert there.left <= lefts[number]
        assert there.left + there.width >= lefts[number] + WIDE


def test_how_far_things_have_moved_is_known_unless_they_have_done_something_else() -> None:
    pictures = Ring(10)
    for number, shift in enumerate([NONE, Shift(0, -5), Shift(0, -4), NONE, Shift(0, 3), Shift(7, 0), NONE]):
        pictures.add(Moment(number, 3000 * number, screen(), shift, torn=number == 6), 0)
    assert pictures.travel(0, 3) == Shift(0, 9)
    assert pictures.travel(0, 4) is None, "to and fro"
    assert pictures.travel(3, 5) is None, "down, and then to the right"
    assert pictures.travel(5, 6) is None, "something else"
    assert pictures.moved_by(0, 6) == Shift(7, 12)
