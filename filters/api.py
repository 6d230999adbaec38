"""What a filter is: the types that authors work with, and nothing that runs them. No I/O.

Two sorts. A **plain filter** (``video_filter``, ``audio_filter``, or a class) changes each picture or block of sound as
it goes out. A **detector** looks ahead: it is given the stream at once, while viewers get it ``lookahead`` later, and
says what is to be covered (``Finding``) and how far it has made up its mind (``Detector.clearance``).

Times are integers, ``TICKS`` a second, on the room's timeline; plain filters are told seconds.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, TypeAlias, TypeVar, overload

if TYPE_CHECKING:  # numpy takes a while, and who only reads specs does not need it
    import numpy as np
    from numpy.typing import NDArray

    Bytes: TypeAlias = NDArray[np.uint8]
    Samples: TypeAlias = NDArray[np.float32]

TICKS = 90_000
"""Ticks in a second."""
SAMPLE_RATE = 48_000
"""Samples of sound in a second, whatever the host sends."""

_CATEGORY = re.compile(r"[a-z][a-z0-9-]{0,31}")
_LONGEST = 3600 * TICKS


class Kind(StrEnum):
    """What of a stream something is about."""

    PICTURE = "picture"
    SOUND = "sound"


class Effect(StrEnum):
    """How something is covered: the first three in pictures, the others in sound.

    A blur or coarse pixels can be undone in part: what must not be read is filled.
    """

    FILL = "fill"
    PIXELATE = "pixelate"
    BLUR = "blur"
    MUTE = "mute"
    TONE = "tone"

    @property
    def kind(self) -> Kind:
        """What it covers."""
        return Kind.SOUND if self in (Effect.MUTE, Effect.TONE) else Kind.PICTURE


class Box(NamedTuple):
    """A part of a picture, in its pixels. What lies outside the picture is nobody's."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to cover, from ``start`` to before ``end`` (ticks), in a ``box`` of the picture or all of it.

    ``category`` says what sort of thing it is (a word of a-z, 0-9 and -, such as ``card-number``), never its content:
    it is shown and logged. ``score`` is how sure the detector is, 0 to 1. Raises ValueError for what makes no sense.
    """

    kind: Kind
    start: int
    end: int
    category: str
    box: Box | None = None
    score: float = 1.0
    effect: Effect | None = None
    """None: what hides most, ``fill`` or ``mute``."""

    def __post_init__(self) -> None:
        _check_times(self.start, self.end)
        _check_category(self.category)
        _check_box(self.box)
        if self.box is not None and self.kind is Kind.SOUND:
            raise ValueError("a finding in sound has no box")
        if not isinstance(self.score, int | float) or not 0 <= self.score <= 1:
            raise ValueError(f"a score is 0 to 1, not {self.score!r}")
        if self.effect is not None and self.effect.kind is not self.kind:
            raise ValueError(f"{self.effect} is no effect for {self.kind}")

    @property
    def covering(self) -> Effect:
        """The effect that is meant."""
        return self.effect or (Effect.MUTE if self.kind is Kind.SOUND else Effect.FILL)


@dataclass(frozen=True, slots=True)
class Unverified:
    """A part of the picture that the detector has not made up its mind about, from ``start`` (ticks) on.

    The clearance may go past it: it alone is covered until ``Verified`` with the same ``id``, the rest goes out. What
    of it must stay covered is said by findings, before that.
    """

    id: int
    start: int
    box: Box
    category: str = "unverified"
    effect: Effect = Effect.FILL

    def __post_init__(self) -> None:
        _check_times(self.start, self.start + 1)
        _check_category(self.category)
        _check_box(self.box)
        if not isinstance(self.id, int) or self.id < 0:
            raise ValueError(f"an id is a whole number from 0 on, not {self.id!r}")
        if self.effect.kind is not Kind.PICTURE:
            raise ValueError(f"{self.effect} is no effect for pictures")


@dataclass(frozen=True, slots=True)
class Verified:
    """The detector has made up its mind about an ``Unverified``: it is covered no longer, but for findings."""

    id: int


Said: TypeAlias = Finding | Unverified | Verified
"""What a detector may say."""


class Upto(NamedTuple):
    """Two points on the timeline (ticks): all pictures before ``picture``, and all sound before ``sound``."""

    picture: int
    sound: int


@dataclass(frozen=True, slots=True)
class Stream:
    """What a filter will be given: pictures of ``width`` x ``height`` pixels, all of one size, ``frame_rate`` a second
    (constant for plain filters, the host's own for detectors; 0 x 0 where there is sound alone), and sound at
    ``SAMPLE_RATE`` in ``channels`` (1 or 2; 0 where there is none)."""

    width: int
    height: int
    frame_rate: float
    channels: int
    cores: float = 1.0
    """Processors that the room's detectors may take between them: one that can, takes less by looking less often, never
    by clearing what it has not looked at."""
    live: bool = True
    """Whether pictures and sound come in their time, and do not wait; a file's do."""


class Planes(NamedTuple):
    """A picture as it is coded: luma (height, width), and chroma (height // 2, width // 2) twice; uint8, BT.709,
    limited range (16 is black, 235 white; 128 no colour)."""

    y: "Bytes"
    u: "Bytes"
    v: "Bytes"


class Picture:
    """A decoded picture as a detector gets it, of the size that viewers get at best. ``pts`` in ticks.

    ``planes`` are for reading only, and only until the call returns; ``bgr`` makes a copy.
    """

    __slots__ = ("_bgr", "planes", "pts")

    def __init__(self, pts: int, planes: Planes, bgr: "Callable[[Planes], Bytes]") -> None:
        self.pts = pts
        self.planes = planes
        self._bgr = bgr

    @property
    def bgr(self) -> "Bytes":
        """The picture as uint8 BGR (height, width, 3): a new array each time."""
        return self._bgr(self.planes)


@dataclass(frozen=True, slots=True)
class Sound:
    """Sound as a detector gets it: float32 (channels, count), 1 is full scale, without a hole from one to the next.

    ``pts`` (ticks) is when the first sample is heard; ``first`` is its number, counted from tick 0 of the timeline.
    """

    pts: int
    first: int
    samples: "Samples"


class Filter:
    """What all filters have in common. An instance works on one broadcast, in one thread.

    What ``__init__`` takes by keyword are the filter's options: str, int, float, bool, a ``Literal`` of strings, or a
    tuple of strings, each with a default unless it must be given.
    """

    def open(self, stream: Stream) -> None:
        """Get ready: load models, allocate. Called once, before anything else; the room is covered until it returns."""

    def close(self) -> None:
        """Let go of what ``open`` took. Not called if the process is killed."""


class VideoFilter(Filter):
    """A plain filter for pictures."""

    pixels: ClassVar[Literal["bgr", "yuv"]] = "bgr"
    """How ``picture`` gets them: as one BGR array, or as ``Planes``, which takes less time."""

    def picture(self, image: Any, t: float) -> Any:  # noqa: ANN401 - by ``pixels``
        """Return what is shown at ``t`` (seconds) instead of ``image``: of the same shape, uint8.

        ``image`` may be changed and returned.
        """
        raise NotImplementedError


class AudioFilter(Filter):
    """A plain filter for sound."""

    def sound(self, samples: "Samples", t: float) -> "Samples":
        """Return what is heard from ``t`` (seconds) on instead of ``samples``, float32 (channels, count): as many.

        ``samples`` may be changed and returned.
        """
        raise NotImplementedError


class Detector(Filter):
    """Looks ahead. Override ``picture``, ``sound`` or both, and ``clearance`` unless you decide about each at once.

    Whatever is not cleared when its time has come is covered, whole: say less rather than too much.
    """

    lookahead: float = 1.0
    """Seconds that it needs from the moment something is there until it has been found: the room's delay is the
    longest of its detectors'."""
    context: float = 0.0
    """Seconds that it has to have heard or seen before it can judge: so much is covered where it begins anew."""

    @property
    def takes(self) -> frozenset[Kind]:
        """What it is given, and has a say in: what it overrides."""
        own = type(self)
        pictures = {Kind.PICTURE} if own.picture is not Detector.picture else set()
        sounds = {Kind.SOUND} if own.sound is not Detector.sound else set()
        return frozenset(pictures | sounds)

    def picture(self, picture: Picture) -> Iterable[Said]:
        """Look at the next picture."""
        raise NotImplementedError

    def sound(self, sound: Sound) -> Iterable[Said]:
        """Listen to the next sound."""
        raise NotImplementedError

    def clearance(self, seen: Upto) -> Upto:
        """Return how far all has been said: no later finding begins before that.

        ``seen`` is how far it has been given the stream. Never more than ``seen``, and never past the start of what is
        undecided yet, unless that is ``Unverified``.
        """
        return seen


_F = TypeVar("_F", bound=Callable[..., Any])
_PLAIN = "__filter_function__"


@overload
def video_filter(function: Callable[..., Any], /) -> type[Any]: ...
@overload
def video_filter(*, pixels: Literal["bgr", "yuv"]) -> Callable[[Callable[..., Any]], type[Any]]: ...
def video_filter(function: Callable[..., Any] | None = None, *, pixels: Literal["bgr", "yuv"] = "bgr") -> Any:
    """Make a filter of ``function(image, t, *, options…)``: see ``VideoFilter``."""

    def make(function: Callable[..., Any]) -> type[VideoFilter]:
        def picture(self: Any, image: Any, t: float) -> Any:  # noqa: ANN401
            return function(image, t, **self.options)

        return _filter_class(function, VideoFilter, {"picture": picture, "pixels": pixels})

    return make(function) if function is not None else make


def audio_filter(function: Callable[..., Any]) -> type[AudioFilter]:
    """Make a filter of ``function(samples, t, *, options…)``: see ``AudioFilter``."""

    def sound(self: Any, samples: Any, t: float) -> Any:  # noqa: ANN401
        return function(samples, t, **self.options)

    return _filter_class(function, AudioFilter, {"sound": sound})


_Base = TypeVar("_Base", bound=Filter)


def _filter_class(function: Callable[..., Any], base: type[_Base], members: dict[str, Any]) -> type[_Base]:
    def __init__(self: Any, **options: Any) -> None:  # noqa: ANN401, N807
        self.options = options

    made = {
        **members,
        "__init__": __init__,
        "__doc__": function.__doc__,
        "__module__": function.__module__,
        "__qualname__": function.__qualname__,
        _PLAIN: staticmethod(function),
    }
    return type(function.__name__, (base,), made)


def options_of(filter_class: type[Filter]) -> Callable[..., Any]:
    """Return the callable whose keyword-only parameters are the filter's options."""
    function = getattr(filter_class, _PLAIN, None)
    return function if function is not None else filter_class.__init__


def _check_times(start: object, end: object) -> None:
    if not (isinstance(start, int) and isinstance(end, int)):
        raise ValueError(f"times are whole ticks ({TICKS} a second), not {start!r} and {end!r}")
    if not 0 <= start < end:
        raise ValueError(f"an interval from {start} to {end} is none")
    if end - start > _LONGEST:
        raise ValueError("a finding lasts an hour at most: say what goes on in pieces")


def _check_category(category: object) -> None:
    if not isinstance(category, str) or not _CATEGORY.fullmatch(category):
        raise ValueError("a category is a word of a-z, 0-9 and -, at most 32 of them")


def _check_box(box: object) -> None:
    if box is None:
        return
    if not isinstance(box, Box) or not all(isinstance(side, int) for side in box):
        raise ValueError("a box is Box(left, top, width, height) in whole pixels")
    if box.width <= 0 or box.height <= 0 or max(map(abs, box)) > 1 << 16:
        raise ValueError(f"a box of {box.width} x {box.height} pixels at {box.left}, {box.top} makes no sense")
