"""Decodes what was got, and judges what the multivariant playlist says of it. No I/O."""

import io
from collections.abc import Iterable, Sequence

import av

from tests.support.hls import rules
from tests.support.hls.findings import Place
from tests.support.hls.media import Media, Seen
from tests.support.hls.multivariant import Multivariant, Variant

_MOST_OVER = 0.9
_RATE_OFF = 0.02
_RATE_MORE = 1.1
"""Where one source takes over from another a frame may be shorter."""
_LEAST_SECONDS = 1.0
"""Shorter segments tell no frame rate."""


def decoded_sizes(media: Media, segments: Iterable[Seen], place: Place) -> set[tuple[int, int]]:
    """Decode ``segments``; return the sizes of their pictures, with square pixels."""
    sizes = set()
    for seen in segments:
        number = seen.entry.number
        data = media.inits[seen.entry.init or ""] + media.segments[number]
        count = 0
        try:
            with av.open(io.BytesIO(data), "r", format="mov,mp4") as container:
                for frame in container.decode(container.streams[0]):
                    count += 1
                    if isinstance(frame, av.VideoFrame):
                        ratio = container.streams.video[0].sample_aspect_ratio
                        sizes.add((round(frame.width * (ratio or 1)), frame.height))
        except av.FFmpegError as error:
            place.hold(rules.DECODES, False, f"segment {number}: {error}")
            continue
        place.hold(rules.DECODES, count >= seen.samples - 1, f"segment {number}: {count} of {seen.samples} samples")
    return sizes


def peak(segments: Sequence[tuple[float, int]], target: float) -> float:
    """The peak segment bit rate of segments (seconds, bytes): of all contiguous ones that last between half and one
    and a half of the target together (RFC 8216, 4.1)."""
    best = 0.0
    for begin in range(len(segments)):
        seconds = size = 0.0
        for length, count in segments[begin:]:
            seconds, size = seconds + length, size + count
            if seconds > 1.5 * target:
                break
            if seconds >= 0.5 * target and seconds:
                best = max(best, size * 8 / seconds)
    return best


def check_bandwidth(variant: Variant, peaks: Sequence[float], place: Place) -> None:
    said = variant.number("BANDWIDTH") or 0.0
    seen = f"{variant.uri}: {said:.0f} bit/s are said, {sum(peaks):.0f} are there"
    place.hold(rules.BANDWIDTH, said >= _MOST_OVER * sum(peaks), seen)


def check_codecs(variant: Variant, tracks: Sequence[str], place: Place) -> None:
    said = sorted(each.lower() for each in variant.codecs)
    place.hold(
        rules.CODECS,
        said == sorted(each.lower() for each in tracks),
        f"{variant.uri}: {said} are said, {sorted(tracks)} are there",
    )


def check_picture(
    master: Multivariant, variant: Variant, segments: Sequence[Seen], sizes: set[tuple[int, int]], place: Place
) -> None:
    """What is said of a picture is what can be seen."""
    said = variant.said.get("RESOLUTION")
    shown = {f"{width}x{height}" for width, height in sizes}
    place.hold(rules.RESOLUTION, not shown or said in shown, f"{variant.uri}: {said}, decoded {sorted(shown)}")
    rates = [seen.samples / (seen.end - seen.start) for seen in segments if seen.end - seen.start >= _LEAST_SECONDS]
    rate = variant.number("FRAME-RATE")
    if rates and rate:
        nearest = min(rates, key=lambda each: abs(each - rate))
        text = f"{variant.uri}: {rate:g} a second are said, {nearest:.3f} are there, and up to {max(rates):.3f}"
        place.hold(rules.FRAME_RATE, abs(nearest / rate - 1) <= _RATE_OFF and max(rates) <= rate * _RATE_MORE, text)
    if master.independent:
        for seen in segments:
            place.hold(rules.INDEPENDENT, seen.key, f"segment {seen.entry.number} of {variant.uri}")
