"""The table, the list of what leaked, and whether each required figure is met. Pure: makes lines of text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.support.leaks.figures import Cost, Figures
from tests.support.leaks.scoring import Totals, wilson

MISREAD, MISREAD_SOUGHT = 0.01, 0.001
"""Of the distinct secrets."""
OVERDONE = 0.03
COVERED = 0.01
CORES, CORES_CAMERA = 0.8, 1.1
"""Of processors that the detectors take, at 720p30: where text stands, is typed or scrolls; and before a camera."""
LEFT_OUT = 0.01
"""Of the frames: with more, a run tells of another room than one at 30 frames a second."""
DELAY = 4.0
"""Seconds."""
LEAST_SECRETS, LEAST_FRAMES, LEAST_KINDS = 300, 20_000, 8
"""Distinct secrets, secret-frames and kinds of scenes that a whole run has to show."""
CAMERA = frozenset({"camera", "video-page"})
"""Kinds in which most of the picture moves all the time."""

_ALL = "all"
_HEAD = (
    f"{'':<12}{'secrets':>8}{'leaked by':>18}{'first':>7}{'unread.':>8}{'secret-':>9}{'leaked by':>16}{'partial':>14}"
    f"{'over-':>8}{'':>8}{'cores':>13}{'lag':>7}\n"
    f"{'':<12}{'shown':>8}{'timing':>9}{'misread':>9}{'frame':>7}{'source':>8}{'frames':>9}{'timing':>8}{'misread':>8}"
    f"{'seen/open':>14}{'blur':>8}{'slate':>8}{'det.':>7}{'wrk.':>6}{'p95':>7}"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A required figure: what it is, what it should be, and whether it is."""

    what: str
    shown: str
    wanted: str
    met: bool

    def __str__(self) -> str:
        return f"{self.what:<58}{self.shown:>22}   {'met' if self.met else 'NOT met'} ({self.wanted})"


def rows(by_kind: Mapping[str, Totals], figures: Figures) -> Iterator[str]:
    """Yield the table: a row for each kind, and one for all."""
    yield _HEAD
    for kind, totals in by_kind.items():
        yield _row(kind, totals, figures.costs.get(kind, Cost(None, None, None)))
    whole = together(by_kind)
    yield _row(_ALL, whole, Cost(None, None, None))
    yield (
        f"{'at most':<12}{'':>8}{_bound(whole.timing, whole.shown):>9}{_bound(whole.misread, whole.shown):>9}"
        f"{_bound(whole.first_frame, whole.shown):>7}{'':>8}{'':>9}"
        f"{_bound(whole.frames_timing, whole.frames_shown):>8}{_bound(whole.frames_misread, whole.frames_shown):>8}"
        "   (of all, with 95 % confidence: Wilson)"
    )


def together(by_kind: Mapping[str, Totals]) -> Totals:
    """Return the sums over all kinds."""
    whole = Totals()
    for totals in by_kind.values():
        whole = whole + totals
    return whole


def _row(kind: str, totals: Totals, cost: Cost) -> str:
    return (
        f"{kind:<12}{totals.shown:>8}{totals.timing:>9}{totals.misread:>9}{totals.first_frame:>7}"
        f"{totals.unreadable:>8}{totals.frames_shown:>9}{totals.frames_timing:>8}{totals.frames_misread:>8}"
        f"{f'{totals.partial}/{totals.partial_open}':>14}{totals.overdone_share:>8.2%}{totals.covered_share:>8.2%}"
        f"{_number(cost.detector):>7}{_number(cost.worker):>6}{_number(cost.lag):>7}"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _bound(count: int, of: int) -> str:
    return f"{wilson(count, of)[1]:.2%}" if of else "-"


def leaks(by_kind: Mapping[str, Totals]) -> Iterator[str]:
    """Yield a line for each secret that leaked."""
    for totals in by_kind.values():
        for scene, secret in totals.leaks:
            how = " and ".join(
                way for way, frames in (("timing", secret.by_timing), ("misread", secret.by_misread)) if frames
            )
            first = ", from the first frame on" if secret.first_frame else ""
            spans = " ".join(f"{a}-{b}" if b > a else f"{a}" for a, b in secret.open[:8])
            more = " ..." if len(secret.open) > 8 else ""
            yield (
                f"  {scene} {secret.id} ({secret.category}): {how}{first}; "
                f"{secret.leaked} of {secret.shown} frames: {spans}{more}"
            )


def verdicts(by_kind: Mapping[str, Totals], figures: Figures, whole_run: bool) -> Iterator[Verdict]:
    """Yield the required figures; how much is shown is one of them in a whole run."""
    totals = together(by_kind)
    if whole_run:
        yield _least("distinct secrets", totals.shown, LEAST_SECRETS)
        yield _least("secret-frames", totals.frames_shown, LEAST_FRAMES)
        yield _least("kinds of scenes", len(by_kind), LEAST_KINDS)
    yield Verdict(
        "distinct secrets that leaked by timing",
        f"{totals.timing} of {totals.shown}",
        f"none; it is below {_bound(totals.timing, totals.shown)} with 95 % confidence",
        not totals.timing,
    )
    share = totals.misread / totals.shown if totals.shown else 0.0
    yield Verdict(
        "distinct secrets that leaked by a misread",
        f"{totals.misread} of {totals.shown}, {share:.2%}",
        f"<= {MISREAD:.0%}; <= {MISREAD_SOUGHT:.1%} is sought; below {_bound(totals.misread, totals.shown)}",
        share <= MISREAD,
    )
    yield _most("veiled without cause, of area and time", totals.overdone_share, OVERDONE)
    yield _most("covered by slate, of the time", totals.covered_share, COVERED)
    yield Verdict("delay", f"{figures.delay:.2f} s", f"<= {DELAY:g} s", figures.delay <= DELAY)
    for camera, most in ((False, CORES), (True, CORES_CAMERA)):
        taken = {
            kind: cost.detector
            for kind, cost in figures.costs.items()
            if (kind in CAMERA) == camera and cost.detector is not None
        }
        if taken:
            worst = max(taken, key=lambda kind: taken[kind])
            what = f"processors that detectors take, {'camera' if camera else 'text'}"
            yield Verdict(what, f"{taken[worst]:.2f} ({worst})", f"<= {most:g}", taken[worst] <= most)
    if figures.live:
        yield Verdict("restarts of worker and detectors", f"{figures.restarts}", "none", not figures.restarts)
        yield Verdict("broken promises", f"{figures.broken_promises}", "none", not figures.broken_promises)


def confirmed(markers: int, hidden: int) -> Verdict:
    """Return whether all ``markers`` were found; ``hidden`` of them were covered."""
    return Verdict("markers that confirm the pace", f"{markers - hidden} of {markers}", "all", not hidden)


def sent(frames: int, left_out: int) -> Verdict:
    """Return whether viewers got all ``frames``, as good as: a room that is too busy leaves some out."""
    share = left_out / frames if frames else 0.0
    return _most("frames that the room left out", share, LEFT_OUT)


def _least(what: str, count: int, least: int) -> Verdict:
    return Verdict(what, f"{count}", f">= {least}", count >= least)


def _most(what: str, share: float, most: float) -> Verdict:
    return Verdict(what, f"{share:.2%}", f"<= {most:.0%}", share <= most)


def notes(figures: Figures) -> Sequence[str]:
    """Return what else there is to know of a run."""
    covered = ", ".join(f"{cause} {seconds:.1f} s" for cause, seconds in figures.covered.items() if seconds > 0.05)
    lines = [f"filter {figures.spec}, delay {figures.delay:.2f} s"]
    if figures.live:
        lines.append(f"slate by the room's own count: {covered or 'none'}")
        lines.append(f"worker: {figures.dropped} frames dropped, {figures.repeated} repeated")
    if figures.shed:
        lines.append(f"the room shed {figures.shed}: what was received is not what a machine with time to spare gives")
    return lines
