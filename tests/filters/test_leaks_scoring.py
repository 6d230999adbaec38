"""The leak benchmark finds what is planted, and nothing else: each fault gets exactly the verdict that it should.

Pictures are drawn here, veiled by what covers rooms' pictures, and judged by what judges them in the benchmark.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.stream import VideoStream

from filters import Effect, Planes
from filters.api import Box as Rectangle
from filters.effects import cover_picture
from filters.pixels import planes_of
from tests.support.leaks import table
from tests.support.leaks.faults import Fault, write
from tests.support.leaks.figures import Cost, Figures, percentile
from tests.support.leaks.likeness import READABLE, likeness
from tests.support.leaks.observing import observe
from tests.support.leaks.onair import spent
from tests.support.leaks.pixels import distinct, inked, is_slate, overdone, small, veiled
from tests.support.leaks.programme import Cue, Programme, compose, load
from tests.support.leaks.received import ReceivedError, find, slate_of
from tests.support.leaks.scoring import Secret, Seen, Totals, judge, wilson
from tests.support.leaks.simulated import simulate
from tests.support.leaks.soak import Soaked, frames_listed
from tests.support.leaks.soak import verdicts as soak_verdicts
from tests.support.leaks.tapes import Labels, Tape, record
from tests.support.scenes.scene import Box, Frame, Label, Scene
from tests.support.server import ROOT

TOY = ROOT / "tests" / "support" / "leaks" / "toy.py"
BOX: Box = (100, 60, 300, 84)
"""Of the secret on the page."""
WIDTH, HEIGHT = 640, 360
LIGHT, DARK = ((250, 250, 250), (20, 20, 20)), ((30, 30, 30), (220, 220, 220))
"""Ground and ink of two themes, the latter one as dark as a veil."""
FRAMES = 30


def page(theme: tuple[tuple[int, int, int], tuple[int, int, int]] = LIGHT, secret: str = "4111 1111 1111") -> Planes:
    """A page with a secret in ``BOX`` and text elsewhere."""
    ground, ink = theme
    image = np.full((HEIGHT, WIDTH, 3), ground, np.uint8)
    for text, top in ((secret, BOX[1]), ("Ordinary words stand here", 200), ("and here", 260)):
        cv2.putText(image, text, (BOX[0], top + 20), cv2.FONT_HERSHEY_SIMPLEX, 0.7, ink, 2)
    return planes_of(image)


def covered(source: Planes, box: Box | None) -> Planes:
    """The page as it goes out with ``box`` veiled, a little off in colour, as an encoder leaves it."""
    planes = Planes(*(plane.copy() for plane in source))
    if box is not None:
        cover_picture(planes, Rectangle(box[0], box[1], box[2] - box[0], box[3] - box[1]), Effect.FILL)
    noise = np.random.default_rng(1).integers(-6, 7, planes.y.shape)
    planes.y[:] = (planes.y + noise).clip(16, 235)
    return planes


def seen(veil: Callable[[int], Box | None], frames: range = range(FRAMES), slate: range = range(0)) -> list[Seen]:
    """What is seen of a secret in ``frames`` whose veil in each of them is ``veil``."""
    source = page()
    found = []
    for frame in frames:
        share = veiled(BOX, source, inked(covered(source, veil(frame))))
        found.append(Seen(frame, "card-0", "card-number", 1.0, share, False, frame in slate))
    return found


def judged(looks: list[Seen]) -> Secret:
    (secret,) = judge(looks)
    return secret


def test_a_secret_that_is_always_covered_has_not_leaked() -> None:
    secret = judged(seen(lambda _: BOX))
    assert (secret.shown, secret.leaked, secret.first_frame, secret.open) == (FRAMES, 0, False, ())


def test_a_veil_that_is_a_frame_late_is_a_first_frame_leak_by_timing() -> None:
    secret = judged(seen(lambda frame: BOX if frame else None))
    assert (secret.by_timing, secret.by_misread, secret.first_frame, secret.open) == (1, 0, True, ((0, 0),))


def test_a_veil_that_is_away_for_a_while_is_a_leak_by_timing() -> None:
    secret = judged(seen(lambda frame: None if frame in (10, 11) else BOX))
    assert (secret.by_timing, secret.by_misread, secret.first_frame, secret.open) == (2, 0, False, ((10, 11),))


def test_a_veil_that_ends_too_early_is_no_first_frame_leak() -> None:
    secret = judged(seen(lambda frame: BOX if frame < 25 else None))
    assert (secret.by_timing, secret.first_frame, secret.open) == (5, False, ((25, 29),))


def test_a_secret_that_is_never_covered_has_been_misread() -> None:
    secret = judged(seen(lambda _: None))
    assert (secret.by_timing, secret.by_misread, secret.first_frame) == (0, FRAMES, False)


def test_a_veil_that_lacks_a_fifth_of_the_box_covers_nothing() -> None:
    left, top, right, bottom = BOX
    secret = judged(seen(lambda _: (left, top, right - (right - left) // 5, bottom)))
    assert (secret.by_timing, secret.by_misread) == (0, FRAMES)


def test_a_veil_that_lacks_a_twentieth_of_the_box_covers_it() -> None:
    left, top, right, bottom = BOX
    assert not judged(seen(lambda _: (left, top, right - (right - left) // 20, bottom))).leaked


def test_what_is_covered_and_can_be_read_all_the_same_has_leaked() -> None:
    looks = [look._replace(read=look.frame == 7) for look in seen(lambda _: BOX)]
    assert judged(looks).open == ((7, 7),)


def test_each_stretch_is_judged_by_itself() -> None:
    looks = seen(lambda _: BOX, range(10)) + seen(lambda _: None, range(20, 30))
    secret = judged(looks)
    assert (secret.shown, secret.by_timing, secret.by_misread) == (20, 0, 10)


def test_slate_leaks_nothing_and_does_not_make_a_misread_secret_one_that_was_covered() -> None:
    looks = seen(lambda frame: None, slate=range(5))
    secret = judged(looks)
    assert (secret.by_timing, secret.by_misread, secret.open) == (0, 25, ((5, 29),))


def test_what_is_partly_there_is_counted_apart_and_what_is_hardly_there_not_at_all() -> None:
    shares = (0.3, 0.6, 0.8, 1.0, 1.0)
    looks = [Seen(frame, "a", "email", share, float(share == 1), False) for frame, share in enumerate(shares)]
    secret = judged(looks)
    assert (secret.shown, secret.partial, secret.partial_open, secret.leaked) == (2, 2, 2, 0)


def test_a_secret_that_is_typed_openly_and_covered_a_frame_after_it_is_complete_leaks_in_its_first_frame() -> None:
    shares = (0.6, 0.8, 1.0, 1.0, 1.0)
    looks = [Seen(frame, "a", "email", share, float(frame > 2), False) for frame, share in enumerate(shares)]
    secret = judged(looks)
    assert (secret.by_timing, secret.first_frame, secret.open) == (1, True, ((2, 2),))


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_an_open_secret_is_open_and_a_veiled_one_veiled_in_light_and_dark(
    theme: tuple[tuple[int, int, int], tuple[int, int, int]],
) -> None:
    source = page(theme)
    assert veiled(BOX, source, inked(covered(source, None))) < 0.05
    assert veiled(BOX, source, inked(covered(source, BOX))) > 0.99


def test_in_a_dark_theme_half_a_veil_is_half_a_veil_though_the_ground_is_as_dark() -> None:
    source = page(DARK)
    left, top, right, bottom = BOX
    share = veiled(BOX, source, inked(covered(source, (left, top, (left + right) // 2, bottom))))
    assert 0.35 < share < 0.75


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_a_veil_that_fits_is_not_too_much(theme: tuple[tuple[int, int, int], tuple[int, int, int]]) -> None:
    source = page(theme)
    left, top, right, bottom = BOX
    for veil in (None, BOX, (left - 10, top - 5, right + 10, bottom + 5)):
        assert overdone(distinct(source), inked(covered(source, veil)), [BOX]) == 0


def test_what_is_too_large_of_a_veil_is_measured() -> None:
    source = page()
    left, top, right, bottom = BOX
    veil = (left - 100, top - 60, right + 100, bottom + 100)
    wanted = (right - left + 200) * (bottom - top + 160) - (right - left + 24) * (bottom - top + 12)
    assert overdone(distinct(source), inked(covered(source, veil)), [BOX]) == pytest.approx(wanted, rel=0.05)


def test_a_veil_where_no_secret_is_counts_whole() -> None:
    source = page()
    assert overdone(distinct(source), inked(covered(source, (80, 176, 400, 232))), []) == 320 * 56


def test_in_a_dark_theme_words_that_are_veiled_without_cause_count_and_empty_ground_does_not() -> None:
    source = page(DARK)
    over_words = overdone(distinct(source), inked(covered(source, (100, 176, 400, 232))), [BOX])
    over_nothing = overdone(distinct(source), inked(covered(source, (100, 300, 400, 350))), [BOX])
    assert over_words > 2000
    assert over_nothing == 0


def test_slate_is_told_from_a_page_and_from_a_veiled_page() -> None:
    slate = planes_of(np.full((HEIGHT, WIDTH, 3), (20, 24, 28), np.uint8))
    assert is_slate(small(covered(slate, None).y), small(slate.y))
    assert not is_slate(small(page(DARK).y), small(slate.y))
    assert not is_slate(small(covered(page(), BOX).y), small(slate.y))


def test_a_covered_stretch_counts_as_slate_and_as_veiled_without_cause() -> None:
    totals = Totals()
    totals.add_area(frames=100, overdone=0.5, slate=2)
    assert totals.covered_share == 0.02
    assert totals.overdone_share == 0.025


def test_sums_are_of_distinct_secrets_and_leave_out_what_nobody_can_read() -> None:
    late = judged(seen(lambda frame: BOX if frame else None))
    totals = Totals()
    totals.add("one", [late])
    totals.add("two", [late], unreadable=["card-0"])
    twice = totals + totals
    assert (totals.shown, totals.timing, totals.first_frame, totals.unreadable) == (1, 1, 1, 1)
    assert (twice.shown, twice.frames_shown, twice.frames_timing) == (2, 2 * FRAMES, 2)
    assert totals.leaks == [("one", late)]


def test_bounds_are_those_that_wilson_gives() -> None:
    # E. B. Wilson's interval for 10 of 100 and 0 of 300, as statistics packages print it.
    assert wilson(10, 100) == pytest.approx((0.0552, 0.1744), abs=1e-4)
    assert wilson(0, 300) == pytest.approx((0.0, 0.01264), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("read", "like"),
    [
        ("4111111111111111", 1.0),
        ("Card: 4111 1111 1111 1111 exp", 1.0),
        ("4111 1111 1111 1117", 15 / 16),
        ("4111 1111 1", 9 / 16),
        ("", 0.0),
    ],
)
def test_what_is_read_is_like_the_secret_as_far_as_its_characters_are_there(read: str, like: float) -> None:
    assert likeness("4111 1111 1111 1111", read) == pytest.approx(like)


def test_case_does_not_matter_and_ordinary_text_is_no_secret() -> None:
    assert likeness("Anna.Smith@Example.com", "anna.smith@example.com") == 1
    assert likeness("Anna.Smith@Example.com", "another small example of words") < READABLE


def scene() -> Programme:
    """A programme of one scene, with two secrets that are there from its second frame on."""
    labels = tuple(Label(name, "email", "a@b.example", BOX, 1.0) for name in ("first", "second"))
    spans = (Labels(0, 1, ()), Labels(1, FRAMES - 1, labels))
    tape = Tape("toy", "one", FRAMES, Path("none.mp4"), spans)
    return Programme(Path("programme.mp4"), 200, (20, 80), (Cue(30, tape),))


def test_a_script_covers_all_that_labels_say_from_the_frame_on_with_which_it_comes() -> None:
    script = write(scene())
    assert len(script.boxes) == 2 * (FRAMES - 1)
    assert script.boxes[0] == (11, 12, BOX[0] - 4, BOX[1] - 4, BOX[2] - BOX[0] + 8, BOX[3] - BOX[1] + 8)
    assert not script.late


def test_a_script_tells_which_faults_are_planted_in_what() -> None:
    script = write(scene(), [Fault.NEVER, Fault.FRAME_LATE], late=True)
    assert script.planted == (("one", "first", Fault.NEVER), ("one", "second", Fault.FRAME_LATE))
    assert len(script.boxes) == FRAMES - 2
    assert script.late == ((25, 70),)


FINE = Figures("redact-text", True, 3.8, {"pages": Cost(0.5, 0.6, 2.0), "camera": Cost(1.0, 0.6, 2.0)})


def required(totals: Totals, figures: Figures = FINE) -> dict[str, bool]:
    """Which figures are met, by what they are."""
    return {verdict.what: verdict.met for verdict in table.verdicts({"pages": totals}, figures, False)}


def test_all_is_met_if_nothing_leaks_and_nothing_costs_too_much() -> None:
    totals = Totals(shown=300, frames_shown=20_000, frames=9_000)
    assert all(required(totals).values())


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"timing": 1}, "distinct secrets that leaked by timing"),
        ({"misread": 4}, "distinct secrets that leaked by a misread"),
        ({"overdone": 400.0}, "veiled without cause, of area and time"),
        ({"slate": 100}, "covered by slate, of the time"),
    ],
)
def test_each_figure_that_is_missed_is_told_alone(change: dict[str, int], what: str) -> None:
    totals = Totals(**{"shown": 300, "frames_shown": 20_000, "frames": 9_000, **change})  # type: ignore[arg-type]
    assert [name for name, met in required(totals).items() if not met] == [what]


def test_a_delay_or_a_detector_beyond_its_budget_is_told() -> None:
    figures = Figures("redact-text", True, 4.2, {"pages": Cost(0.9, 0.6, 2.0), "camera": Cost(1.2, 0.6, 2.0)})
    missed = [name for name, met in required(Totals(shown=300, frames=9_000), figures).items() if not met]
    assert missed == ["delay", "processors that detectors take, text", "processors that detectors take, camera"]


def test_a_whole_run_has_to_show_enough() -> None:
    found = list(table.verdicts({"pages": Totals(shown=10, frames_shown=100, frames=100)}, FINE, True))
    missed = [verdict.what for verdict in found if not verdict.met]
    assert missed == ["distinct secrets", "secret-frames", "kinds of scenes"]


def test_the_table_has_a_row_for_each_kind_and_one_for_all() -> None:
    late = judged(seen(lambda frame: BOX if frame else None))
    totals = Totals()
    totals.add("one", [late])
    totals.add_area(FRAMES, 0.3, 0)
    text = "\n".join(table.rows({"pages": totals}, FINE))
    assert [line.split()[0] for line in text.splitlines()[2:4]] == ["pages", "all"]
    assert "1.00%" in text
    (line,) = table.leaks({"pages": totals})
    assert line == "  one card-0 (card-number): timing, from the first frame on; 1 of 30 frames: 0"


def test_processors_are_counted_of_one_process_at_a_time() -> None:
    readings = [(0.0, (7, 1.0)), (1.0, (7, 1.5)), (2.0, (8, 0.1)), (3.0, (8, 0.6)), (4.0, None)]
    assert spent(readings) == pytest.approx(0.5)
    assert spent([(0.0, None), (1.0, None)]) is None


def playlist(first: int, whole: int, parts: int) -> str:
    """A playlist as rooms have them: ``whole`` segments from number ``first`` on, and ``parts`` of the next one."""
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:2", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
    for number in range(first, first + whole):
        lines += ["#EXTINF:2.0,", f"{number}.m4s"]
    lines += [f'#EXT-X-PART:DURATION=0.2,URI="{first + whole}.{part}.m4s"' for part in range(parts)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(("first", "whole", "parts", "frames"), [(0, 3, 0, 180), (10, 3, 4, 804)])
def test_how_far_a_room_has_come_is_told_by_its_playlist(first: int, whole: int, parts: int, frames: int) -> None:
    assert frames_listed(playlist(first, whole, parts), "http://127.0.0.1/720p.m3u8") == frames


def test_a_soaked_room_that_is_slow_sheds_or_is_covered_has_not_held_real_time() -> None:
    fine = Soaked(600.0, 18_000, 0.05, FINE)
    assert all(verdict.met for verdict in soak_verdicts(fine))
    ill = replace(FINE, covered={"late": 12.0}, shed="half the frames", dropped=3)
    missed = [verdict.what for verdict in soak_verdicts(Soaked(600.0, 17_000, 0.05, ill)) if not verdict.met]
    assert missed == [
        "frames a second",
        "frames that the worker dropped",
        "quality that the room shed",
        "covered by slate, of the time",
    ]


def test_percentiles_of_nothing_are_none() -> None:
    assert percentile(range(101), 0.95) == 95
    assert percentile([], 0.95) is None


def toy_scene() -> Scene:
    """A page on which two secrets appear after half a second, one below the other."""
    secrets = (("mail", "anna.smith@example.com", 100), ("card", "4111 1111 1111 1111", 300))
    image = np.full((720, 1280, 3), LIGHT[0], np.uint8)
    empty = image.copy()
    labels = []
    for name, text, top in secrets:
        cv2.putText(image, text, (100, top + 25), cv2.FONT_HERSHEY_SIMPLEX, 0.9, LIGHT[1], 2, cv2.LINE_AA)
        (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.9, 2)
        labels.append(Label(name, "email", text, (100, top, 100 + width, top + 32), 1.0))
    frames = [Frame(empty, ())] * 15 + [Frame(image, tuple(labels))] * 30
    return Scene("toy", "page", 1, frames)


@pytest.fixture(scope="module")
def programme(tmp_path_factory: pytest.TempPathFactory) -> Programme:
    """The page twice, as two kinds of scenes: so there are three markers."""
    folder = tmp_path_factory.mktemp("programme")
    tape = record(toy_scene(), folder / "page.mp4")
    return compose([tape, replace(tape, kind="other")], folder / "programme.mp4", leader=1, tail=2)


def test_what_is_planted_in_a_programme_is_found_in_what_goes_out(programme: Programme, tmp_path: Path) -> None:
    assert [cue.first for cue in load(programme.path).cues] == [cue.first for cue in programme.cues] == [50, 115]
    script = tmp_path / "script.json"
    script.write_text(json.dumps(write(programme, [Fault.FRAME_LATE]).to_json()))
    received = tmp_path / "received.mp4"
    simulated = simulate(f"{TOY}:Knowing:script={script}", programme, received)
    assert simulated.lookahead == 1.0
    reception = find(received, programme.markers)
    assert reception.shift == 30  # a second of slate
    observed = observe(programme.cues[0], reception, slate_of(received))
    assert (observed.frames, observed.unreadable, observed.overdone, observed.slate) == (45, [], 0.0, 0)
    assert list(observed.crops) == ["mail"]
    mail, card = sorted(judge(observed.seen), key=lambda secret: secret.id, reverse=True)
    assert (mail.by_timing, mail.first_frame, mail.open) == (1, True, ((15, 15),))
    assert (card.shown, card.leaked) == (30, 0)


def halved(source: Path, target: Path) -> None:
    """Write of a file every second frame alone, each with the stamp that it had, as a room does that is too busy."""
    with av.open(str(source)) as file, av.open(str(target), "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=30, options={"preset": "ultrafast", "g": "30"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 30)
        for number, frame in enumerate(file.decode(video=0)):
            if number % 2:
                frame.pts, frame.time_base, frame.pict_type = number, Fraction(1, 30), 0
                out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def test_frames_that_a_busy_room_leaves_out_are_no_leaks_and_break_no_stretch(
    programme: Programme, tmp_path: Path
) -> None:
    halved(programme.path, tmp_path / "halved.mp4")
    reception = find(tmp_path / "halved.mp4", programme.markers)
    assert reception.shift == 0
    observed = observe(programme.cues[0], reception, np.zeros((90, 160), np.uint8))
    assert (observed.frames, observed.left_out) in ((45, 22), (45, 23))
    (secret, _) = judge(observed.seen)
    assert (secret.shown, secret.by_timing, secret.by_misread) == (30, 0, 15)


def test_what_has_lost_its_pace_is_not_compared(programme: Programme) -> None:
    first, *_, last = programme.markers
    assert find(programme.path, programme.markers).shift == 0
    with pytest.raises(ReceivedError, match=r"\+1 frames off"):
        find(programme.path, (first, last - 1))
