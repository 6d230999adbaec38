"""Runs a room's plain filters, one after the other, and holds each to what it has promised. Threads: one caller."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from filters.api import AudioFilter, Filter, Planes, Stream, VideoFilter
from filters.errors import FilterError
from filters.faults import explain, named, source_of
from filters.pixels import bgr_of, planes_of

if TYPE_CHECKING:
    from filters.api import Bytes, Samples

_T = TypeVar("_T")


class Chain:
    """Plain filters in order, each with the title that it is called by. Raises FilterError, which names the filter,
    whatever goes wrong in one; nothing that the filters were given can be used after that."""

    def __init__(self, filters: Sequence[tuple[str, Filter]]) -> None:
        self._links = [_Link(title, made) for title, made in filters]
        self._videos = [link for link in self._links if isinstance(link.filter, VideoFilter)]
        self._audios = [link for link in self._links if isinstance(link.filter, AudioFilter)]
        self._open: list[_Link] = []

    @property
    def pictures(self) -> bool:
        """Whether any of them changes pictures."""
        return bool(self._videos)

    @property
    def sounds(self) -> bool:
        """Whether any of them changes sound."""
        return bool(self._audios)

    def open(self, stream: Stream) -> None:
        """Get all of them ready for ``stream``. If one fails, those before it are closed again."""
        try:
            for link in self._links:
                link.call(link.filter.open, stream)
                self._open.append(link)
        except FilterError:
            self.close()
            raise

    def close(self) -> None:
        """Close those that are open, the last one first; if some fail, the first error is raised after that."""
        errors = []
        while self._open:
            link = self._open.pop()
            try:
                link.call(link.filter.close)
            except FilterError as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def picture(self, planes: Planes, t: float) -> Planes:
        """Return what is shown at ``t`` (seconds) instead of ``planes``: these, changed, or new ones.

        ``planes`` must be writable, and are not to be used any more.
        """
        image: Bytes | None = None  # what they show, while filters work on that
        for link in self._videos:
            if link.pixels == "yuv":
                if image is not None:
                    planes, image = planes_of(np.ascontiguousarray(image)), None
                link.planes(planes, t)
            else:
                given = bgr_of(planes) if image is None else image
                image = link.image(given, t)
                if image is not given and link is not self._videos[-1]:
                    # It may be shown by that filter again, or be a window on something: the next one writes into it.
                    image = np.array(image, order="C")
        return planes if image is None else planes_of(np.ascontiguousarray(image))

    def sound(self, samples: "Samples", t: float) -> "Samples":
        """Return what is heard from ``t`` (seconds) on instead of ``samples``: these, changed, or new ones."""
        for link in self._audios:
            samples = link.samples(samples, t)
        return samples


class _Link:
    """A filter of the chain, and what is checked of it each time."""

    def __init__(self, title: str, made: Filter) -> None:
        self.title = title
        self.filter = made
        self.pixels = getattr(made, "pixels", "bgr")
        if not isinstance(made, VideoFilter | AudioFilter):
            raise FilterError(named(title, "it is no plain filter"))
        if self.pixels not in ("bgr", "yuv"):
            raise FilterError(self._wrong(f"its pixels are 'bgr' or 'yuv', not {self.pixels!r}"))

    def call(self, function: Callable[..., _T], *arguments: object) -> _T:
        """Call the author's ``function``."""
        try:
            return function(*arguments)
        except Exception as error:  # an author's code, which may do anything
            raise FilterError(explain(self.title, error, source_of(type(self.filter)))) from error

    def image(self, image: "Bytes", t: float) -> "Bytes":
        """Return what the filter makes of ``image``."""
        shape = image.shape
        made = self.call(self.filter.picture, image, t)  # type: ignore[attr-defined]
        self._check(made, "a picture", shape, np.dtype(np.uint8))
        return cast("Bytes", made)

    def planes(self, planes: Planes, t: float) -> None:
        """Have the filter change ``planes``."""
        shapes = [plane.shape for plane in planes]
        made = self.call(self.filter.picture, planes, t)  # type: ignore[attr-defined]
        if made is None or made is planes:
            return
        if not isinstance(made, tuple) or len(made) != len(planes):
            raise FilterError(self._wrong(f"returned {type(made).__name__}, not Planes"))
        for plane, new, shape, name in zip(planes, made, shapes, Planes._fields, strict=True):
            self._check(new, f"a plane {name}", shape, np.dtype(np.uint8))
            if new is not plane:
                np.copyto(plane, new)

    def samples(self, samples: "Samples", t: float) -> "Samples":
        """Return what the filter makes of ``samples``."""
        shape = samples.shape
        made = self.call(self.filter.sound, samples, t)  # type: ignore[attr-defined]
        self._check(made, "sound", shape, np.dtype(np.float32))
        if not np.isfinite(made).all():
            raise FilterError(self._wrong("returned sound with samples that are no numbers (NaN or infinite)"))
        return samples if made is samples else np.array(made, order="C")

    def _check(self, made: Any, what: str, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> None:  # noqa: ANN401
        if made is None:
            raise FilterError(self._wrong("returned nothing: end it with return and what is to go out"))
        if not isinstance(made, np.ndarray):
            raise FilterError(self._wrong(f"returned {type(made).__name__}, not {what} as a numpy array"))
        if made.shape != shape:
            raise FilterError(self._wrong(f"returned {what} of shape {made.shape}, not {shape}"))
        if made.dtype != dtype:
            raise FilterError(self._wrong(f"returned {what} of {made.dtype}, not {dtype}: use .astype({dtype.name!r})"))

    def _wrong(self, text: str) -> str:
        source = source_of(type(self.filter))
        return named(self.title, f"{text} ({Path(source).name})" if source else text)
